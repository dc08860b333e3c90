import type { Duplex } from 'node:stream';
import type { StoredInstance } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { ABORT_REASON, createAssociationGuard, PDU_TYPE, violation } from './associationGuard.ts';
import type { AssociationPolicy, Rejection } from './associationPolicy.ts';
import { readAssociateRequest, readCommand, RELEASE_RESPONSE, writeResponse, type DimseRequest } from './dimseCodec.ts';
import { readPdvs, type Pdv } from './presentationData.ts';
import { VERIFICATION_SOP_CLASS, type ReceiveConfig } from './receiveConfig.ts';
import type { IncomingObject, Spool } from './spool.ts';

/** How an association ended. Only `released` says that the sender had sent all it wanted to. */
export type AssociationEnd =
  | { kind: 'released' }
  | { kind: 'rejected'; rejection: Rejection; callingAeTitle: string }
  /** Closed or aborted by the peer, or by us (`stop`). */
  | { kind: 'cut' }
  /** Ended by us: a breach of the protocol, a deadline, or a bug. */
  | { kind: 'failed'; error: unknown };

export interface AssociationListener {
  opened(callingAeTitle: string): void;
  /** Called when the object is durable; the sender is told so once this resolves. */
  stored(instance: StoredInstance): Promise<void>;
  /** An object was answered with a failure status. */
  refused(error: TriageError, status: number, sopInstanceUid: string): void;
}

export interface Association {
  /** Resolves when nothing more will be stored; never rejects. */
  ended: Promise<AssociationEnd>;
  /** Finishes the object in hand, then aborts. */
  stop(): void;
}

interface AcceptedContext {
  abstractSyntaxUid: string;
  transferSyntaxUid: string;
}

/** The C-STORE in hand. Once it has failed its bytes are let by, and the failure is answered at the last fragment. */
interface ObjectInHand {
  request: Extract<DimseRequest, { kind: 'store' }>;
  contextId: number;
  incoming: IncomingObject | null;
  failure: TriageError | null;
}

const MAX_COMMAND_BYTES = 16_384;
const STATUS = { success: 0x0000, processingFailure: 0x0110, sopClassNotSupported: 0x0122 } as const;

