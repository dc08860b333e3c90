import type { InstanceHeader, StoredInstance } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import { writeFileMeta } from '../dicom/fileMeta.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL, VERIFICATION } from '../dicom/sopClasses.ts';
import { readRequest, type DimseRequest } from '../dimse/dimseRequest.ts';
import { ABORT_REASON, violation, type Pdv } from '../dimse/pdu.ts';
import { createCommitmentService, type CommitmentServiceOptions } from './commitmentService.ts';
import type { IncomingFacts, IncomingObject } from './incomingObject.ts';
import { BEGINNING_BYTES, refusedHeader } from './refusedHeader.ts';
import type { Spool } from './spool.ts';

/** A presentation context that was accepted. */
export interface AcceptedContext {
  abstractSyntaxUid: string;
  transferSyntaxUid: string;
}

export interface StoreServiceOptions {
  accepted: ReadonlyMap<number, AcceptedContext>;
  spool: Spool;
  sourceAeTitle: string;
  receivingAeTitle: string;
  /** Answers a request. */
  respond: (request: DimseRequest, contextId: number, status: number, errorComment?: string) => Promise<void>;
  /** Asks whoever holds the objects for their commitment. */
  askCommitment: CommitmentServiceOptions['ask'];
  /** Keeps what an archive reports on a commitment that it was asked for. */
  commitmentReported: CommitmentServiceOptions['reported'];
  /** Called when a request for commitment, or a report on one, was answered with a failure. */
  commitmentRefused: CommitmentServiceOptions['refused'];
  /** Called when the object is durable; the sender is answered once this resolves. */
  stored(instance: StoredInstance): Promise<void>;
  /** Called when an object was answered with a failure status. */
  refused: (
    error: TriageError,
    status: number,
    object: Pick<IncomingFacts, 'sopClassUid'> & { header: InstanceHeader | null },
  ) => void;
}

/** Serves C-STORE, C-ECHO and the N-ACTION and N-EVENT-REPORT of Storage Commitment on one association, one fragment at a time (PS3.7 9.1.1, 9.1.5, 10.1.4, 10.1.1). */
export interface StoreService {
  /** @throws TriageError `protocol-violation` */
  take(pdv: Pdv): Promise<void>;
  /** True between the first fragment of a command and the last one of its message. */
  isWithinMessage(): boolean;
  /** True from a whole command of C-STORE to the last fragment of its data set. */
  isWithinObject(): boolean;
  /** Removes everything of an unfinished object. */
  discard(): Promise<void>;
}

/** The C-STORE in progress. Once it has failed, its remaining bytes are skipped and the failure is answered at the last fragment. */
interface ObjectInHand {
  request: Extract<DimseRequest, { kind: 'store' }>;
  contextId: number;
  incoming: IncomingObject | null;
  failure: TriageError | null;
  /** The first bytes of the data set, by which a refused object names its study. */
  beginning: Buffer;
}

const MAX_COMMAND_BYTES = 16_384;
/** The requests that belong to a class that is not for storage. */
const KINDS_OF: Readonly<Record<string, readonly DimseRequest['kind'][]>> = {
  [VERIFICATION]: ['echo'],
  [STORAGE_COMMITMENT_PUSH_MODEL]: ['action', 'event-report'],
};
const STATUS = { success: 0x0000, processingFailure: 0x0110, sopClassNotSupported: 0x0122 } as const;

