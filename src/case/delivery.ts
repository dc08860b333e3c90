/** What a result destination answered for one object. */
export type StoreOutcome =
  | { kind: 'stored'; status: string }
  /**
   * The peer refused, and would refuse again (for example, SOP class not supported). `lowerSopClassUid`: the best lower SR class that it takes, or, where that
   * is unknown, the next lower one.
   */
  | { kind: 'refused'; status: string; reason: string; lowerSopClassUid?: string }
  /**
   * No answer, or a temporary failure: try again later. `mayBeStored`: it answered, but not whether it has the object. `lowerSopClassUid`: it answered, and the
   * SR class may be what it does not take.
   */
  | { kind: 'unreachable'; reason: string; mayBeStored?: true; lowerSopClassUid?: string };

/** One object on its way to a PACS: the bytes on disk, and what is needed to negotiate for it. */
export interface OutboundObject {
  sopClassUid: string;
  sopInstanceUid: string;
  seriesInstanceUid: string;
  studyInstanceUid: string;
  transferSyntaxUid: string;
  /** Absolute path of the Part 10 file whose data set bytes are sent as they are. */
  path: string;
}

/** What a destination commits to keep, and what not, with its Failure Reason (PS3.4 J.3). */
export interface CommitmentReport {
  committed: ReadonlySet<string>;
  failed: ReadonlyMap<string, number | null>;
}

/** What a receipt rests on: the destination has committed to keep the object, a query has found it, or it was accepted and nobody can be asked. */
export type Receipt = 'committed' | 'found' | 'accepted';

/** A result destination, by DIMSE or by DICOMweb. A missing answer is never success. */
export interface Pacs {
  readonly name: string;
  /** Resolves with the round-trip time in milliseconds. @throws TriageError `pacs-unreachable` with what to do. */
  echo(): Promise<number>;
  /**
   * Tests what a delivery would do, and sends nothing: the connection, what would be taken, whether it can be asked. Resolves with the round-trip time and a
   * sentence. @throws TriageError `pacs-unreachable` with what to do
   */
  probe(): Promise<{ ms: number; takes: string }>;
  /** Sends objects on one association or request; one outcome per object, in the same order. Once `stopping` aborts, nothing more goes out. */
  store(objects: readonly OutboundObject[], stopping?: AbortSignal): Promise<StoreOutcome[]>;
  /** Which of these instances the destination says it holds (C-FIND at IMAGE level, or QIDO-RS). @throws TriageError `pacs-unreachable` */
  holds(studyInstanceUid: string, seriesInstanceUid: string, sopInstanceUids: readonly string[]): Promise<Set<string>>;
  /** Which of these objects the destination commits to keep; null when it does not say now. It may report later, by the transaction. @throws TriageError `pacs-unreachable` */
  commit?(objects: readonly OutboundObject[], transactionUid: string): Promise<CommitmentReport | null>;
  /** False when `holds` returns what it is given, because nobody can be asked. */
  readonly canBeAsked?: boolean;
  /** Whether characters of the object's text are lost in the character set that the destination takes. @throws TriageError `dicom-unreadable` */
  losesText?(object: OutboundObject): Promise<boolean>;
  /** The Patient ID under which the destination lists the study; null when it does not say. */
  filedUnder?(studyInstanceUid: string): Promise<string | null>;
}

/** What a destination wants of the results. */
export interface DestinationWishes {
  report: boolean;
  card: boolean;
  heatmaps: boolean;
  /** A Key Object Selection of the key slices of flagged scans. */
  keySlices?: boolean;
  /** Only results of flagged scans, and what replaces one that it has. */
  onlySuspected: boolean;
  /** A rejection note for each result that a newer one replaces there. */
  rejectReplaced?: boolean;
}

/** A report that an archive holds for a study. */
export interface HeldReport {
  sopInstanceUid: string;
  seriesInstanceUid: string;
  /** `SR` or `DOC`. */
  modality: string;
  /** VerificationFlag (0040,A493): whether a person has put their name to it; null where the archive does not say. */
  isVerified: boolean | null;
}

/** An archive that can be asked which reports it holds. */
export interface ReportSource {
  readonly name: string;
  /**
   * Structured reports and encapsulated documents of a study, ours among them (C-FIND at SERIES and IMAGE level, or QIDO-RS). Dose reports and the like are
   * left out. @throws TriageError `pacs-unreachable`
   */
  reportsOf(studyInstanceUid: string): Promise<HeldReport[]>;
}

/** Objects that a report stage wrote to disk; they enter the outbox in the same transaction as the state. */
export interface ResultObject extends OutboundObject {
  /** `ko`: a note that rejects what a newer result replaces. `ks`: a Key Object Selection of the key slices. */
  kind: 'sr' | 'sc' | 'ko' | 'ks';
  /** A key slice with its heatmap; false for the report and the triage card. */
  isHeatmap?: boolean;
  sha256: string;
  sizeBytes: number;
}

/** A result object that a destination has yet to receive or confirm, or will be asked about once more. */
export interface DueDelivery {
  id: number;
  destination: string;
  object: ResultObject;
  caseRevision: number;
  attempts: number;
  /** Why the last attempt failed; null when none has. */
  lastError: string | null;
  /** The patient of the study as first recorded: compared again with the object before it is sent. */
  patientId: string;
  accessionNumber: string;
  /** `pending`: not yet accepted. `sent`: accepted (0x0000), not yet confirmed. `confirmed`: to be looked up once more. */
  state: 'pending' | 'sent' | 'confirmed';
}

/** The outcome of one delivery attempt. */
export type DeliveryOutcome =
  | { kind: 'sent'; status: string }
  /** `remark`: what a person should know about it, in our own words. */
  | { kind: 'confirmed'; remark?: string; receipt?: Receipt }
  /** Send the same bytes again later: not accepted, or accepted and then not found. */
  | { kind: 'retry'; reason: string }
  /** Accepted, but the destination could not be queried yet: query again later. */
  | { kind: 'unconfirmed'; reason: string }
  /** Confirmed before, but no longer there: the same bytes are sent again. */
  | { kind: 'lost'; reason: string }
  | { kind: 'refused'; status: string; reason: string }
  /** The report is sent as `object` instead, which says the same in an SR class that the destination takes. */
  | { kind: 'other-class'; object: ResultObject; reason: string }
  /** The destination takes no SR class at all: its triage card, if it gets one, stands for the report. */
  | { kind: 'no-sr-class'; status: string; reason: string };
