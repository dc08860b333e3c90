import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { readMediaType } from '../base/mediaType.ts';
import type { PatientIdentity } from '../case/case.ts';
import { isReadableUid } from '../dicom/uids.ts';
import {
  ctsOfDays,
  dayRange,
  MOST_MATCHES,
  statedNumber,
  withValue,
  type ArchiveClient,
  type AskedStudy,
  type FoundStudy,
  type StudyKey,
} from './archiveClient.ts';
import {
  createAsker,
  firstValue,
  httpText,
  networkText,
  numberOf,
  unreachableBy,
  valuesOf,
  type Asker,
  type DicomWebService,
  type JsonDataset,
} from './dicomWebService.ts';
import type { HttpStreamed } from './httpExchange.ts';
import type { RetrieveOutcome } from './retrieveOutcome.ts';

/** A multipart/related answer of an archive, on its way to the agent's receiver. */
export interface FetchedBody {
  contentType: string;
  body: Readable;
  /** Name of the archive; objects are shown under its first 16 characters. */
  source: string;
  /** Host of the archive. */
  address: string;
  /** The receiver takes objects of nothing else. */
  study: AskedStudy;
}

/** What the receiver made of such an answer. */
export interface TakenBody {
  stored: number;
  refused: number;
  /** Some were refused for their class or transfer syntax. */
  hasUnsupported: boolean;
  /** What is wrong with the body as a whole, as a clause; null when it was read to its end. */
  fault: string | null;
  /** Why the first of the refused objects was, in a sentence; null without any. */
  refusal: string | null;
}

/**
 * Hands a body on to the agent's receiver, unread. When the body breaks off, so does what is handed on; its error stands in `body.errored`.
 * @throws TriageError `receiver-died`
 */
export type WebDoor = (fetched: FetchedBody) => Promise<TakenBody>;

/** Keys and attributes of QIDO-RS by their codes in DICOM JSON (PS3.18 F.2). */
const TAG = {
  studyDate: '00080020',
  accessionNumber: '00080050',
  modalitiesInStudy: '00080061',
  studyDescription: '00081030',
  patientName: '00100010',
  patientId: '00100020',
  issuerOfPatientId: '00100021',
  patientBirthDate: '00100030',
  patientSex: '00100040',
  studyInstanceUid: '0020000D',
  statedInstances: '00201208',
} as const;
const KEYWORD: Readonly<Record<StudyKey, string>> = {
  studyInstanceUid: 'StudyInstanceUID',
  accessionNumber: 'AccessionNumber',
  patientId: 'PatientID',
};
const PAGE = 100;
/** No match; some services answer 404 for a study that they do not hold. */
const EMPTY = [204, 404];
/** In Explicit VR Little Endian, which every archive must be able to send (PS3.18 8.7.3.5.2). */
const PART10 = 'multipart/related; type="application/dicom"';
/** As the archive keeps it. */
const AS_STORED = `${PART10}; transfer-syntax=*`;
/** Statuses of a service that does not know the parameter. */
const NOT_ACCEPTABLE = [400, 406, 415];

/**
 * An archive that is asked by QIDO-RS (PS3.18 10.6), and from which studies are fetched by WADO-RS (PS3.18 10.4). `silenceMs`: how long it may be silent before
 * and while it sends a study.
 */
export function createDicomWebArchive(
  service: DicomWebService,
  { clock, door, silenceMs }: { clock: Clock; door: WebDoor; silenceMs: number },
): ArchiveClient {
  const asker = createAsker(service, clock);
  const fetcher = createAsker({ ...service, timeoutMs: silenceMs }, clock);
  const search = async (keys: Readonly<Record<string, string>>, more: readonly string[] = []): Promise<JsonDataset[]> =>
    allPages(asker, unreachableBy(service), keys, [TAG.studyDescription, TAG.statedInstances, ...more]);

  return {
    find: async (key, value) => withValue((await search({ [KEYWORD[key]]: value })).map(studyOf), key, value),
    findOfPatient: async (patientId) => {
      const found = await search({ PatientID: patientId }, [TAG.issuerOfPatientId]);
      return found.map((dataset) => ({ ...studyOf(dataset), patient: patientIn(dataset) }));
    },
    findCts: async (from, to) => {
      const found = await search({ StudyDate: dayRange(from, to), ModalitiesInStudy: 'CT' });
      return ctsOfDays(found.map(studyOf), from, to);
    },
    retrieve: async (study, _receivingAeTitle, onSent) => {
      const outcome = await fetchStudy({ service, asker: fetcher, study, door });
      onSent?.(outcome.completed);
      return outcome;
    },
  };
}

/** What a service offers of WADO-RS, for `doctor`: null when it may be asked for studies, else what is in the way. @throws TriageError `pacs-unreachable` */
export async function wadoObstacle(asker: Asker, unknownUid: string): Promise<string | null> {
  const { status, body } = await asker.stream(`/studies/${unknownUid}`, { Accept: AS_STORED });
  body.destroy();
  // It has no such study, and says so in one way or another.
  return status === 200 || EMPTY.includes(status) || status === 410 || NOT_ACCEPTABLE.includes(status)
    ? null
    : httpText(status);
}

