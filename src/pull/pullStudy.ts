import type { Clock } from '../base/clock.ts';
import { TriageError, messageOf } from '../base/errors.ts';
import type { MoveOutcome, RetrieveScu } from '../pacs/retrieveScu.ts';

/** How the fetching of one study ended. */
export interface PulledStudy extends MoveOutcome {
  /** Objects of the study that the agent has on record; null when nothing was asked for. */
  onRecord: number | null;
}

export interface PullPorts {
  move: RetrieveScu['move'];
  /** AE title of the agent, by which the PACS knows where to send. */
  moveDestination: string;
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
    const outcome = await ports.move(studyInstanceUid, ports.moveDestination);
    const onRecord = await recorded(studyInstanceUid, outcome.completed, ports);
    const missing = outcome.problem === null && onRecord < outcome.completed;
    return {
      ...outcome,
      onRecord,
      problem: missing
        ? `it says that it sent ${outcome.completed} objects, and ${onRecord} of this study are on record: Connections says what was refused`
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
