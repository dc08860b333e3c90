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

/** Objects that a report stage wrote to disk, to be put into the outbox in the same transaction as the state. */
export interface ResultObject extends OutboundObject {
  kind: 'sr' | 'sc';
  sha256: string;
  sizeBytes: number;
}

/** A result object that a destination has still to get, to confirm, or to be asked about once more. */
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

/** What came of one attempt at a delivery. */
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
