import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hex16 } from '../base/hex16.ts';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { HeldReport, OutboundObject, Pacs, ReportSource, StoreOutcome } from '../case/delivery.ts';
import { lowerSrClasses, REPORT_MODALITIES, REPORT_SOP_CLASSES } from '../dicom/sopClasses.ts';
import { derivedUid } from '../dicom/uids.ts';
import {
  createAsker,
  datasetsOf,
  firstValue,
  httpText,
  itemsOf,
  numberOf,
  unreachableBy,
  type Asker,
  type DicomWebService,
  type JsonDataset,
} from './dicomWebService.ts';
import { wadoObstacle } from './dicomWebArchive.ts';
import type { HttpAnswer } from './httpExchange.ts';
import { latin1Part10, losesText, type CharacterSet } from './part10Source.ts';
import { outcomeOfStatus } from './storeStatus.ts';

/** A PACS reached by DICOMweb (PS3.18). */
export interface DicomWebDestination extends DicomWebService {
  /** `find` (default): `holds` queries by QIDO-RS. `none`: the answer to STOW-RS counts as the receipt. */
  confirm?: 'find' | 'none';
  /** Default: ISO_IR 192 (UTF-8), as the files are. */
  characterSet?: CharacterSet;
  /** The agent itself asks it for studies, so that it must have WADO-RS. */
  isFetchedFrom?: boolean;
}

const PAGE = 100;
/** Statuses that mean no match; some services answer 404 for a study or series that they do not hold. A wrong url is noticed when storing. */
const EMPTY_SERIES = [204, 404];
const MAX_PAGES = 100;
/** A study and series that no service has, to ask whether it answers. */
const UNKNOWN_UID = derivedUid('probe', 'odontoid');
/** A request carries objects up to this many bytes, and at least one. */
const MAX_REQUEST_BYTES = 32 * 1024 * 1024;
/** Codes of attributes in DICOM JSON (PS3.18 F.2). */
const TAG = {
  patientId: '00100020',
  sopClassUid: '00080016',
  modality: '00080060',
  seriesInstanceUid: '0020000E',
  verificationFlag: '0040A493',
  sopInstanceUid: '00080018',
  referencedSopInstanceUid: '00081155',
  warningReason: '00081196',
  failureReason: '00081197',
  failedSopSequence: '00081198',
  referencedSopSequence: '00081199',
} as const;

/** A result destination by DICOMweb: STOW-RS of the files as they are, QIDO-RS to see whether they are held. */
export function createDicomWeb(
  destination: DicomWebDestination,
  ports: { clock: Clock; log: Log },
): Pacs & ReportSource {
  const asker = createAsker(destination, ports.clock);
  const log = ports.log.child({ component: 'pacs', destination: destination.name });
  const web: Pacs & ReportSource = {
    name: destination.name,
    canBeAsked: destination.confirm !== 'none',
    losesText: ({ path }) => losesText(path, destination.characterSet ?? 'ISO_IR 192'),
    echo: async () => {
      const startMs = ports.clock.monotonicMs();
      await asker.query('/studies?limit=1', [204]);
      return ports.clock.monotonicMs() - startMs;
    },
    probe: async () => {
      const ms = await web.echo();
      await mayStore(asker, unreachableBy(destination));
      if (destination.confirm === 'none') return { ms, takes: 'answers STOW-RS' };
      await asker.query(`/studies/${UNKNOWN_UID}/series/${UNKNOWN_UID}/instances?limit=1`, EMPTY_SERIES);
      const obstacle = await wadoObstacle(asker, UNKNOWN_UID);
      if (obstacle !== null && destination.isFetchedFrom === true)
        throw unreachableBy(destination)(`WADO-RS: ${obstacle}`);
      const sends = obstacle === null ? 'sends studies by WADO-RS' : `sends no studies (WADO-RS: ${obstacle})`;
      return { ms, takes: `answers STOW-RS and QIDO-RS; which SR classes it takes, only sending can tell; ${sends}` };
    },
    store: async (objects, stopping) => {
      const outcomes = new Map<OutboundObject, StoreOutcome>();
      for (const studyInstanceUid of new Set(objects.map((object) => object.studyInstanceUid)))
        await storeStudy(
          objects.filter((object) => object.studyInstanceUid === studyInstanceUid),
          { asker: stoppedBy(asker, stopping), log, outcomes, characterSet: destination.characterSet },
        );
      // Without queries nobody could find out.
      const isAskable = destination.confirm !== 'none';
      return objects.map((object) => {
        const outcome = outcomes.get(object)!;
        if (isAskable || outcome.kind !== 'unreachable') return outcome;
        const { kind, reason, lowerSopClassUid } = outcome;
        return { kind, reason, ...(lowerSopClassUid === undefined ? {} : { lowerSopClassUid }) };
      });
    },
    reportsOf: (studyInstanceUid) => reportsOf(asker, `/studies/${studyInstanceUid}/series`),
    holds: async (studyInstanceUid, seriesInstanceUid, sopInstanceUids) => {
      if (destination.confirm === 'none') return new Set(sopInstanceUids);
      return heldOf(asker, `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances`, sopInstanceUids);
    },
    filedUnder: async (studyInstanceUid) => {
      if (destination.confirm === 'none') return null;
      try {
        const path = `/studies?StudyInstanceUID=${studyInstanceUid}&includefield=00100020`;
        const [study, ...others] = await asker.query(path, EMPTY_SERIES);
        const patientId = study === undefined || others.length > 0 ? '' : firstValue(study, TAG.patientId);
        return patientId === '' ? null : patientId;
      } catch (error) {
        // A receipt does not depend on what is asked beside it.
        if (error instanceof TriageError) return null;
        throw error;
      }
    },
  };
  return web;
}

