import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/** The open worklist, whichever engine keeps it. */
export interface WorklistDatabase {
  /** For writing (in `inTransaction`), and for reading what was just written. */
  readonly db: Kysely<Schema>;
  /** For answers to people, on read-only connections: a write that waits for another process's lock does not hold pages up. */
  readonly reads: Kysely<Schema>;
  close(): Promise<void>;
}
