import type { SystemStatus } from '../answers/systemAnswer.ts';
import type { SharedSettings } from './sharedSettings.ts';

/** What the node that receives says of itself, for the pages of the others. */
export type ReceiverSays = Pick<SystemStatus, 'receiver' | 'hl7'>;

/** What a node that analyses says of its networks, and how many slices it encoded while their study arrived. */
export type NetworkSays = Pick<SystemStatus, 'model' | 'modelError' | 'shadow' | 'encodedOnArrival'>;

/** What a node says of itself at each beat. */
export interface NodeSays {
  /** Longest time in the last minute for which it stood still. */
  loopLagMs: number;
  /** What must be the same everywhere; left out by an agent of an earlier version. */
  settings?: SharedSettings;
  /** Null where it does not receive. */
  receives: ReceiverSays | null;
  /** Null where it does not analyse. An agent of an earlier version says nothing of slices. */
  analyses: (Omit<NetworkSays, 'encodedOnArrival'> & Partial<NetworkSays>) | null;
}