/** Asks no more once the signal aborts, and waits for no answer. */
function stoppedBy(asker: Asker, signal: AbortSignal | undefined): Asker {
  return signal === undefined ? asker : { ...asker, ask: (path, question) => asker.ask(path, { ...question, signal }) };
}

/**
 * Whether the service has STOW-RS and lets these credentials store: a request without an object, which stores nothing, whatever it is answered otherwise.
 * @throws TriageError `pacs-unreachable`
 */
async function mayStore(asker: Asker, unreachable: (what: string) => TriageError): Promise<void> {
  const boundary = 'odontoid-probe';
  const { status } = await asker.ask(`/studies/${UNKNOWN_UID}`, {
    method: 'POST',
    headers: {
      'Content-Type': `multipart/related; type="application/dicom"; boundary=${boundary}`,
      Accept: 'application/dicom+json',
    },
    body: new Uint8Array(Buffer.from(`--${boundary}--\r\n`)),
  });
  if (status === 401 || status === 403) throw unreachable(`STOW-RS: ${httpText(status)}`);
  if (status === 404 || status === 405 || status === 501)
    throw unreachable(`HTTP ${status}: it has no STOW-RS at this address: check url`);
}

/** Sends the objects of one study, as many per request as fit, and records the outcome of each. */
async function storeStudy(
  objects: readonly OutboundObject[],
  {
    asker,
    log,
    outcomes,
    characterSet,
  }: {
    asker: Asker;
    log: Log;
    outcomes: Map<OutboundObject, StoreOutcome>;
    characterSet: CharacterSet | undefined;
  },
): Promise<void> {
  let parcels: Parcel[] = [];
  let bytes = 0;
  const post = async (): Promise<void> => {
    if (parcels.length === 0) return;
    const answers = await stow(parcels, asker, log);
    for (const [index, { object }] of parcels.entries()) outcomes.set(object, answers[index]!);
    parcels = [];
    bytes = 0;
  };
  for (const object of objects) {
    const file = await readFile(object.path)
      .then((bytes) => (characterSet === 'ISO_IR 100' ? latin1Part10(bytes) : bytes))
      .catch((error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown error');
    if (typeof file === 'string') {
      outcomes.set(object, { kind: 'unreachable', reason: `The file cannot be read (${file}).` });
      continue;
    }
    if (bytes + file.length > MAX_REQUEST_BYTES) await post();
    parcels.push({ object, file });
    bytes += file.length;
  }
  await post();
}

/** One STOW-RS request (PS3.18 10.5) with objects of one study. */
async function stow(parcels: readonly Parcel[], asker: Asker, log: Log): Promise<StoreOutcome[]> {
  const { contentType, body } = multipart(parcels);
  let answer: HttpAnswer;
  try {
    answer = await asker.ask(`/studies/${parcels[0]!.object.studyInstanceUid}`, {
      method: 'POST',
      headers: { 'Content-Type': contentType, Accept: 'application/dicom+json' },
      body,
    });
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    log.warn('The destination of results cannot be reached', { error });
    return parcels.map(() => ({ kind: 'unreachable', reason: error.message }));
  }
  // A request that was turned down as a whole says nothing of each object, and one of them may be what it was turned down for.
  if (parcels.length > 1 && TURNED_DOWN.includes(answer.status) && !namesInstances(answer))
    return (await Promise.all(parcels.map((parcel) => stow([parcel], asker, log)))).flat();
  return parcels.map(({ object }) => outcomeFor(answer, object));
}

/** Statuses of PS3.18 10.5.3 that the objects of a request can be the reason for. */
const TURNED_DOWN = [400, 409, 413, 415];

function namesInstances(answer: HttpAnswer): boolean {
  const [dataset] = datasetsOf(answer.body) ?? [];
  return itemsOf(dataset, TAG.failedSopSequence).length + itemsOf(dataset, TAG.referencedSopSequence).length > 0;
}

/** The outcome, with the next SR class where this one may be what the service does not take: STOW-RS negotiates nothing. */
function outcomeFor(answer: HttpAnswer, { sopClassUid, sopInstanceUid }: OutboundObject): StoreOutcome {
  const outcome = outcomeOf(answer, sopInstanceUid);
  const [lower] = lowerSrClasses(sopClassUid);
  const mayBeClass =
    outcome.kind === 'refused' ||
    (outcome.kind === 'unreachable' && (TURNED_DOWN.includes(answer.status) || namesInstances(answer)));
  return lower !== undefined && mayBeClass ? { ...outcome, lowerSopClassUid: lower } : outcome;
}

/** Which of the instances the series at `path` lists. A service may return fewer than requested; one that ignores the offset repeats itself. */
async function heldOf(asker: Asker, path: string, sopInstanceUids: readonly string[]): Promise<Set<string>> {
  const wanted = new Set(sopInstanceUids);
  const found = new Set<string>();
  for (let page = 0, seen = 0; page < MAX_PAGES && [...wanted].some((uid) => !found.has(uid)); page++) {
    const known = found.size;
    const datasets = await asker.query(`${path}?limit=${PAGE}&offset=${seen}`, EMPTY_SERIES);
    for (const dataset of datasets) found.add(firstValue(dataset, TAG.sopInstanceUid));
    seen += datasets.length;
    if (found.size === known) break;
  }
  return new Set([...wanted].filter((uid) => found.has(uid)));
}

/** Reports in the series at `path`. */
async function reportsOf(asker: Asker, path: string): Promise<HeldReport[]> {
  const reports: HeldReport[] = [];
  for (const series of await asker.query(`${path}?includefield=${TAG.modality}`, EMPTY_SERIES)) {
    const modality = firstValue(series, TAG.modality);
    const seriesInstanceUid = firstValue(series, TAG.seriesInstanceUid);
    if (!REPORT_MODALITIES.includes(modality) || seriesInstanceUid === '') continue;
    const fields = `includefield=${TAG.sopClassUid}&includefield=${TAG.verificationFlag}`;
    for (const instance of await asker.query(`${path}/${seriesInstanceUid}/instances?${fields}`, EMPTY_SERIES)) {
      if (!REPORT_SOP_CLASSES.has(firstValue(instance, TAG.sopClassUid))) continue;
      const flag = firstValue(instance, TAG.verificationFlag);
      const isVerified = flag === '' ? null : flag === 'VERIFIED';
      reports.push({
        sopInstanceUid: firstValue(instance, TAG.sopInstanceUid),
        seriesInstanceUid,
        modality,
        isVerified,
      });
    }
  }
  return reports;
}

interface Parcel {
  object: OutboundObject;
  file: Buffer;
}

/** multipart/related of whole Part 10 files (PS3.18 8.6.1.1.1). The boundary is a digest of the content, which cannot occur in it. */
function multipart(parcels: readonly Parcel[]): { contentType: string; body: Uint8Array<ArrayBuffer> } {
  const hash = createHash('sha256');
  for (const { file } of parcels) hash.update(file);
  const boundary = `odontoid-${hash.digest('hex').slice(0, 48)}`;
  const parts = parcels.flatMap(({ file }) => [
    Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
    file,
    Buffer.from('\r\n'),
  ]);
  return {
    contentType: `multipart/related; type="application/dicom"; boundary=${boundary}`,
    body: new Uint8Array(Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)])),
  };
}