/** Pages until one brings nothing new: a service may give fewer than it was asked for, and one that ignores the offset repeats itself. */
async function allPages(
  asker: Asker,
  unreachable: ReturnType<typeof unreachableBy>,
  keys: Readonly<Record<string, string>>,
  fields: readonly string[],
): Promise<JsonDataset[]> {
  const found = new Map<string, JsonDataset>();
  for (let seen = 0; ;) {
    const known = found.size;
    const query = new URLSearchParams([
      ...Object.entries(keys),
      ...fields.map((tag): [string, string] => ['includefield', tag]),
      ['limit', String(PAGE)],
      ['offset', String(seen)],
    ]);
    // A space as %20, which every service reads as one.
    const page = await asker.query(`/studies?${query.toString().replaceAll('+', '%20')}`, EMPTY);
    for (const dataset of page) {
      const uid = firstValue(dataset, TAG.studyInstanceUid);
      // It becomes part of an address.
      if (isReadableUid(uid) && !found.has(uid)) found.set(uid, dataset);
    }
    if (found.size > MOST_MATCHES) throw unreachable(`it answered QIDO-RS with more than ${MOST_MATCHES} matches`);
    if (found.size === known) return [...found.values()];
    seen += page.length;
  }
}

function studyOf(dataset: JsonDataset): FoundStudy {
  const text = (tag: string): string => firstValue(dataset, tag).trim();
  const stated = numberOf(dataset, TAG.statedInstances);
  return {
    studyInstanceUid: text(TAG.studyInstanceUid),
    accessionNumber: text(TAG.accessionNumber),
    patientId: text(TAG.patientId),
    studyDate: text(TAG.studyDate),
    studyDescription: text(TAG.studyDescription),
    patientSex: text(TAG.patientSex),
    statedInstances: stated === null ? null : statedNumber(String(stated)),
    modalities: valuesOf(dataset, TAG.modalitiesInStudy).flatMap((value) =>
      typeof value === 'string' && value.trim() !== '' ? [value.trim()] : [],
    ),
  };
}

function patientIn(dataset: JsonDataset): PatientIdentity {
  const text = (tag: string): string => firstValue(dataset, tag).trim();
  return {
    patientId: text(TAG.patientId),
    issuerOfPatientId: text(TAG.issuerOfPatientId),
    patientName: nameOf(valuesOf(dataset, TAG.patientName)[0]),
    patientBirthDate: text(TAG.patientBirthDate),
    patientSex: text(TAG.patientSex),
  };
}

/** The groups of a PN (PS3.18 F.2.2) as one value; some services give a text. */
function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const groups = (value ?? {}) as Readonly<Record<string, unknown>>;
  return ['Alphabetic', 'Ideographic', 'Phonetic']
    .map((group) => (typeof groups[group] === 'string' ? groups[group] : ''))
    .join('=')
    .replace(/=+$/, '');
}

interface Fetching {
  service: DicomWebService;
  asker: Asker;
  study: AskedStudy;
  door: WebDoor;
}

/** Asks for the study as it is kept, and for Explicit VR Little Endian where the archive cannot, or the agent does not take what is kept. */
async function fetchStudy(fetching: Fetching, accept = AS_STORED): Promise<RetrieveOutcome> {
  const { service, asker, study, door } = fetching;
  const unreachable = unreachableBy(service);
  const isFirst = accept === AS_STORED;
  const answer = await asker.stream(`/studies/${study.studyInstanceUid}`, { Accept: accept });
  const { status, body, contentType } = answer;
  if (status === 200 || status === 206) {
    const fault = unreadable(answer);
    if (fault !== null) {
      body.destroy();
      throw unreachable(fault);
    }
    const { name: source, url } = service;
    const taken = await door({ contentType, body, source, address: new URL(url).hostname, study });
    return taken.hasUnsupported && isFirst ? fetchStudy(fetching, PART10) : outcomeOf(taken, status, body.errored);
  }
  body.destroy();
  if (EMPTY.includes(status)) return { completed: 0, failed: 0, problem: 'it says that it has no such study' };
  if (isFirst && NOT_ACCEPTABLE.includes(status)) return fetchStudy(fetching, PART10);
  throw unreachable(`WADO-RS: ${httpText(status)}`);
}

/** Why an answer cannot hold the objects of a study; null when it may. */
function unreadable({ contentType, contentEncoding }: HttpStreamed): string | null {
  if (contentEncoding !== '' && contentEncoding !== 'identity')
    return 'it answered WADO-RS with a content encoding, which was not asked for';
  const type = readMediaType(contentType);
  const parts = type?.parameters.get('type')?.toLowerCase() ?? 'application/dicom';
  if (type?.type === 'multipart/related' && parts === 'application/dicom') return null;
  return `it answered WADO-RS with ${type?.type ?? 'no readable Content-Type'} instead of ${PART10}`;
}

function outcomeOf(
  { stored, refused, fault, refusal }: TakenBody,
  status: number,
  broken: Error | null,
): RetrieveOutcome {
  const problem = (): string | null => {
    const before = stored === 1 ? '1 object before is stored' : `${stored} objects before are stored`;
    if (broken !== null) return `its answer broke off (${networkText(broken)}); ${before}`;
    if (fault !== null) return `its answer was not taken to its end: ${fault}; ${before}`;
    if (refused > 0)
      return `${refused} of ${stored + refused} objects that it sent were refused: ${refusal ?? 'Connections says why'}`;
    return status === 206 ? 'it could give only a part of the study (HTTP 206)' : null;
  };
  return { completed: stored, failed: refused, problem: problem() };
}
