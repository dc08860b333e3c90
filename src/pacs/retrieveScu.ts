import type { Clock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { STUDY_ROOT_FIND } from '../dicom/sopClasses.ts';
import type { PatientIdentity } from '../case/case.ts';
import { decodeText } from '../dicom/charset.ts';
import { textOf, writeElements } from '../dimse/commandSet.ts';
import {
  ctsOfDays,
  dayRange,
  MOST_MATCHES,
  statedNumber,
  withValue,
  type ArchiveClient,
  type FoundStudy,
} from './archiveClient.ts';
import type { DimsePeer } from './dimseAssociation.ts';
import { findMatches, openService, unreachable } from './dimseService.ts';
import { getStudy, notOffered, openGet, type StorageDoor } from './getScu.ts';
import { moveStudy } from './moveScu.ts';
import { retrievablePairs } from './retrievablePairs.ts';
import type { RetrieveWay } from './retrieveOutcome.ts';

export interface RetrieveOptions {
  clock: Clock;
  /** Default: C-MOVE. */
  way?: RetrieveWay;
  /** Where objects go that come by C-GET; asked for at each retrieval, null while it is not open. */
  door?: () => StorageDoor | null;
  /** Retrievals have the priority LOW (PS3.7 E.1): nobody waits for them. */
  isBackground?: boolean;
}

const TAG = {
  specificCharacterSet: 0x00080005,
  queryRetrieveLevel: 0x00080052,
  studyDate: 0x00080020,
  accessionNumber: 0x00080050,
  modalitiesInStudy: 0x00080061,
  /** Asked for before a C-GET only. */
  sopClassesInStudy: 0x00080062,
  studyDescription: 0x00081030,
  patientName: 0x00100010,
  patientId: 0x00100020,
  issuerOfPatientId: 0x00100021,
  patientBirthDate: 0x00100030,
  patientSex: 0x00100040,
  studyInstanceUid: 0x0020000d,
  statedInstances: 0x00201208,
} as const;
/** What tells one patient from another; asked for only where that matters. */
const PATIENT_TAGS: readonly number[] = [
  TAG.specificCharacterSet,
  TAG.patientName,
  TAG.issuerOfPatientId,
  TAG.patientBirthDate,
];
const STUDY_TAGS = Object.values(TAG).filter((tag) => !PATIENT_TAGS.includes(tag) && tag !== TAG.sopClassesInStudy);

/** An archive that is asked by C-FIND, and sends by C-MOVE or C-GET (PS3.4 C). */
export function createRetrieveScu(
  peer: DimsePeer,
  { clock, way = 'move', door = () => null, isBackground = false }: RetrieveOptions,
): ArchiveClient {
  const openFor = (sopClassUid: string, service: string) =>
    openService(peer, sopClassUid, clock, (refusal) => `it does not offer ${service}: ${refusal}`);

  const matches = async (
    asked: readonly (readonly [tag: number, value: string])[],
    alsoReturned: readonly number[] = [],
  ): Promise<ReadonlyMap<number, Buffer>[]> => {
    const keys = new Map([
      ...[...STUDY_TAGS, ...alsoReturned].map((tag) => [tag, ''] as const),
      [TAG.queryRetrieveLevel, 'STUDY'],
      ...asked,
    ]);
    const { association, contextId } = await openFor(STUDY_ROOT_FIND, 'C-FIND');
    const found = await findMatches(peer, association, contextId, keys, MOST_MATCHES);
    await association.release();
    return found.filter((elements) => textOf(elements, TAG.studyInstanceUid) !== '');
  };
  const query = async (asked: Parameters<typeof matches>[0]): Promise<FoundStudy[]> =>
    (await matches(asked)).map(studyOf);

  /** What the archive says that a study holds; nothing where it does not say. An archive that cannot be asked is told of by what follows. */
  const sopClassesIn = async (studyInstanceUid: string): Promise<string[]> => {
    try {
      const found = await matches([[TAG.studyInstanceUid, studyInstanceUid]], [TAG.sopClassesInStudy]);
      return found.flatMap((elements) => textOf(elements, TAG.sopClassesInStudy).split('\\')).map((uid) => uid.trim());
    } catch (error) {
      if (error instanceof TriageError) return [];
      throw error;
    }
  };

  return {
    find: async (key, value) => withValue(await query([[TAG[key], value]]), key, value),
    findOfPatient: async (patientId) => {
      const found = await matches([[TAG.patientId, patientId]], PATIENT_TAGS);
      return found.map((elements) => ({ ...studyOf(elements), patient: patientIn(elements) }));
    },
    findCts: async (from, to) => {
      const found = await query([
        [TAG.studyDate, dayRange(from, to)],
        [TAG.modalitiesInStudy, 'CT'],
      ]);
      return ctsOfDays(found, from, to);
    },
    retrieve: async ({ studyInstanceUid }, receivingAeTitle, onSent) => {
      const identifier = writeElements(
        new Map([
          [TAG.queryRetrieveLevel, 'STUDY'],
          [TAG.studyInstanceUid, studyInstanceUid],
        ]),
      );
      const to = { receivingAeTitle, clock, onSent, isBackground };
      if (way === 'move') return moveStudy(peer, identifier, to);
      const storage = door();
      const expected = await sopClassesIn(studyInstanceUid);
      const [pairs, ...rest] = retrievablePairs({ expected, privateClasses: storage?.privateClasses ?? [] });
      const opened = await openGet(peer, clock, pairs!);
      if (!('refusal' in opened)) return getStudy(peer, { ...opened, rest }, identifier, { ...to, door: storage });
      if (way === 'get') throw unreachable(peer, notOffered(opened.refusal));
      return moveStudy(peer, identifier, to);
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
    statedInstances: statedNumber(text(TAG.statedInstances)),
    modalities: text(TAG.modalitiesInStudy)
      .split('\\')
      .map((one) => one.trim())
      .filter((one) => one !== ''),
  };
}

/** With its texts decoded (PS3.5 6.1.2): names are compared. */
function patientIn(elements: ReadonlyMap<number, Buffer>): PatientIdentity {
  const characterSets = textOf(elements, TAG.specificCharacterSet)
    .split('\\')
    .map((one) => one.trim());
  const text = (tag: number, vr: string): string =>
    decodeText(elements.get(tag) ?? Buffer.alloc(0), characterSets, vr)
      .join('\\')
      .replace(/[\0 ]+$/, '');
  return {
    patientId: text(TAG.patientId, 'LO'),
    issuerOfPatientId: text(TAG.issuerOfPatientId, 'LO'),
    patientName: text(TAG.patientName, 'PN'),
    patientBirthDate: textOf(elements, TAG.patientBirthDate).trim(),
    patientSex: textOf(elements, TAG.patientSex).trim(),
  };
}
