import type { CaseRecord, EncodedSlice, Findings, StoredInstance } from './case.ts';
import type { CaseEvent, CaseState } from './caseState.ts';
import type { Vertebra } from './vertebrae.ts';

/** What a result destination answered for one object. */
export type StoreOutcome =
  | { kind: 'stored'; status: string }
  /** The peer said no and will say no again (for example, SOP class not supported). */
  | { kind: 'refused'; status: string; reason: string }
  /** No answer, or a passing failure: try again later. */
  | { kind: 'unreachable'; reason: string };

/** One object on its way to a PACS: verbatim bytes on disk, and what is needed to negotiate for it. */
export interface OutboundObject {
  sopClassUid: string;
  sopInstanceUid: string;
  seriesInstanceUid: string;
  studyInstanceUid: string;
  transferSyntaxUid: string;
  /** Absolute path of the Part 10 file whose data set bytes are sent as they are. */
  path: string;
}

/** A destination of results, by DIMSE or by DICOMweb. A missing answer is never success. */
export interface Pacs {
  readonly name: string;
  /** Resolves with the round-trip time in milliseconds. @throws TriageError `pacs-unreachable` with what to do. */
  echo(): Promise<number>;
  /** Sends objects on one association or request; one outcome per object, in the same order. */
  store(objects: readonly OutboundObject[]): Promise<StoreOutcome[]>;
  /** Which of these instances the destination says it holds (C-FIND at IMAGE level, or QIDO-RS). @throws TriageError `pacs-unreachable` */
  holds(studyInstanceUid: string, seriesInstanceUid: string, sopInstanceUids: readonly string[]): Promise<Set<string>>;
}

/** Who judges: goes into findings, reports and the worklist. */
export interface ModelIdentity {
  name: string;
  version: string;
  /** Digest of the whole package (hex). */
  sha256: string;
}

/** Score of a case as the case classifier gives it, before any threshold. */
export interface CaseScore {
  /** 0..1, after calibration. */
  probability: number;
  /** Per slice 0..1, same order as the slices given. */
  sliceScores: number[];
  /** Where a slice says nothing of its own, and only the whole scan does: what stands in place of these in {@link EncodedSlice}, same order. */
  ofSlices?: Pick<EncodedSlice, 'imageProbability' | 'cam'>[];
  /** Per slice the vertebrae that it cuts, from the skull down; empty where there are none or the model names none. */
  sliceLevels: Vertebra[][];
  /** Out-of-domain distance of the case, in the manifest's units; beyond `domainLimit` no number may be shown. */
  domainDistance: number;
  domainLimit: number;
  /** Why the case lies outside the model's domain, or null when inside. */
  outsideDomain: string | null;
}

/** A CT slice in Hounsfield units in the orientation of its stored matrix, `[row][column]`. */
export interface SourceSlice {
  hu: Float32Array;
  rows: number;
  columns: number;
}

/** The network, behind a process boundary. Rejections are TriageErrors of the `inference-*` codes. */
export interface TriageModel {
  readonly identity: ModelIdentity;
  /** Execution provider that really runs: `cpu` or `cuda`. */
  readonly provider: string;
  /** Operating point shipped with the model: seeds the threshold table on first start. */
  readonly defaultThreshold: number;
  /** Decodes, preprocesses and encodes the slice in the Part 10 file at `path` (absolute). */
  encodeSlice(path: string): Promise<EncodedSlice>;
  /** Decodes the slice at `path` (absolute) as stored, for a picture. */
  decodeSlice(path: string): Promise<SourceSlice>;
  /** Slices ordered superior to inferior; `positionsMm` of each along their normal, falling. */
  classify(slices: readonly EncodedSlice[], positionsMm: readonly number[]): Promise<CaseScore>;
  /** Peak resident memory of the inference process, bytes. */
  peakRssBytes(): Promise<number>;
  close(): Promise<void>;
}

export type StageName = 'assemble' | 'infer' | 'report';

/** A lease on one case: `token` fences out a worker whose lease has run out. */
export interface ClaimedCase {
  record: CaseRecord;
  instances: StoredInstance[];
  token: string;
  /** Counted before the work: 1 for the first try of this stage on this input. */
  attempt: number;
  /** True when every attempt ended without an answer (the process died): the work must not run again, `fail` gives the case up. */
  exhausted: boolean;
  /** Reports of earlier revisions that a destination has taken, oldest first: what a new report supersedes. */
  previousSr: { sopClassUid: string; sopInstanceUid: string; seriesInstanceUid: string }[];
}

/** Why an attempt failed. `findings` ("could not be analysed") are reported when the case is given up before its report stage. */
export interface AttemptFailure {
  code: string;
  message: string;
  retry: boolean;
  findings?: Findings;
}

