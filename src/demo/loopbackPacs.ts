import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import dimse from 'dcmjs-dimse';
import { writeFileMeta } from '../dicom/fileMeta.ts';
import { readHeader } from '../dicom/header.ts';
import { STUDY_ROOT_FIND, VERIFICATION } from '../dicom/sopClasses.ts';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { isReadableUid } from '../dicom/uids.ts';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';

// The library prints data sets.
dimse.log.setLevel('silent');

const STORAGE_COMMITMENT = '1.2.840.10008.1.20.1';
const STORAGE_PREFIX = '1.2.840.10008.5.1.4.1.1.';
const STATUS = {
  success: 0x0000,
  pending: 0xff00,
  noSuchObject: 0x0112,
  outOfResources: 0xa700,
  mismatch: 0xa900,
  cannotUnderstand: 0xc000,
} as const;
const { PresentationContextResult, RejectReason, RejectResult, RejectSource } = dimse.constants;

/** One object that the PACS keeps, as a Part 10 file whose data set bytes are those received. */
interface LoopbackObject {
  sopClassUid: string;
  sopInstanceUid: string;
  seriesInstanceUid: string;
  studyInstanceUid: string;
  transferSyntaxUid: string;
  modality: string;
  patientId: string;
  patientName: string;
  accessionNumber: string;
  path: string;
  receivedAtMs: number;
  /** How often it came: again after a lost answer, for example. */
  receipts: number;
}

/** Faults of the PACS, changeable while it runs; empty: none. */
export interface LoopbackFaults {
  /** Rejects every association as transient. */
  rejectAssociations?: boolean;
  /** SOP classes whose presentation contexts are rejected. */
  rejectSopClasses?: readonly string[];
  /** Answers C-STORE with this status and keeps nothing. */
  storeStatus?: number;
  /** Keeps this many objects, then cuts the connection instead of answering. */
  dropAfterObjects?: number;
  /** Answers Success and keeps nothing. */
  acceptAndLose?: boolean;
  /** Keeps the object and answers with this status (0xBxxx). */
  warning?: number;
  /** Files everything under this Patient ID. */
  patientId?: string;
  /** Answers every query with nothing. */
  neverLists?: boolean;
  /** Reports on a commitment before it answers the request. */
  reportsFirst?: boolean;
  /** Takes requests for commitment and never reports. */
  neverReports?: boolean;
  /** Wait before each answer to C-STORE. */
  delayMs?: number;
}

export interface LoopbackPacs {
  port: number;
  aeTitle: string;
  faults: LoopbackFaults;
  /** What it holds, in the order of arrival. */
  objects(): LoopbackObject[];
  /** Calls back for each object from now on, after it is kept; the returned function unsubscribes. */
  onStored(listener: (object: LoopbackObject) => void): () => void;
  close(): Promise<void>;
}

export interface LoopbackPacsOptions {
  /** Created when absent; objects in it from an earlier run are held again. */
  dir: string;
  /** 0 picks a free port. */
  port: number;
  aeTitle: string;
  clock: Clock;
  log: Log;
}

/**
 * Starts a small PACS on 127.0.0.1 for the demo and the tests: C-STORE of any storage class and transfer syntax, C-ECHO, C-FIND (Study Root; STUDY,
 * SERIES and IMAGE level), and storage commitment with the N-EVENT-REPORT on the same association.
 * It trusts every peer: dcmjs-dimse runs here without the receiver's guard, so it must never listen beyond loopback.
 */
