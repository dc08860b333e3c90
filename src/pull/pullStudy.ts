import type { Clock } from '../base/clock.ts';
import { TriageError, messageOf } from '../base/errors.ts';
import { samePatientId } from '../case/patientIdentity.ts';
import type { ArchiveClient, AskedStudy } from '../pacs/archiveClient.ts';
import type { RetrieveOutcome } from '../pacs/retrieveOutcome.ts';
import type { RecordedStudy } from './recordedStudy.ts';

/** How the fetching of one study ended. */
export interface PulledStudy extends RetrieveOutcome {
  /** Objects of the study that the agent has on record; null when nothing was asked for. */
  onRecord: number | null;
}

export interface PullPorts {
  retrieve: ArchiveClient['retrieve'];
  /** AE title of the agent's receiver. */
  receivingAeTitle: string;
  onRecord: (studyInstanceUid: string) => Promise<RecordedStudy>;
  clock: Clock;
}

/** How long the agent may take to put on record what it has acknowledged. */
const RECORD_MS = 15_000;
const LOOK_MS = 250;

/**
 * Brings a study from an archive to the agent, and compares what the archive says of it with what is on record: archives have sent other studies than they were
 * asked for. What does not work is in `problem`; what came instead is a case of its own.
 */
export async function pullStudy(
  study: AskedStudy & { statedInstances?: number | null },
  ports: PullPorts,
): Promise<PulledStudy> {
  try {
    const outcome = await ports.retrieve(study, ports.receivingAeTitle);
    const recorded = await whenRecorded(study.studyInstanceUid, outcome.completed, ports);
    return {
      ...outcome,
      onRecord: recorded.objects,
      problem: outcome.problem ?? shortfall(study, outcome.completed, recorded),
    };
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    return { completed: 0, failed: 0, onRecord: null, problem: messageOf(error) };
  }
}

/** What is wrong with what came of a study, by an archive that says that it has sent everything; null when nothing is. */
function shortfall(
  { patientId = '', statedInstances = null }: Parameters<typeof pullStudy>[0],
  completed: number,
  recorded: RecordedStudy,
): string | null {
  if (completed === 0) return 'it sent no object, and says that this is all';
  if (recorded.objects < completed)
    return `${completed} objects are said to have come, and ${recorded.objects} of this study are on record: Connections says what was refused; what is of another study stands as a case of its own`;
  if (patientId !== '' && recorded.patientId !== '' && !samePatientId(patientId, recorded.patientId))
    return 'the study on record is of another Patient ID than the archive names for it: find out which is right before it is read';
  return statedInstances !== null && completed < statedInstances
    ? `it sent ${completed} of ${statedInstances} objects and says that this is all`
    : null;
}

/** The study on record, once it has `expected` objects or the agent had its time. */
async function whenRecorded(
  studyInstanceUid: string,
  expected: number,
  { onRecord, clock }: Pick<PullPorts, 'onRecord' | 'clock'>,
): Promise<RecordedStudy> {
  const deadlineMs = clock.monotonicMs() + RECORD_MS;
  for (;;) {
    const recorded = await onRecord(studyInstanceUid);
    if (recorded.objects >= expected || clock.monotonicMs() > deadlineMs) return recorded;
    await clock.sleep(LOOK_MS);
  }
}
