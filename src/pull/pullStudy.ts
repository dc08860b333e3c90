import type { Clock } from '../base/clock.ts';
import { TriageError, messageOf } from '../base/errors.ts';
import type { RetrieveOutcome } from '../pacs/retrieveOutcome.ts';
import type { RetrieveScu } from '../pacs/retrieveScu.ts';

/** How the fetching of one study ended. */
export interface PulledStudy extends RetrieveOutcome {
  /** Objects of the study that the agent has on record; null when nothing was asked for. */
  onRecord: number | null;
}

export interface PullPorts {
  retrieve: RetrieveScu['retrieve'];
  /** AE title of the agent's receiver. */
  receivingAeTitle: string;
  /** Objects of the study that the agent has on record, its results that came back among them. */
  countOnRecord: (studyInstanceUid: string) => Promise<number>;
  clock: Clock;
}

/** How long the agent may take to put on record what it has acknowledged. */
const RECORD_MS = 15_000;
const LOOK_MS = 250;

/** Has a PACS send a study to the agent, and compares what it says with what is on record. What does not work is in `problem`. */
export async function pullStudy(studyInstanceUid: string, ports: PullPorts): Promise<PulledStudy> {
  try {
    const outcome = await ports.retrieve(studyInstanceUid, ports.receivingAeTitle);
    const onRecord = await recorded(studyInstanceUid, outcome.completed, ports);
    const missing = outcome.problem === null && onRecord < outcome.completed;
    return {
      ...outcome,
      onRecord,
      problem: missing
        ? `${outcome.completed} objects are said to have come, and ${onRecord} of this study are on record: Connections says what was refused; what is of another study stands as a case of its own`
        : outcome.problem,
    };
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    return { completed: 0, failed: 0, onRecord: null, problem: messageOf(error) };
  }
}

/** Objects of the study on record, once they are `expected` or the agent had its time. */
async function recorded(
  studyInstanceUid: string,
  expected: number,
  { countOnRecord, clock }: Pick<PullPorts, 'countOnRecord' | 'clock'>,
): Promise<number> {
  const deadlineMs = clock.monotonicMs() + RECORD_MS;
  for (;;) {
    const count = await countOnRecord(studyInstanceUid);
    if (count >= expected || clock.monotonicMs() > deadlineMs) return count;
    await clock.sleep(LOOK_MS);
  }
}