/** What a STOW-RS answer (PS3.18 10.5.3, I.2) says about one instance. An instance that is missing from the lists is not stored. */
function outcomeOf(answer: HttpAnswer, sopInstanceUid: string): StoreOutcome {
  const [dataset] = datasetsOf(answer.body) ?? [];
  const itemOf = (tag: string): JsonDataset | undefined =>
    itemsOf(dataset, tag).find((item) => firstValue(item, TAG.referencedSopInstanceUid) === sopInstanceUid);
  const failed = itemOf(TAG.failedSopSequence);
  if (failed !== undefined) return outcomeOfStatus(numberOf(failed, TAG.failureReason) ?? 0x0110, '');
  const stored = itemOf(TAG.referencedSopSequence);
  if (stored !== undefined) {
    const warning = numberOf(stored, TAG.warningReason);
    return {
      kind: 'stored',
      status: warning === null ? '0x0000' : hex16(warning),
    };
  }
  // Some servers answer "The origin server successfully stored all instances" without listing any.
  if (
    answer.status === 200 &&
    itemsOf(dataset, TAG.referencedSopSequence).length === 0 &&
    itemsOf(dataset, TAG.failedSopSequence).length === 0
  )
    return { kind: 'stored', status: 'HTTP 200' };
  const reason =
    answer.status === 200 || answer.status === 202 ? 'the answer does not name the instance' : httpText(answer.status);
  // 413 and 415 would come again for the same bytes; other failures can be fixed on one side without changing the object.
  return answer.status === 413 || answer.status === 415
    ? { kind: 'refused', status: `HTTP ${answer.status}`, reason: `${reason}.` }
    : {
        kind: 'unreachable',
        reason: `${reason}.`,
        ...(answer.status === 200 || answer.status === 202 || answer.status === 409 ? { mayBeStored: true } : {}),
      };
}
