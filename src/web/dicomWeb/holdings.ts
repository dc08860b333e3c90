import type { HeldObject } from '../../worklist/list/heldObjects.ts';
import type { StoredObjects } from './storedObjects.ts';

/** Names what is searched or retrieved: a study, or one series or instance of it. */
export interface Target {
  studyInstanceUid: string;
  seriesInstanceUid?: string | undefined;
  sopInstanceUid?: string | undefined;
}

/** What the agent holds on disk. */
export interface Holdings {
  stored: StoredObjects;
  /** @throws TriageError `not-found` when there are none */
  objectsOf: (target: Target) => Promise<HeldObject[]>;
  pathOf: (object: HeldObject) => string;
}
