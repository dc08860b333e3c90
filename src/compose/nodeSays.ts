import type { SystemStatus } from '../answers/systemAnswer.ts';

/** What the node that receives and analyses says of itself, for the pages of the others. */
export type NodeWork = Pick<SystemStatus, 'model' | 'modelError' | 'shadow' | 'receiver' | 'hl7' | 'encodedOnArrival'>;

/** What a node says of itself at each beat. */
export interface NodeSays {
  /** Longest time in the last minute for which it stood still. */
  loopLagMs: number;
  /** Null where it does not receive. */
  receives: NodeWork | null;
}
