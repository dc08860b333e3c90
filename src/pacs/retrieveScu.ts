import type { Clock } from '../base/clock.ts';
import { hex16 } from '../base/hex16.ts';
import { STUDY_ROOT_FIND, STUDY_ROOT_MOVE } from '../dicom/sopClasses.ts';
import { COMMAND_FIELD, COMMAND_TAG, textOf, uint16Of, writeElements } from '../dimse/commandSet.ts';
import type { DimsePeer } from './dimseAssociation.ts';
import { findMatches, isPending, openService, requestOf } from './dimseService.ts';
import { dataSetInMemory } from './part10Source.ts';

/** What studies are asked for by; one of them. */
export type StudyKey = 'studyInstanceUid' | 'accessionNumber' | 'patientId';

export interface FoundStudy {
  studyInstanceUid: string;
  accessionNumber: string;
  patientId: string;
  /** YYYYMMDD; empty when unknown. */
  studyDate: string;
  studyDescription: string;
  patientSex: string;
  /** NumberOfStudyRelatedInstances; null when the archive does not say. */
  statedInstances: number | null;
  /** Empty when the archive does not say. */
  modalities: string[];
}

/** How a C-MOVE ended. */
export interface MoveOutcome {
  completed: number;
  failed: number;
  /** Null when everything was sent; else why not, and what to do. */
  problem: string | null;
}

/** Finds and fetches studies of a PACS (PS3.4 C). */
export interface RetrieveScu {
  /**
   * Studies with exactly this value, and how many others the archive answered as well, which are left out.
   * @throws TriageError `pacs-unreachable`
   */
  find: (key: StudyKey, value: string) => Promise<{ studies: FoundStudy[]; others: number }>;
  /**
   * Studies with a CT of these days (DICOM DA, both included; `to` null: open).
   * @throws TriageError `pacs-unreachable`, also when there are more than can be read
   */
  findCts: (from: string, to: string | null) => Promise<FoundStudy[]>;
  /** Has a study sent to `moveDestination`, an AE title that the PACS knows; `onSent` hears how many objects went so far. @throws TriageError `pacs-unreachable` */
  move: (studyInstanceUid: string, moveDestination: string, onSent?: (objects: number) => void) => Promise<MoveOutcome>;
}

const TAG = {
  queryRetrieveLevel: 0x00080052,
  studyDate: 0x00080020,
  accessionNumber: 0x00080050,
  modalitiesInStudy: 0x00080061,
  studyDescription: 0x00081030,
  patientId: 0x00100020,
  patientSex: 0x00100040,
  studyInstanceUid: 0x0020000d,
  statedInstances: 0x00201208,
} as const;
const MAX_MATCHES = 1_000;
/** For the peer of a retrieval: an archive has to read a study from its own store before it sends the first object. */
export const MOVE_TIMEOUT_MS = 600_000;

export function createRetrieveScu(peer: DimsePeer, { clock }: { clock: Clock }): RetrieveScu {
  const openFor = (sopClassUid: string, service: string) =>
    openService(peer, sopClassUid, clock, (refusal) => `it does not offer ${service}: ${refusal}`);

  const query = async (asked: readonly (readonly [tag: number, value: string])[]): Promise<FoundStudy[]> => {
    const keys = new Map([
      ...Object.values(TAG).map((tag) => [tag as number, ''] as const),
      [TAG.queryRetrieveLevel, 'STUDY'],
      ...asked,
    ]);
    const { association, contextId } = await openFor(STUDY_ROOT_FIND, 'C-FIND');
    const found = (await findMatches(peer, association, contextId, keys, MAX_MATCHES)).map(studyOf);
    await association.release();
    return found.filter(({ studyInstanceUid }) => studyInstanceUid !== '');
  };

  return {
    find: async (key, value) => {
      const found = await query([[TAG[key], value]]);
      // An archive that does not know a key answers with everything it has (PS3.4 C.2.2.1.3).
      const studies = found.filter((study) => study[key].trim() === value.trim());
      return { studies, others: found.length - studies.length };
    },
    findCts: async (from, to) => {
      const found = await query([
        [TAG.studyDate, to === from ? from : `${from}-${to ?? ''}`],
        [TAG.modalitiesInStudy, 'CT'],
      ]);
      return found.filter(
        ({ studyDate, modalities }) =>
          (studyDate === '' || (studyDate >= from && (to === null || studyDate <= to))) &&
          (modalities.length === 0 || modalities.includes('CT')),
      );
    },
    move: async (studyInstanceUid, moveDestination, onSent) => {
      const identifier = new Map<number, string>([
        [TAG.queryRetrieveLevel, 'STUDY'],
        [TAG.studyInstanceUid, studyInstanceUid],
      ]);
      const { association, contextId } = await openFor(STUDY_ROOT_MOVE, 'C-MOVE');
      let counts = { completed: 0, failed: 0 };
      let problem: string | null = null;
      for await (const { status, command } of association.request(
        contextId,
        COMMAND_FIELD.moveRequest,
        requestOf(STUDY_ROOT_MOVE).set(COMMAND_TAG.moveDestination, moveDestination),
        dataSetInMemory(writeElements(identifier)),
      )) {
        const number = (tag: number): number => uint16Of(command, tag) ?? 0;
        // A warning is an object that was taken, with a remark.
        counts = {
          completed: Math.max(
            counts.completed,
            number(COMMAND_TAG.completedSuboperations) + number(COMMAND_TAG.warningSuboperations),
          ),
          failed: Math.max(counts.failed, number(COMMAND_TAG.failedSuboperations)),
        };
        onSent?.(counts.completed);
        if (!isPending(status))
          problem = moveProblem(status, counts, textOf(command, COMMAND_TAG.errorComment), moveDestination);
      }
      await association.release();
      return { ...counts, problem };
    },
  };
}

function studyOf(elements: ReadonlyMap<number, Buffer>): FoundStudy {
  const text = (tag: number): string => textOf(elements, tag).trim();
  return {
    studyInstanceUid: text(TAG.studyInstanceUid),
    accessionNumber: text(TAG.accessionNumber),
    patientId: text(TAG.patientId),
    studyDate: text(TAG.studyDate),
    studyDescription: text(TAG.studyDescription),
    patientSex: text(TAG.patientSex),
    statedInstances: /^\d{1,9}$/.test(text(TAG.statedInstances)) ? Number(text(TAG.statedInstances)) : null,
    modalities: text(TAG.modalitiesInStudy)
      .split('\\')
      .map((one) => one.trim())
      .filter((one) => one !== ''),
  };
}

/** PS3.4 C.4.2.1.5, and what the operator can do. */
function moveProblem(
  status: number,
  { completed, failed }: Pick<MoveOutcome, 'completed' | 'failed'>,
  comment: string,
  moveDestination: string,
): string | null {
  const why = comment === '' ? '' : ` (${comment})`;
  if (status === 0 && failed === 0) return null;
  if (status === 0xa801)
    return `it does not know the AE title ${moveDestination}${why}: register the agent there, with the host and port of receive`;
  if (status === 0xb000 || failed > 0)
    return `it could not send ${failed} of ${completed + failed} objects${why}: Connections says what was refused; is its AE title in receive.sources?`;
  if (status === 0xa701 || status === 0xa702)
    return `it is out of resources, or cannot reach the agent (${hex16(status)})${why}: check host and port of ${moveDestination} there`;
  return `it answered C-MOVE with status ${hex16(status)}${why}`;
}
