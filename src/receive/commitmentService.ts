import { TriageError } from '../base/errors.ts';
import { COMMITMENT_INSTANCE, readCommitment, type CommitmentDataSet } from '../dicom/commitmentDataSet.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../dicom/sopClasses.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { isReadableUid } from '../dicom/uids.ts';
import type { ActionRequest } from '../dimse/dimseRequest.ts';
import type { Pdv } from '../dimse/pdu.ts';

/** Answer to a request for commitment: a status of PS3.7 10.1.4.1.10, and why it is not 0. */
export interface CommitmentAnswer {
  status: number;
  why: string;
}

export interface CommitmentServiceOptions {
  /** Puts a request where its report comes from later. */
  ask: (request: Pick<CommitmentDataSet, 'transactionUid' | 'referenced'>) => Promise<CommitmentAnswer>;
  respond: (request: ActionRequest, contextId: number, status: number, errorComment?: string) => Promise<void>;
  /** Called when a request was answered with a failure. */
  refused: (why: string) => void;
}

/** Serves N-ACTION of Storage Commitment on one association (PS3.4 J.3.2), one fragment at a time. The report follows on an association of its own. */
export interface CommitmentService {
  begin(request: ActionRequest, contextId: number, transferSyntaxUid: string): void;
  /** The context whose data set is awaited; null when none is. */
  awaits(): number | null;
  take(pdv: Pdv): Promise<void>;
}

const REQUEST_COMMITMENT = 1;
/** 10,000 references of 64-character UIDs in Explicit VR. */
const MAX_DATA_SET_BYTES = 2_097_152;
export const ACTION_STATUS = {
  success: 0x0000,
  processingFailure: 0x0110,
  noSuchObjectInstance: 0x0112,
  invalidArgument: 0x0115,
  noSuchSopClass: 0x0118,
  noSuchAction: 0x0123,
  notAuthorized: 0x0124,
  resourceLimitation: 0x0213,
} as const;

interface ActionInHand {
  request: ActionRequest;
  contextId: number;
  isExplicit: boolean;
  fragments: Buffer[];
  bytes: number;
}

export function createCommitmentService({ ask, respond, refused }: CommitmentServiceOptions): CommitmentService {
  let action: ActionInHand | null = null;
  return {
    begin: (request, contextId, transferSyntaxUid) => {
      const isExplicit = transferSyntaxUid === EXPLICIT_VR_LITTLE_ENDIAN;
      action = { request, contextId, isExplicit, fragments: [], bytes: 0 };
    },
    awaits: () => action?.contextId ?? null,
    take: async (pdv) => {
      const current = action!;
      current.bytes += pdv.value.length;
      // The rest of one that is too long is skipped.
      if (current.bytes <= MAX_DATA_SET_BYTES) current.fragments.push(Buffer.from(pdv.value));
      if (!pdv.isLast) return;
      action = null;
      const { status, why } = await answerTo(current, ask);
      if (status !== ACTION_STATUS.success) refused(why);
      await respond(current.request, current.contextId, status, ...(why === '' ? [] : [why]));
    },
  };
}

async function answerTo(
  { request, isExplicit, fragments, bytes }: ActionInHand,
  ask: CommitmentServiceOptions['ask'],
): Promise<CommitmentAnswer> {
  if (request.requestedSopClassUid !== STORAGE_COMMITMENT_PUSH_MODEL)
    return { status: ACTION_STATUS.noSuchSopClass, why: 'the SOP class is not Storage Commitment Push Model' };
  if (request.requestedSopInstanceUid !== COMMITMENT_INSTANCE)
    return { status: ACTION_STATUS.noSuchObjectInstance, why: 'the instance is not the well-known one of its class' };
  if (request.actionTypeId !== REQUEST_COMMITMENT)
    return { status: ACTION_STATUS.noSuchAction, why: 'the action is not Request Storage Commitment' };
  if (bytes > MAX_DATA_SET_BYTES)
    return { status: ACTION_STATUS.resourceLimitation, why: 'the request is too long: ask in several' };
  let asked: CommitmentDataSet;
  try {
    asked = readCommitment(Buffer.concat(fragments), isExplicit);
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    return { status: ACTION_STATUS.invalidArgument, why: error.message };
  }
  const { transactionUid, referenced } = asked;
  const isWhole = ({ sopClassUid, sopInstanceUid }: (typeof referenced)[number]): boolean =>
    isReadableUid(sopClassUid) && isReadableUid(sopInstanceUid);
  if (referenced.length === 0 || !referenced.every(isWhole))
    return {
      status: ACTION_STATUS.invalidArgument,
      why: 'an object is named without its class and instance, or none is',
    };
  return ask({ transactionUid, referenced });
}