export interface Threshold {
  version: number;
  value: number;
  /** The site has stopped AI flags: scans are not analysed, and say so. */
  stopped: boolean;
}

export type RecordOutcome =
  | 'new'
  /** This very file is on record already. */
  | 'duplicate'
  /** Same UID and bytes as an object on record, in a file of its own: nothing is run again, and one of the two files is not needed. */
  | 'copy'
  /** Same UID, other bytes: both kept; the case is quarantined when the object is of a kind that is triaged. */
  | 'conflict'
  /** Stored, but its patient differs from the study's: case quarantined. */
  | 'identity-conflict';

/** Objects that a report stage wrote to disk, to be put into the outbox in the same transaction as the state. */
export interface ResultObject extends OutboundObject {
  kind: 'sr' | 'sc';
  sha256: string;
  sizeBytes: number;
}

export interface DueDelivery {
  id: number;
  destination: string;
  object: ResultObject;
  caseRevision: number;
  attempts: number;
  /** Whose study it is, as first recorded: compared again with the object before it is sent. */
  patientId: string;
  accessionNumber: string;
  /** `pending`: not yet accepted. `sent`: accepted (0x0000), not yet confirmed. `confirmed`: to be looked for once more. */
  state: 'pending' | 'sent' | 'confirmed';
}

/** What the pipeline and the stages need of the worklist; `worklist/caseStore.ts` is the only writer. */
export interface CaseStore {
  /** Records received objects (idempotent) in one transaction; creates cases and bumps revisions. */
  recordInstances(instances: readonly StoredInstance[]): Promise<RecordOutcome[]>;
  /** Path, relative to the spool, under which the same UID and bytes are on record; null when they are not. */
  recordedPath(instance: StoredInstance): Promise<string | null>;
  /** Paths, relative to the spool, of every object on record: what a start compares with the disk. */
  knownPaths(): Promise<Set<string>>;
  /** Leases the most urgent case that `stage` is due for at `nowMs`, counting the attempt before the work. */
  claim(stage: StageName, leaseMs: number): Promise<ClaimedCase | null>;
  /** Extends a lease; false when it was lost. */
  heartbeat(claim: ClaimedCase, leaseMs: number): Promise<boolean>;
  /** Applies the stage's event by compare-and-swap on (state, revision, token); `stale` means newer input arrived. */
  apply(claim: ClaimedCase, event: CaseEvent): Promise<'applied' | 'stale'>;
  /** Releases the lease after a failure: back-off, or `failed` after the last attempt. */
  fail(claim: ClaimedCase, failure: AttemptFailure): Promise<CaseState>;
  /** Gives the lease back without an attempt counted (shutdown, or not yet complete). */
  release(claim: ClaimedCase, notBeforeMs?: number): Promise<void>;
  /** Marks that nothing more is expected for these studies (association released): `assemble` is due at once. */
  nudgeComplete(studyInstanceUids: readonly string[]): Promise<void>;
  sliceFeatures(modelSha256: string, instanceSha256s: readonly string[]): Promise<Map<string, EncodedSlice>>;
  saveSliceFeatures(modelSha256: string, features: ReadonlyMap<string, EncodedSlice>): Promise<void>;
  /** The operating point for scans from a source. @throws TriageError `not-found` */
  threshold(modelName: string, sourceAeTitle: string): Promise<Threshold>;
  /** Deliveries due now for a destination: suspected cases first, then oldest first, then those to be looked for again. Held cases have none. */
  dueDeliveries(destination: string, limit: number): Promise<DueDelivery[]>;
  /** Records answers; when every delivery of a case is confirmed, the case becomes delivered in the same transaction. */
  recordDelivery(id: number, outcome: DeliveryOutcome): Promise<void>;
  /** Changes since start, for live pages and tests that wait on events instead of sleeping. */
  onChange(listener: (studyInstanceUid: string) => void): () => void;
}

export type DeliveryOutcome =
  | { kind: 'sent'; status: string }
  | { kind: 'confirmed' }
  /** Send again later, the same bytes: not accepted, or accepted and then not found. */
  | { kind: 'retry'; reason: string }
  /** Accepted, and the destination could not be asked yet: ask again later. */
  | { kind: 'unconfirmed'; reason: string }
  /** Once confirmed, and not there any more: the same bytes are sent again. */
  | { kind: 'lost'; reason: string }
  | { kind: 'refused'; status: string; reason: string };

/** Turns findings into DICOM objects on disk. */
export interface ResultWriter {
  write(claim: ClaimedCase, findings: Findings): Promise<ResultObject[]>;
}