/** Serves one connection from its first byte to its last, one message after the other. */
export function serveAssociation(
  socket: Duplex,
  options: {
    address: string;
    config: ReceiveConfig;
    policy: AssociationPolicy;
    spool: Spool;
    clock: Clock;
    openAssociations: () => number;
    listener: AssociationListener;
  },
): Association {
  const { config, policy, spool, clock, listener } = options;
  const guard = createAssociationGuard(socket, config, clock);
  const accepted = new Map<number, AcceptedContext>();
  let sourceAeTitle = '';
  let command: { contextId: number; fragments: Buffer[]; bytes: number } | null = null;
  let object: ObjectInHand | null = null;
  /** For a whole message, from the first fragment of its command to the last of its data set. */
  let messageDeadlineMs = Number.POSITIVE_INFINITY;
  let stopping = false;

  const idleDeadlineMs = (): number => clock.monotonicMs() + config.idleTimeoutMs;

  const respond = (request: DimseRequest, contextId: number, status: number, errorComment?: string): Promise<void> =>
    guard.send(writeResponse(request, contextId, status, errorComment), idleDeadlineMs());

  const negotiate = async (): Promise<AssociationEnd | null> => {
    const first = await guard.nextPdu(clock.monotonicMs() + config.requestTimeoutMs);
    if (first === null || first.type === PDU_TYPE.abort) return { kind: 'cut' };
    const { request, accept, reject } = readAssociateRequest(first.body);
    const rejection = policy.judge(request, options.address, options.openAssociations());
    if (rejection !== null) {
      guard.finish(reject(rejection));
      return { kind: 'rejected', rejection, callingAeTitle: request.callingAeTitle };
    }
    const answers = policy.answer(request.contexts);
    for (const answer of answers) if (answer.result === 0) accepted.set(answer.id, answer);
    sourceAeTitle = request.callingAeTitle;
    guard.establish();
    listener.opened(sourceAeTitle);
    await guard.send(accept(answers, config.maxPduLengthBytes), idleDeadlineMs());
    return null;
  };

  const onCommand = async (request: DimseRequest, contextId: number, context: AcceptedContext): Promise<void> => {
    const isVerification = context.abstractSyntaxUid === VERIFICATION_SOP_CLASS;
    const fits =
      request.affectedSopClassUid === context.abstractSyntaxUid && isVerification === (request.kind === 'echo');
    if (request.kind === 'echo') {
      await respond(request, contextId, fits ? STATUS.success : STATUS.sopClassNotSupported);
      return;
    }
    object = { request, contextId, incoming: null, failure: null };
    if (!fits) {
      object.failure = new TriageError(
        'transfer-syntax-unsupported',
        'The SOP class is not that of the presentation context.',
      );
      return;
    }
    const { affectedSopClassUid: sopClassUid, affectedSopInstanceUid: sopInstanceUid } = request;
    const facts = {
      sopClassUid,
      sopInstanceUid,
      transferSyntaxUid: context.transferSyntaxUid,
      sourceAeTitle,
      receivingAeTitle: config.aeTitle,
    };
    await attempt(object, async (current) => {
      current.incoming = await spool.begin(facts);
    });
  };

  const onData = async (current: ObjectInHand, pdv: Pdv): Promise<void> => {
    await attempt(current, async () => current.incoming?.write(pdv.value));
    if (!pdv.isLast) return;
    await attempt(current, async () => {
      await listener.stored(await current.incoming!.commit());
    });
    object = null;
    messageDeadlineMs = Number.POSITIVE_INFINITY;
    const { request, contextId, failure } = current;
    if (failure === null) {
      await respond(request, contextId, STATUS.success);
      return;
    }
    const status = failure.kind.dimseStatus ?? STATUS.processingFailure;
    listener.refused(failure, status, request.affectedSopInstanceUid);
    await respond(request, contextId, status, failure.message);
  };

  const onPdv = async (pdv: Pdv): Promise<void> => {
    const context = accepted.get(pdv.contextId);
    if (guard.state() !== 'established' || context === undefined)
      throw violation('a fragment for a presentation context that was not accepted', ABORT_REASON.invalidParameter);
    if (!pdv.isCommand) {
      if (object?.contextId !== pdv.contextId)
        throw violation('a data set fragment without its command', ABORT_REASON.unexpectedPdu);
      await onData(object, pdv);
      return;
    }
    if (object !== null) throw violation('a command within a data set', ABORT_REASON.unexpectedPdu);
    if (command === null) messageDeadlineMs = clock.monotonicMs() + config.objectTimeoutMs;
    command ??= { contextId: pdv.contextId, fragments: [], bytes: 0 };
    command.fragments.push(Buffer.from(pdv.value));
    command.bytes += pdv.value.length;
    if (command.contextId !== pdv.contextId || command.bytes > MAX_COMMAND_BYTES || pdv.value.length === 0)
      throw violation('a command set in odd pieces', ABORT_REASON.invalidParameter);
    if (!pdv.isLast) return;
    const request = readCommand(Buffer.concat(command.fragments));
    command = null;
    await onCommand(request, pdv.contextId, context);
    if (request.kind === 'echo') messageDeadlineMs = Number.POSITIVE_INFINITY;
  };

  const exchange = async (): Promise<AssociationEnd> => {
    for (;;) {
      if (stopping && object === null) return stop();
      const pdu = await guard.nextPdu(Math.min(idleDeadlineMs(), messageDeadlineMs));
      if (pdu === null || pdu.type === PDU_TYPE.abort) {
        guard.destroy();
        return { kind: 'cut' };
      }
      if (pdu.type === PDU_TYPE.releaseRequest) {
        if (object !== null || command !== null)
          throw violation('a release within a message', ABORT_REASON.unexpectedPdu);
        guard.finish(RELEASE_RESPONSE);
        return { kind: 'released' };
      }
      for (const pdv of readPdvs(pdu.body)) await onPdv(pdv);
    }
  };

  const stop = (): AssociationEnd => {
    guard.abort(ABORT_REASON.notSpecified);
    return { kind: 'cut' };
  };

  const run = async (): Promise<AssociationEnd> => {
    try {
      return (await negotiate()) ?? (await exchange());
    } catch (error) {
      if (stopping) return stop();
      const reason = error instanceof TriageError ? error.context['abortReason'] : undefined;
      guard.abort(typeof reason === 'number' ? reason : ABORT_REASON.notSpecified);
      return { kind: 'failed', error };
    } finally {
      await object?.incoming?.discard();
    }
  };

  return {
    ended: run(),
    stop: () => {
      stopping = true;
      // Between two messages the loop waits for bytes that need not come.
      if (object === null) stop();
    },
  };
}

/** Runs a step of an object that has not failed yet; its TriageError becomes the answer, anything else is a bug and ends the association. */
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
