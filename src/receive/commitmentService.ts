import { TriageError } from '../base/errors.ts';
import { COMMITMENT_INSTANCE, readCommitment, type CommitmentDataSet } from '../dicom/commitmentDataSet.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../dicom/sopClasses.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { isReadableUid } from '../dicom/uids.ts';
import type { ActionRequest, EventReportRequest } from '../dimse/dimseRequest.ts';
import type { Pdv } from '../dimse/pdu.ts';

/** Answer to a request for commitment, or to a report on one: a status of PS3.7 10.1.4.1.10 or 10.1.1.1.8, and why it is not 0. */
export interface CommitmentAnswer {
  status: number;
  why: string;
}

type CommitmentMessage = ActionRequest | EventReportRequest;

export interface CommitmentServiceOptions {
  /** Puts a request where its report comes from later. */
  ask: (request: Pick<CommitmentDataSet, 'transactionUid' | 'referenced'>) => Promise<CommitmentAnswer>;
  /** Keeps what an archive reports on a commitment that it was asked for. */
  reported: (report: CommitmentDataSet) => Promise<CommitmentAnswer>;
  respond: (request: CommitmentMessage, contextId: number, status: number, errorComment?: string) => Promise<void>;
  /** Called when a request or report was answered with a failure. */
  refused: (why: string) => void;
}

/**
 * Serves Storage Commitment on one association, one fragment at a time: N-ACTION (PS3.4 J.3.2), whose report follows on an association of its own, and
 * N-EVENT-REPORT (J.3.3), by which an archive reports on what it was asked for.
 */
export interface CommitmentService {
  begin(request: CommitmentMessage, contextId: number, transferSyntaxUid: string): void;
  /** The context whose data set is awaited; null when none is. */
  awaits(): number | null;
  take(pdv: Pdv): Promise<void>;
}

const REQUEST_COMMITMENT = 1;
/** All is committed to; some of it is not (PS3.4 J.3.3.1). */
const EVENT_TYPES = [1, 2];
/** 10,000 references of 64-character UIDs in Explicit VR. */
const MAX_DATA_SET_BYTES = 2_097_152;
export const COMMITMENT_STATUS = {
  success: 0x0000,
  processingFailure: 0x0110,
  noSuchObjectInstance: 0x0112,
  noSuchEventType: 0x0113,
  invalidArgument: 0x0115,
  noSuchSopClass: 0x0118,
  noSuchAction: 0x0123,
  notAuthorized: 0x0124,
  resourceLimitation: 0x0213,
} as const;

interface MessageInHand {
  request: CommitmentMessage;
  contextId: number;
  isExplicit: boolean;
  fragments: Buffer[];
  bytes: number;
}

export function createCommitmentService(options: CommitmentServiceOptions): CommitmentService {
  let message: MessageInHand | null = null;
  return {
    begin: (request, contextId, transferSyntaxUid) => {
      const isExplicit = transferSyntaxUid === EXPLICIT_VR_LITTLE_ENDIAN;
      message = { request, contextId, isExplicit, fragments: [], bytes: 0 };
    },
    awaits: () => message?.contextId ?? null,
    take: async (pdv) => {
      const current = message!;
      current.bytes += pdv.value.length;
      // The rest of one that is too long is skipped.
      if (current.bytes <= MAX_DATA_SET_BYTES) current.fragments.push(Buffer.from(pdv.value));
      if (!pdv.isLast) return;
      message = null;
      const { status, why } = await answerTo(current, options);
      if (status !== COMMITMENT_STATUS.success) options.refused(why);
      await options.respond(current.request, current.contextId, status, ...(why === '' ? [] : [why]));
    },
  };
}

async function answerTo(
  { request, isExplicit, fragments, bytes }: MessageInHand,
  { ask, reported }: CommitmentServiceOptions,
): Promise<CommitmentAnswer> {
  const objection = objectionTo(request);
  if (objection !== null) return objection;
  if (bytes > MAX_DATA_SET_BYTES)
    return { status: COMMITMENT_STATUS.resourceLimitation, why: 'the request is too long: ask in several' };
  let dataSet: CommitmentDataSet;
  try {
    dataSet = readCommitment(Buffer.concat(fragments), isExplicit);
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    return { status: COMMITMENT_STATUS.invalidArgument, why: error.message };
  }
  if (request.kind === 'event-report') return reported(dataSet);
  const { transactionUid, referenced } = dataSet;
  const isWhole = ({ sopClassUid, sopInstanceUid }: (typeof referenced)[number]): boolean =>
    isReadableUid(sopClassUid) && isReadableUid(sopInstanceUid);
  if (referenced.length === 0 || !referenced.every(isWhole))
    return {
      status: COMMITMENT_STATUS.invalidArgument,
      why: 'an object is named without its class and instance, or none is',
    };
  return ask({ transactionUid, referenced });
}

/** Why a command is not one of Storage Commitment; null when it is. */
function objectionTo(request: CommitmentMessage): CommitmentAnswer | null {
  const isAction = request.kind === 'action';
  const sopClassUid = isAction ? request.requestedSopClassUid : request.affectedSopClassUid;
  const sopInstanceUid = isAction ? request.requestedSopInstanceUid : request.affectedSopInstanceUid;
  if (sopClassUid !== STORAGE_COMMITMENT_PUSH_MODEL)
    return { status: COMMITMENT_STATUS.noSuchSopClass, why: 'the SOP class is not Storage Commitment Push Model' };
  if (sopInstanceUid !== COMMITMENT_INSTANCE)
    return {
      status: COMMITMENT_STATUS.noSuchObjectInstance,
      why: 'the instance is not the well-known one of its class',
    };
  if (isAction && request.actionTypeId !== REQUEST_COMMITMENT)
    return { status: COMMITMENT_STATUS.noSuchAction, why: 'the action is not Request Storage Commitment' };
  if (!isAction && !EVENT_TYPES.includes(request.eventTypeId))
    return { status: COMMITMENT_STATUS.noSuchEventType, why: 'the event is not one of Storage Commitment' };
  return null;
}
