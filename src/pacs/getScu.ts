import type { Clock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { hex16 } from '../base/hex16.ts';
import { STUDY_ROOT_GET } from '../dicom/sopClasses.ts';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { COMMAND_FIELD, COMMAND_TAG, textOf, uint16Of } from '../dimse/commandSet.ts';
import { openAssociation, type DimseAssociation, type DimsePeer } from './dimseAssociation.ts';
import { isPending, requestOf, unreachable } from './dimseService.ts';
import { createObjectRelay } from './objectRelay.ts';
import { dataSetInMemory } from './part10Source.ts';
import { CT_IN_ANY_ENCODING, retrievablePairs, type RetrievablePair } from './retrievablePairs.ts';
import type { RetrieveOutcome, RetrieveTarget } from './retrieveOutcome.ts';

/** A Storage SCP that takes what comes by C-GET: the agent's own, where pushed objects come in too. */
export interface StorageDoor {
  host: string;
  port: number;
  /** How long an association with it may be silent. */
  idleTimeoutMs: number;
  /** SOP classes that it takes besides those of the standard: with C-GET each must be named. */
  privateClasses?: readonly string[];
}

/** An association on which the peer answers C-GET, and sends objects to us. */
export interface GetAssociation {
  association: DimseAssociation;
  contextId: number;
  /** The pairs that it agreed to send. */
  pairs: readonly RetrievablePair[];
}

/** Opens one for objects of `proposed`; a sentence saying why not when the peer sends none of `needed`. @throws TriageError `pacs-unreachable` */
export async function openGet(
  peer: DimsePeer,
  clock: Clock,
  proposed: readonly RetrievablePair[],
  needed: readonly RetrievablePair[] = CT_IN_ANY_ENCODING,
): Promise<GetAssociation | { refusal: string }> {
  const association = await openAssociation(
    peer,
    [
      { abstractSyntaxUid: STUDY_ROOT_GET, transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN },
      ...proposed.map((one) => ({ ...one, role: 'scp' as const })),
    ],
    clock,
  );
  const context = association.contextFor(STUDY_ROOT_GET, IMPLICIT_VR_LITTLE_ENDIAN);
  const isAgreed = ({ abstractSyntaxUid, transferSyntaxUid }: RetrievablePair): boolean =>
    'id' in association.contextFor(abstractSyntaxUid, transferSyntaxUid);
  const takesRole = needed.some((one) => association.isScpOf(one.abstractSyntaxUid) && isAgreed(one));
  if ('id' in context && takesRole) return { association, contextId: context.id, pairs: proposed.filter(isAgreed) };
  await association.release();
  return {
    refusal:
      'refusal' in context
        ? context.refusal
        : 'it takes the context of C-GET, but does not let the agent be the SCP of CT Image Storage (role selection)',
  };
}

/**
 * Has a study sent on the association of the request (PS3.4 C.4.3), each object on to `door`, called as the peer and as `receivingAeTitle`: it comes in as one
 * that the peer has pushed. What the peer could not send is asked for again on other associations, which propose the pairs of
 * `rest`. All are released at the end.
 *
 * @throws TriageError `pacs-unreachable`, `receiver-died` when the door is not open
 */
export async function getStudy(
  peer: DimsePeer,
  first: GetAssociation & { rest: readonly (readonly RetrievablePair[])[] },
  identifier: Buffer,
  target: RetrieveTarget & { door: StorageDoor | null },
): Promise<RetrieveOutcome> {
  const { door, clock, onSent } = target;
  if (door === null) {
    await first.association.release();
    throw new TriageError('receiver-died', 'The receiver does not listen yet; ask again in a moment.');
  }
  let sum = await getOnce(peer, first, identifier, { ...target, door });
  for (const pairs of first.rest) {
    if (sum.unsent === 0) break;
    const opened = await openGet(peer, clock, pairs, pairs);
    if ('refusal' in opened) continue;
    const before = sum.stored;
    const more = await getOnce(peer, opened, identifier, {
      ...target,
      door,
      onSent: (objects) => onSent?.(before + objects),
    });
    // Here it fails for what came before: only the first association says how many there are.
    const unsent = Math.max(0, sum.unsent - more.stored - more.refused);
    sum = {
      ...sum,
      stored: sum.stored + more.stored,
      refused: sum.refused + more.refused,
      refusal: sum.refusal ?? more.refusal,
      unsent,
      status: unsent === 0 && COUNTED.includes(sum.status) ? 0 : sum.status,
    };
  }
  return outcomeOf(sum);
}

/** Statuses that say no more than that sub-operations failed (PS3.4 C.4.3.1.4). With another one the peer stopped, and nobody knows what it left out. */
const COUNTED: readonly number[] = [0xb000, 0xa702];

/** What came on one association. */
interface Gotten {
  stored: number;
  refused: number;
  /** Why the first of the refused ones was. */
  refusal: string | null;
  /** What the peer says that it could not send at all. */
  unsent: number;
  status: number;
  comment: string;
}

async function getOnce(
  peer: DimsePeer,
  { association, contextId, pairs }: GetAssociation,
  identifier: Buffer,
  { door, receivingAeTitle, clock, onSent, isBackground }: RetrieveTarget & { door: StorageDoor },
): Promise<Gotten> {
  const scp: DimsePeer = {
    name: 'agent',
    aeTitle: receivingAeTitle,
    host: door.host,
    port: door.port,
    callingAeTitle: peer.aeTitle,
    timeoutMs: peer.timeoutMs,
  };
  const relay = createObjectRelay(scp, pairs, { clock, restMs: door.idleTimeoutMs / 2 });
  let isComplete = false;
  try {
    const responses = association.request(
      contextId,
      COMMAND_FIELD.getRequest,
      requestOf(STUDY_ROOT_GET, isBackground),
      dataSetInMemory(identifier),
      async (operation) => {
        const answer = await relay.store(operation);
        onSent?.(relay.counts().stored);
        return answer;
      },
    );
    let gotten: Gotten = { stored: 0, refused: 0, refusal: null, unsent: 0, status: 0, comment: '' };
    for await (const { status, command } of responses) {
      if (isPending(status)) continue;
      const { stored, refused } = relay.counts();
      // Of what did not come only the peer can tell (PS3.4 C.4.3.1.4).
      const failed = uint16Of(command, COMMAND_TAG.failedSuboperations) ?? 0;
      gotten = {
        ...{ stored, refused, refusal: relay.refusal(), unsent: Math.max(0, failed - refused), status },
        comment: textOf(command, COMMAND_TAG.errorComment),
      };
    }
    isComplete = true;
    await association.release();
    return gotten;
  } finally {
    await relay.end(isComplete);
  }
}

function outcomeOf({ stored, refused, refusal, unsent, status, comment }: Gotten): RetrieveOutcome {
  const failed = refused + unsent;
  const why = comment === '' ? '' : ` (${comment})`;
  const problem = (): string | null => {
    if (refused > 0) return `${refused} of ${stored + failed} objects that it sent were refused: ${refusal}`;
    if (failed > 0)
      return `it could not send ${failed} of ${stored + failed} objects${why}: perhaps in an encoding that C-GET does not ask for; C-MOVE brings every one`;
    return status === 0 || status === 0xb000 ? null : `it answered C-GET with status ${hex16(status)}${why}`;
  };
  return { completed: stored, failed, problem: problem() };
}

/** What an archive offers of C-GET, for `doctor`. @throws TriageError `pacs-unreachable` when it must offer it and does not */
export async function probeGet(peer: DimsePeer, clock: Clock, isWanted: boolean): Promise<string> {
  const opened = await openGet(peer, clock, retrievablePairs()[0]!);
  if (!('refusal' in opened)) {
    await opened.association.release();
    return 'sends studies by C-GET';
  }
  if (isWanted) throw unreachable(peer, notOffered(opened.refusal));
  return 'offers no C-GET, so that studies are asked for by C-MOVE';
}

/** Why nothing can come by C-GET, and what to do. */
export function notOffered(refusal: string): string {
  return `it does not offer C-GET: ${refusal}. Set "retrieve: move" for it and register the agent there`;
}