export function createStoreService(options: StoreServiceOptions): StoreService {
  const { accepted, spool, respond } = options;
  let command: { contextId: number; fragments: Buffer[]; bytes: number } | null = null;
  let object: ObjectInHand | null = null;
  const commitment = createCommitmentService({
    ask: options.askCommitment,
    reported: options.commitmentReported,
    respond,
    refused: options.commitmentRefused,
  });

  const onCommand = async (request: DimseRequest, contextId: number, context: AcceptedContext): Promise<void> => {
    const { abstractSyntaxUid } = context;
    const isServed = (KINDS_OF[abstractSyntaxUid] ?? ['store']).includes(request.kind);
    if (request.kind === 'action' || request.kind === 'event-report') {
      if (!isServed)
        throw violation('an N-ACTION or N-EVENT-REPORT in another context than that of Storage Commitment');
      commitment.begin(request, contextId, context.transferSyntaxUid);
      return;
    }
    const fits = request.affectedSopClassUid === abstractSyntaxUid && isServed;
    if (request.kind === 'echo') {
      await respond(request, contextId, fits ? STATUS.success : STATUS.sopClassNotSupported);
      return;
    }
    object = { request, contextId, incoming: null, failure: null, beginning: Buffer.alloc(0) };
    if (!fits) {
      object.failure = new TriageError(
        'transfer-syntax-unsupported',
        'The SOP class is not that of the presentation context.',
      );
      return;
    }
    await attempt(object, async (current) => {
      current.incoming = await spool.begin({
        sopClassUid: request.affectedSopClassUid,
        sopInstanceUid: request.affectedSopInstanceUid,
        transferSyntaxUid: context.transferSyntaxUid,
        sourceAeTitle: options.sourceAeTitle,
        receivingAeTitle: options.receivingAeTitle,
      });
    });
  };

  const onCommandFragment = async (pdv: Pdv, context: AcceptedContext): Promise<void> => {
    if (object !== null || commitment.awaits() !== null)
      throw violation('a command within a data set', ABORT_REASON.unexpectedPdu);
    command ??= { contextId: pdv.contextId, fragments: [], bytes: 0 };
    command.fragments.push(Buffer.from(pdv.value));
    command.bytes += pdv.value.length;
    if (command.contextId !== pdv.contextId || command.bytes > MAX_COMMAND_BYTES || pdv.value.length === 0)
      throw violation('a command set in odd pieces');
    if (!pdv.isLast) return;
    const request = readRequest(Buffer.concat(command.fragments));
    command = null;
    await onCommand(request, pdv.contextId, context);
  };

  const onDataFragment = async (current: ObjectInHand, pdv: Pdv): Promise<void> => {
    if (current.beginning.length < BEGINNING_BYTES)
      current.beginning = Buffer.concat([
        current.beginning,
        pdv.value.subarray(0, BEGINNING_BYTES - current.beginning.length),
      ]);
    await attempt(current, async () => current.incoming?.write(pdv.value));
    if (!pdv.isLast) return;
    await attempt(current, async () => {
      await options.stored(await current.incoming!.commit());
    });
    object = null;
    const { request, contextId, failure } = current;
    if (failure === null) {
      await respond(request, contextId, STATUS.success);
      return;
    }
    const status = failure.kind.dimseStatus ?? STATUS.processingFailure;
    options.refused(failure, status, {
      sopClassUid: request.affectedSopClassUid,
      header: refusedHeader(
        Buffer.concat([
          writeFileMeta({
            sopClassUid: request.affectedSopClassUid,
            sopInstanceUid: request.affectedSopInstanceUid,
            transferSyntaxUid: accepted.get(contextId)!.transferSyntaxUid,
          }),
          current.beginning,
        ]),
      ),
    });
    await respond(request, contextId, status, failure.message);
  };

  return {
    take: async (pdv) => {
      const context = accepted.get(pdv.contextId);
      if (context === undefined) throw violation('a fragment for a presentation context that was not accepted');
      if (pdv.isCommand) {
        await onCommandFragment(pdv, context);
        return;
      }
      if (commitment.awaits() === pdv.contextId) {
        await commitment.take(pdv);
        return;
      }
      if (object?.contextId !== pdv.contextId)
        throw violation('a data set fragment without its command', ABORT_REASON.unexpectedPdu);
      await onDataFragment(object, pdv);
    },
    isWithinMessage: () => command !== null || object !== null || commitment.awaits() !== null,
    isWithinObject: () => object !== null,
    discard: async () => {
      await object?.incoming?.discard();
    },
  };
}

/** Runs a step of an object that has not failed yet. A TriageError becomes the answer; anything else is a bug and ends the association. */
async function attempt(object: ObjectInHand, step: (object: ObjectInHand) => Promise<void>): Promise<void> {
  if (object.failure !== null) return;
  try {
    await step(object);
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    object.failure = error;
    await object.incoming?.discard();
    object.incoming = null;
  }
}
