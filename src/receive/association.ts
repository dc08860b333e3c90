import type { Duplex } from 'node:stream';
import type { StoredInstance } from '../case/case.ts';
import type { CommitmentReported, CommitmentRequest } from '../case/commitment.ts';
import { TriageError } from '../base/errors.ts';
import { nextTurn, type Clock } from '../base/clock.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../dicom/sopClasses.ts';
import { createAssociationGuard, type AssociationGuard, type Pdu } from '../dimse/associationGuard.ts';
import { writeResponse } from '../dimse/dimseRequest.ts';
import { readAssociateRequest, writeAssociateReject, type AnsweredContext } from '../dimse/negotiation.ts';
import { ABORT_REASON, PDU_TYPE, readPdvs, RELEASE_RESPONSE, violation } from '../dimse/pdu.ts';
import type { AssociationPolicy, Caller, Rejection } from './associationPolicy.ts';
import type { CommitmentAnswer } from './commitmentService.ts';
import type { ReceiveConfig } from './receiveConfig.ts';
import type { Spool } from './spool.ts';
import {
  createStoreService,
  type AcceptedContext,
  type StoreService,
  type StoreServiceOptions,
} from './storeService.ts';

/** How an association ended. Only `released` means that the sender had sent everything it wanted to. */
export type AssociationEnd =
  | { kind: 'released' }
  | { kind: 'rejected'; rejection: Rejection; callingAeTitle: string }
  /** Closed by the peer between two messages. */
  | { kind: 'closed'; why: string }
  /** Closed within a message, aborted by the peer, or by us (`stop`). */
  | { kind: 'cut'; why: string }
  /** Ended by us: a protocol violation, a deadline, or a bug. */
  | { kind: 'failed'; error: unknown };

type RefusedContext = Extract<AnsweredContext, { result: 3 | 4 }>;

interface AssociationListener {
  opened(callingAeTitle: string): void;
  /** Called when the object is durable; the sender is answered once this resolves. */
  stored(instance: StoredInstance): Promise<void>;
  /** Asks for the commitment to keep objects; the sender is answered what this resolves to. */
  commitmentAsked(request: CommitmentRequest): Promise<CommitmentAnswer>;
  /** Keeps what an archive reports on a commitment; it is answered what this resolves to. */
  commitmentReported(reported: CommitmentReported): Promise<CommitmentAnswer>;
  /** Called when a request for commitment, or a report on one, was answered with a failure. */
  commitmentRefused(why: string): void;
  /** Called with the contexts that were refused. */
  contextsRefused(contexts: readonly RefusedContext[]): void;
  /** Called when an object was answered with a failure status. */
  refused: StoreServiceOptions['refused'];
}

export interface Association {
  /** Resolves when nothing more will be stored; never rejects. */
  ended: Promise<AssociationEnd>;
  /** Finishes the current object, then aborts. */
  stop(): void;
}

export interface AssociationOptions {
  caller: Caller;
  config: ReceiveConfig;
  policy: AssociationPolicy;
  spool: Spool;
  clock: Clock;
  /** Number of open associations by calling AE title. */
  openAssociations: () => ReadonlyMap<string, number>;
  listener: AssociationListener;
}

/** Archives report on commitments by an association on which they are the SCP (PS3.4 J.3.3). */
const AS_SCU: ReadonlySet<string> = new Set([STORAGE_COMMITMENT_PUSH_MODEL]);

/** Serves one connection from its first byte to its last, one message at a time. */
export function serveAssociation(socket: Duplex, options: AssociationOptions): Association {
  const guard = createAssociationGuard(socket, options.config, options.clock);
  let service: StoreService | null = null;
  let stopping = false;

  const stop = (): AssociationEnd => {
    guard.abort(ABORT_REASON.notSpecified);
    return { kind: 'cut', why: 'the agent stops' };
  };
  const run = async (): Promise<AssociationEnd> => {
    try {
      const negotiated = await negotiate(guard, options);
      if ('end' in negotiated) return negotiated.end;
      service = negotiated.service;
      return (await exchange(guard, service, options, () => stopping)) ?? stop();
    } catch (error) {
      if (stopping) return stop();
      const reason = error instanceof TriageError ? error.context['abortReason'] : undefined;
      guard.abort(typeof reason === 'number' ? reason : ABORT_REASON.notSpecified);
      return { kind: 'failed', error };
    } finally {
      await service?.discard();
    }
  };

  return {
    ended: run(),
    stop: () => {
      stopping = true;
      // Between two messages the loop waits for bytes that may never come.
      if (service?.isWithinObject() !== true) stop();
    },
  };
}

