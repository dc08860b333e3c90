/** The vertebrae that a network can name, from the skull down. */
export const VERTEBRAE = ['C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C7', 'T1'] as const;
export type Vertebra = (typeof VERTEBRAE)[number];
