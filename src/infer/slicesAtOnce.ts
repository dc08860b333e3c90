import { availableParallelism } from 'node:os';

/** Number of slices to ask of a network at a time: each thread of its process works on one while the next waits there. More would only wait. */
export const SLICES_AT_ONCE = 2 * availableParallelism();
