import type { Clock } from '../base/clock.ts';

/** How studies are fetched: `auto` is C-GET where the archive offers it, else C-MOVE. */
export type RetrieveWay = 'move' | 'get' | 'auto';

/** How a retrieval ended. */
export interface RetrieveOutcome {
  /** Objects that came; with C-MOVE, as the archive says. */
  completed: number;
  failed: number;
  /** Null when everything was sent; else why not, and what to do. */
  problem: string | null;
}

/** Where the objects of a retrieval go. */
export interface RetrieveTarget {
  /** With C-MOVE the Move Destination; with C-GET the title by which the Storage SCP is called. */
  receivingAeTitle: string;
  clock: Clock;
  /** Nobody waits for it. */
  isBackground: boolean;
  /** Hears how many objects came so far. */
  onSent?: ((objects: number) => void) | undefined;
}