export async function startLoopbackPacs(options: LoopbackPacsOptions): Promise<LoopbackPacs> {
  const archive = await openArchive(options);
  const faults: LoopbackFaults = {};
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const scp = new LoopbackScp(socket, {}, { ...options, archive, faults });
    scp.on('networkError', () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: options.port }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    aeTitle: options.aeTitle,
    faults,
    objects: () => archive.all(),
    onStored: (listener) => archive.onStored(listener),
    close: async () => {
      const closed = new Promise<void>((resolve) =>
        server.close(() => {
          resolve();
        }),
      );
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

interface Archive {
  all(): LoopbackObject[];
  find(sopInstanceUid: string): LoopbackObject | undefined;
  /** @throws TriageError `dicom-unreadable`, `dicom-mismatch` */
  keep(
    facts: { sopClassUid: string; sopInstanceUid: string; transferSyntaxUid: string },
    dataSet: Buffer,
  ): Promise<void>;
  onStored(listener: (object: LoopbackObject) => void): () => void;
}

async function openArchive({ dir, clock }: LoopbackPacsOptions): Promise<Archive> {
  const held = new Map<string, LoopbackObject>();
  const listeners = new Set<(object: LoopbackObject) => void>();
  const describe = (bytes: Uint8Array, path: string): LoopbackObject => {
    const header = readHeader(bytes);
    const {
      sopClassUid,
      sopInstanceUid,
      seriesInstanceUid,
      studyInstanceUid,
      transferSyntaxUid,
      modality,
      patientId,
      patientName,
      accessionNumber,
    } = header;
    const receipts = (held.get(sopInstanceUid)?.receipts ?? 0) + 1;
    return {
      sopClassUid,
      sopInstanceUid,
      seriesInstanceUid,
      studyInstanceUid,
      transferSyntaxUid,
      modality,
      patientId,
      patientName,
      accessionNumber,
      path,
      receivedAtMs: clock.now(),
      receipts,
    };
  };
  await mkdir(dir, { recursive: true });
  for (const name of (await readdir(dir)).filter((entry) => entry.endsWith('.dcm')).sort()) {
    const object = describe(await readFile(join(dir, name)), join(dir, name));
    held.set(object.sopInstanceUid, object);
  }
  return {
    all: () => [...held.values()],
    find: (sopInstanceUid) => held.get(sopInstanceUid),
    keep: async (facts, dataSet) => {
      if (!isReadableUid(facts.sopInstanceUid))
        throw new TriageError('dicom-mismatch', 'The SOP Instance UID is not valid.');
      const file = Buffer.concat([writeFileMeta(facts), dataSet]);
      const path = join(dir, `${facts.sopInstanceUid}.dcm`);
      const object = describe(file, path);
      if (object.sopInstanceUid !== facts.sopInstanceUid || object.sopClassUid !== facts.sopClassUid)
        throw new TriageError('dicom-mismatch', 'The data set is another object than the command says.');
      await writeFile(`${path}.part`, file);
      await rename(`${path}.part`, path);
      held.set(object.sopInstanceUid, object);
      for (const listener of listeners) listener(object);
    },
    onStored: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

type Elements = Readonly<Record<string, unknown>>;

class LoopbackScp extends dimse.Scp {
  readonly #socket: Socket;
  readonly #site: LoopbackPacsOptions & { archive: Archive; faults: LoopbackFaults };
  #association: dimse.association.Association | null = null;
  #dataSet: Buffer = Buffer.alloc(0);
  #transferSyntaxUid = '';

  constructor(
    socket: Socket,
    scpOptions: object,
    site: LoopbackPacsOptions & { archive: Archive; faults: LoopbackFaults },
  ) {
    super(socket, scpOptions);
    this.#socket = socket;
    this.#site = site;
  }

  override associationRequested(association: dimse.association.Association): void {
    const { aeTitle, faults } = this.#site;
    const rejection =
      faults.rejectAssociations === true
        ? [RejectResult.Transient, RejectSource.ServiceProviderPresentation, RejectReason.TemporaryCongestion]
        : association.getCalledAeTitle() !== aeTitle
          ? [RejectResult.Permanent, RejectSource.ServiceUser, RejectReason.CalledAeNotRecognized]
          : null;
    if (rejection !== null || this.#association !== null) {
      if (rejection !== null) this.sendAssociationReject(...rejection);
      // The library would continue to serve the connection after a rejection.
      this.#socket.end();
      return;
    }
    this.#association = association;
    for (const { context } of association.getPresentationContexts()) {
      const abstractSyntaxUid = context.getAbstractSyntaxUid();
      const isStorage =
        abstractSyntaxUid.startsWith(STORAGE_PREFIX) && faults.rejectSopClasses?.includes(abstractSyntaxUid) !== true;
      if (isStorage) {
        context.setResult(PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
      } else if (![VERIFICATION, STUDY_ROOT_FIND, STORAGE_COMMITMENT].includes(abstractSyntaxUid)) {
        context.setResult(PresentationContextResult.RejectAbstractSyntaxNotSupported);
      } else if (!context.hasTransferSyntaxUid(IMPLICIT_VR_LITTLE_ENDIAN)) {
        context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
      } else {
        context.setResult(PresentationContextResult.Accept, IMPLICIT_VR_LITTLE_ENDIAN);
      }
    }
    this.sendAssociationAccept();
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
    this.#socket.end();
  }

  override abort(): void {
    this.#socket.destroy();
  }

  override cEchoRequest(
    request: dimse.requests.CEchoRequest,
    callback: (response: dimse.responses.CEchoResponse) => void,
  ): void {
    const response = dimse.responses.CEchoResponse.fromRequest(request);
    response.setStatus(STATUS.success);
    callback(response);
  }

  override createStoreWritableStream(): Writable {
    return new CollectingStream();
  }

  /** Keeps the bytes unchanged: the library would decode them, which nothing here needs. */
  override createDatasetFromStoreWritableStream(
    writable: Writable,
    context: dimse.association.PresentationContext,
    callback: (dataset: dimse.Dataset) => void,
  ): void {
    if (!(writable instanceof CollectingStream)) throw new TypeError('The stream is not the one that was created.');
    this.#dataSet = writable.bytes();
    this.#transferSyntaxUid = context.getAcceptedTransferSyntaxUid() ?? '';
    callback(new dimse.Dataset({}, this.#transferSyntaxUid));
  }

  override cStoreRequest(
    request: dimse.requests.CStoreRequest,
    callback: (response: dimse.responses.CStoreResponse) => void,
  ): void {
    const dataSet = this.#dataSet;
    this.#dataSet = Buffer.alloc(0);
    this.#store(request, dataSet).then(
      (status) => {
        if (status === 'drop') {
          this.#socket.destroy();
          return;
        }
        const response = dimse.responses.CStoreResponse.fromRequest(request);
        response.setStatus(status);
        callback(response);
      },
      (error: unknown) => {
        this.#site.log.error('The loopback PACS failed', { error });
        this.#socket.destroy();
      },
    );
  }

  async #store(request: dimse.requests.CStoreRequest, dataSet: Buffer): Promise<number | 'drop'> {
    const { faults, archive, clock, log } = this.#site;
    if (faults.delayMs !== undefined) await clock.sleep(faults.delayMs);
    if (faults.storeStatus !== undefined) return faults.storeStatus;
    if (faults.dropAfterObjects !== undefined && --faults.dropAfterObjects < 0) {
      delete faults.dropAfterObjects;
      return 'drop';
    }
    if (faults.acceptAndLose === true) return STATUS.success;
    const facts = {
      sopClassUid: request.getAffectedSopClassUid(),
      sopInstanceUid: request.getAffectedSopInstanceUid(),
      transferSyntaxUid: this.#transferSyntaxUid,
    };
    try {
      await archive.keep(facts, dataSet);
      return faults.warning ?? STATUS.success;
    } catch (error) {
      log.warn('The loopback PACS did not take an object', { error });
      if (!(error instanceof TriageError)) return STATUS.outOfResources;
      return error.code === 'dicom-mismatch' ? STATUS.mismatch : STATUS.cannotUnderstand;
    }
  }

  override cFindRequest(
    request: dimse.requests.CFindRequest,
    callback: (responses: dimse.responses.CFindResponse[]) => void,
  ): void {
    const answer = (status: number): dimse.responses.CFindResponse => {
      const response = dimse.responses.CFindResponse.fromRequest(request);
      response.setStatus(status);
      return response;
    };
    const { archive, faults } = this.#site;
    const listed = faults.neverLists === true ? [] : archive.all();
    const filed = listed.map((object) => ({ ...object, patientId: faults.patientId ?? object.patientId }));
    const matches = queryAnswers(filed, request.getDataset()?.getElements() ?? {});
    callback([
      ...matches.map((elements) => {
        const response = answer(STATUS.pending);
        response.setDataset(
          new dimse.Dataset({ ...elements, RetrieveAETitle: this.#site.aeTitle }, IMPLICIT_VR_LITTLE_ENDIAN),
        );
        return response;
      }),
      answer(STATUS.success),
    ]);
  }

  /** Storage commitment, push model (PS3.4 J.3): the answer first, then the report on the same association. */
  override nActionRequest(
    request: dimse.requests.NActionRequest,
    callback: (response: dimse.responses.NActionResponse) => void,
  ): void {
    const { faults } = this.#site;
    const response = dimse.responses.NActionResponse.fromRequest(request);
    response.setStatus(STATUS.success);
    if (faults.reportsFirst !== true) callback(response);
    if (faults.neverReports === true) return;
    const asked = request.getDataset()?.getElements() ?? {};
    const references = [asked['ReferencedSOPSequence']]
      .flat()
      .filter((item): item is Elements => typeof item === 'object' && item !== null);
    const committed: Elements[] = [];
    const failed: Elements[] = [];
    for (const item of references) {
      const reference = {
        ReferencedSOPClassUID: item['ReferencedSOPClassUID'],
        ReferencedSOPInstanceUID: item['ReferencedSOPInstanceUID'],
      };
      const object = this.#site.archive.find(String(reference.ReferencedSOPInstanceUID));
      if (object?.sopClassUid === reference.ReferencedSOPClassUID) committed.push(reference);
      else failed.push({ ...reference, FailureReason: STATUS.noSuchObject });
    }
    const report = new dimse.requests.NEventReportRequest(
      request.getRequestedSopClassUid(),
      request.getRequestedSopInstanceUid(),
      failed.length === 0 ? 1 : 2,
    );
    report.setDataset(
      new dimse.Dataset(
        {
          TransactionUID: asked['TransactionUID'],
          ReferencedSOPSequence: committed,
          ...(failed.length === 0 ? {} : { FailedSOPSequence: failed }),
        },
        IMPLICIT_VR_LITTLE_ENDIAN,
      ),
    );
    this.sendRequests(report);
    if (faults.reportsFirst === true) callback(response);
  }
}

/** A stream that is never full: with a full one, the library handles two fragments at once and loses bytes. */
class CollectingStream extends Writable {
  readonly #chunks: Buffer[] = [];

  constructor() {
    super({ highWaterMark: Number.MAX_SAFE_INTEGER });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

const LEVEL_KEYS: Readonly<Record<string, keyof LoopbackObject>> = {
  STUDY: 'studyInstanceUid',
  SERIES: 'seriesInstanceUid',
  IMAGE: 'sopInstanceUid',
};
const MATCHING_KEYS: Readonly<Record<string, keyof LoopbackObject>> = {
  StudyInstanceUID: 'studyInstanceUid',
  SeriesInstanceUID: 'seriesInstanceUid',
  SOPInstanceUID: 'sopInstanceUid',
  SOPClassUID: 'sopClassUid',
  PatientID: 'patientId',
  AccessionNumber: 'accessionNumber',
};

/** One identifier for each study, series or instance that matches (PS3.4 C.4.1): single values and lists of UIDs, empty for any. */
function queryAnswers(objects: readonly LoopbackObject[], keys: Elements): Elements[] {
  const level = typeof keys['QueryRetrieveLevel'] === 'string' ? keys['QueryRetrieveLevel'].trim() : '';
  const unique = LEVEL_KEYS[level];
  if (unique === undefined) return [];
  const wanted = Object.entries(MATCHING_KEYS).map(([keyword, field]) => ({
    field,
    values: [keys[keyword]]
      .flat()
      .flatMap((value) => (typeof value === 'string' && value !== '' ? value.split('\\') : [])),
  }));
  const matching = objects.filter((object) =>
    wanted.every(({ field, values }) => values.length === 0 || values.includes(String(object[field]))),
  );
  return [...new Map(matching.map((object) => [object[unique], object])).values()].map((object) => ({
    SpecificCharacterSet: 'ISO_IR 192',
    QueryRetrieveLevel: level,
    PatientID: object.patientId,
    PatientName: object.patientName,
    AccessionNumber: object.accessionNumber,
    StudyInstanceUID: object.studyInstanceUid,
    ...(level === 'STUDY' ? {} : { SeriesInstanceUID: object.seriesInstanceUid, Modality: object.modality }),
    ...(level === 'IMAGE' ? { SOPInstanceUID: object.sopInstanceUid, SOPClassUID: object.sopClassUid } : {}),
  }));
}
