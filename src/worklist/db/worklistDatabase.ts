import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/** The open worklist, whichever engine keeps it. */
export interface WorklistDatabase {
  /** For writing (in `inTransaction`), and for reading what was just written. */
  readonly db: Kysely<Schema>;
  /** For answers to people, on read-only connections: a write that waits for another process's lock does not hold pages up. */
  readonly reads: Kysely<Schema>;
  /** Hears what is announced on a channel (PostgreSQL), until the returned function is called. */
  readonly listen?: (channel: string, listening: Listening) => () => Promise<void>;
  close(): Promise<void>;
}

/** Who hears what is announced on a channel. */
export interface Listening {
  onMessage: (payload: string) => void;
  /** What was announced before this moment may have been missed: called whenever a connection begins to listen. */
  onGap: () => void;
  /** The server cannot be listened to; it is tried again until it can. */
  onError: (error: unknown) => void;
}