/** From the connection to our answer to its request: how it ended, or the service of the association that is now open. */
async function negotiate(
  guard: AssociationGuard,
  { caller, config, policy, spool, clock, openAssociations, listener }: AssociationOptions,
): Promise<{ end: AssociationEnd } | { service: StoreService }> {
  const first = await guard.nextPdu(clock.monotonicMs() + config.requestTimeoutMs);
  if (isOver(first)) return { end: cut(guard, first) };
  const { request, accept } = readAssociateRequest(first.body);
  const { callingAeTitle } = request;
  const rejection = policy.judge(request, caller, openAssociations());
  if (rejection !== null) {
    guard.finish(writeAssociateReject(rejection));
    return { end: { kind: 'rejected', rejection, callingAeTitle } };
  }
  const answers = policy.answer(request.contexts, request.statedStorageClasses);
  const accepted = new Map<number, AcceptedContext>();
  for (const answer of answers) if (answer.result === 0) accepted.set(answer.id, answer);
  const idleDeadlineMs = (): number => clock.monotonicMs() + config.idleTimeoutMs;
  guard.establish();
  listener.opened(callingAeTitle);
  const refused = answers.flatMap((answer) => (answer.result === 0 ? [] : [answer]));
  if (refused.length > 0) listener.contextsRefused(refused);
  await guard.send(accept(answers, config.maxPduLengthBytes, AS_SCU), idleDeadlineMs());
  const service = createStoreService({
    accepted,
    spool,
    sourceAeTitle: callingAeTitle,
    receivingAeTitle: request.calledAeTitle,
    respond: (...answer) => guard.send(writeResponse(...answer), idleDeadlineMs()),
    askCommitment: ({ transactionUid, referenced }) =>
      listener.commitmentAsked({
        sourceAeTitle: callingAeTitle,
        calledAeTitle: request.calledAeTitle,
        transactionUid,
        references: referenced,
      }),
    commitmentReported: (report) =>
      listener.commitmentReported({
        sourceAeTitle: callingAeTitle,
        calledAeTitle: request.calledAeTitle,
        report,
      }),
    commitmentRefused: (why) => listener.commitmentRefused(why),
    stored: (instance) => listener.stored(instance),
    refused: (...refusal) => {
      listener.refused(...refusal);
    },
  });
  return { service };
}

/** From our answer to the end; null when it was told to stop and no object is in progress. */
async function exchange(
  guard: AssociationGuard,
  service: StoreService,
  { config, clock }: AssociationOptions,
  isStopping: () => boolean,
): Promise<AssociationEnd | null> {
  /** Applies to a whole message, from the first fragment of its command to the last of its data set. */
  let messageDeadlineMs = Number.POSITIVE_INFINITY;
  for (;;) {
    if (isStopping() && !service.isWithinObject()) return null;
    const pdu = await guard.nextPdu(Math.min(clock.monotonicMs() + config.idleTimeoutMs, messageDeadlineMs));
    if (isOver(pdu)) return cut(guard, pdu, service.isWithinMessage());
    if (pdu.type === PDU_TYPE.releaseRequest) {
      if (service.isWithinMessage()) throw violation('a release within a message', ABORT_REASON.unexpectedPdu);
      guard.finish(RELEASE_RESPONSE);
      return { kind: 'released' };
    }
    for (const pdv of readPdvs(pdu.body)) {
      // Nothing more is served once our final PDU has been sent.
      if (guard.state() !== 'established') throw violation('a fragment behind the end', ABORT_REASON.unexpectedPdu);
      if (!service.isWithinMessage()) messageDeadlineMs = clock.monotonicMs() + config.objectTimeoutMs;
      await service.take(pdv);
      if (service.isWithinMessage()) continue;
      messageDeadlineMs = Number.POSITIVE_INFINITY;
      // A peer that sends ahead gets one message per turn, like every other peer.
      await nextTurn();
    }
  }
}

/** Closed between two PDUs, or aborted by the peer. */
function isOver(pdu: Pdu | null): pdu is AbortPdu | null {
  return pdu === null || pdu.type === PDU_TYPE.abort;
}
type AbortPdu = Pdu & { type: typeof PDU_TYPE.abort };

/** Ends a connection that its peer has abandoned. Nothing of it may stay open, or it would occupy a place until the peer closes. */
function cut(guard: AssociationGuard, abort: AbortPdu | null, isWithinMessage = false): AssociationEnd {
  guard.destroy();
  return abort === null
    ? { kind: isWithinMessage ? 'cut' : 'closed', why: 'the sender closed the connection without a release' }
    : { kind: 'cut', why: 'the sender aborted' };
}
