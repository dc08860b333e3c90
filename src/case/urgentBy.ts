/** What says that a study is clinically urgent, or that it is not. */
export type UrgentBy = 'person' | 'order' | 'rule';
