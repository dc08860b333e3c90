/** How errors of a kind are answered: whether they are worth a retry, and what DIMSE and HTTP peers get. */
interface ErrorKind {
  retry: boolean;
  /** PS3.4 B.2.3 status of a C-STORE response, where the error can end one. */
  dimseStatus?: number;
  httpStatus: number;
}

/** The catalogue: every error code that an operator can meet. Messages are written where the error is thrown; they say what to do. */
export const ERROR_KINDS = {
  'config-invalid': { retry: false, httpStatus: 500 },
  'command-invalid': { retry: false, httpStatus: 400 },
  /** Retention has removed the study; the message says when, why and what. */
  'case-removed': { retry: false, httpStatus: 410 },
  'not-found': { retry: false, httpStatus: 404 },
  /** None of the media types that a client takes can be given. */
  'not-acceptable': { retry: false, httpStatus: 406 },
  /** The site does not let this requester see who the patients are. */
  'names-hidden': { retry: false, httpStatus: 403 },
  /** Somebody else is reading the case. */
  'case-taken': { retry: false, httpStatus: 409 },
  /** The case is no longer what the caller saw. */
  'case-changed': { retry: false, httpStatus: 409 },
  'sign-in-failed': { retry: false, httpStatus: 401 },
  'too-many-attempts': { retry: true, httpStatus: 429 },
  /** A set-up link that was used or is too old. */
  'link-invalid': { retry: false, httpStatus: 403 },
  'name-taken': { retry: false, httpStatus: 409 },
  /** Nobody would remain who can let others in. */
  'last-admin': { retry: false, httpStatus: 409 },
  'provider-unreachable': { retry: true, httpStatus: 502 },
  /** A request to change a threshold that cannot go on: closed, or not yet ready to be signed. */
  'threshold-draft-closed': { retry: false, httpStatus: 409 },
  'threshold-draft-incomplete': { retry: false, httpStatus: 409 },
  'case-event-illegal': { retry: false, httpStatus: 409 },
  'dicom-unreadable': { retry: false, dimseStatus: 0xc000, httpStatus: 400 },
  'dicom-mismatch': { retry: false, dimseStatus: 0xa900, httpStatus: 400 },
  'dicom-unwritable': { retry: false, httpStatus: 500 },
  /** The file of a stored slice is no longer on disk. */
  'slice-gone': { retry: false, httpStatus: 410 },
  'pixel-data-undecodable': { retry: false, httpStatus: 422 },
  'transfer-syntax-unsupported': { retry: false, dimseStatus: 0x0122, httpStatus: 415 },
  'spool-full': { retry: true, dimseStatus: 0xa700, httpStatus: 507 },
  'spool-write-failed': { retry: true, dimseStatus: 0xa700, httpStatus: 500 },
  'object-too-large': { retry: false, dimseStatus: 0xa700, httpStatus: 413 },
  'association-refused': { retry: false, dimseStatus: 0x0124, httpStatus: 403 },
  'association-lost': { retry: true, httpStatus: 408 },
  'protocol-violation': { retry: false, httpStatus: 400 },
  'geometry-unusable': { retry: false, httpStatus: 422 },
  'dataset-invalid': { retry: false, httpStatus: 400 },
  'phantom-fracture-unknown': { retry: false, httpStatus: 400 },
  'model-invalid': { retry: false, httpStatus: 500 },
  'model-tampered': { retry: false, httpStatus: 500 },
  'model-conflict': { retry: false, httpStatus: 409 },
  /** A package that does not pass its check is not put into use. */
  'model-refused': { retry: false, httpStatus: 422 },
  /** A package that judges, or may have to, is not removed. */
  'model-in-use': { retry: false, httpStatus: 409 },
  /** Another package is being checked. */
  'model-check-running': { retry: true, httpStatus: 409 },
  /** The site has set a threshold, and nobody has said whether to keep it. */
  'second-signature': { retry: false, httpStatus: 409 },
  'threshold-unsaid': { retry: false, httpStatus: 409 },
  'inference-failed': { retry: true, httpStatus: 500 },
  'inference-died': { retry: true, httpStatus: 500 },
  'inference-timeout': { retry: true, httpStatus: 500 },
  'pacs-unreachable': { retry: true, httpStatus: 502 },
  'pacs-refused': { retry: false, httpStatus: 502 },
  'database-invalid': { retry: false, httpStatus: 500 },
  'database-busy': { retry: true, httpStatus: 503 },
  'database-newer': { retry: false, httpStatus: 500 },
  'identity-mismatch': { retry: false, httpStatus: 409 },
  'report-failed': { retry: true, httpStatus: 500 },
  'report-died': { retry: true, httpStatus: 500 },
  /** The process that writes reports does not start: no case can be blamed. */
  'report-unready': { retry: true, httpStatus: 503 },
  'report-timeout': { retry: true, httpStatus: 500 },
  /** A synthetic study did not pass through the agent correctly. */
  'proof-failed': { retry: false, httpStatus: 500 },
  /** Audit entries wait to be sent to the site's repository. */
  'audit-repository-unreachable': { retry: true, httpStatus: 502 },
  /** An HL7 message that cannot be used (AE), and one of a kind that is not taken (AR). */
  'message-unusable': { retry: false, httpStatus: 422 },
  'message-unsupported': { retry: false, httpStatus: 415 },
  'receiver-died': { retry: true, httpStatus: 500 },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

/** The one error class. `context` must stay free of PHI: it is logged. Anything else that is thrown is a bug. */
export class TriageError extends Error {
  readonly code: ErrorCode;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; context?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'TriageError';
    this.code = code;
    this.context = options.context ?? {};
  }

  get kind(): ErrorKind {
    return ERROR_KINDS[this.code];
  }
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
