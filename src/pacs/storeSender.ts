import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { StoreOutcome } from '../case/delivery.ts';
import { COMMAND_FIELD, COMMAND_TAG, textOf, type ElementValue } from '../dimse/commandSet.ts';
import { openAssociation, type DimseAssociation, type DimsePeer } from './dimseAssociation.ts';
import { dataSetOf, type Part10File } from './part10Source.ts';
import { outcomeOfStatus } from './storeStatus.ts';

const PRIORITY_MEDIUM = 0;
/** Losing one association may be the object's fault; losing the next one too, in a row, is the peer's. */
const MAX_LOSSES_IN_A_ROW = 2;

/** Sends objects one at a time by C-STORE, opening associations as needed. */
export interface StoreSender {
  /** The outcome of one object; never rejects because of a peer's behaviour. */
  send(file: Part10File): Promise<StoreOutcome>;
  /** True once the peer has failed so often that sending has stopped; `send` then answers at once. */
  readonly givenUp: boolean;
  close(): Promise<void>;
}

/** A sender for files of these pairs of SOP class and transfer syntax (128 at most). */
export function createStoreSender(
  peer: DimsePeer,
  pairs: readonly { abstractSyntaxUid: string; transferSyntaxUid: string }[],
  clock: Clock,
): StoreSender {
  let association: DimseAssociation | null = null;
  let lossesInARow = 0;
  let failure: string | null = null;

  const open = async (): Promise<DimseAssociation> => {
    try {
      return await openAssociation(peer, pairs, clock);
    } catch (error) {
      // An unreachable peer is not tried again for each object: the caller waits before its next attempt.
      if (error instanceof TriageError) failure = error.message;
      throw error;
    }
  };

  return {
    get givenUp() {
      return failure !== null;
    },
    send: async (file) => {
      if (failure !== null) return { kind: 'unreachable', reason: failure };
      try {
        association ??= await open();
        const outcome = await storeFile(association, file);
        lossesInARow = 0;
        return outcome;
      } catch (error) {
        if (!(error instanceof TriageError)) throw error;
        association = null;
        if (error.code === 'pacs-unreachable' && ++lossesInARow >= MAX_LOSSES_IN_A_ROW) failure = error.message;
        return { kind: 'unreachable', reason: error.message };
      }
    },
    close: async () => {
      await association?.release();
      association = null;
    },
  };
}

async function storeFile(association: DimseAssociation, file: Part10File): Promise<StoreOutcome> {
  const context = association.contextFor(file.sopClassUid, file.transferSyntaxUid);
  if ('refusal' in context) return { kind: 'refused', status: 'context-rejected', reason: `${context.refusal}.` };
  const elements = new Map<number, ElementValue>([
    [COMMAND_TAG.affectedSopClassUid, file.sopClassUid],
    [COMMAND_TAG.priority, PRIORITY_MEDIUM],
    [COMMAND_TAG.affectedSopInstanceUid, file.sopInstanceUid],
  ]);
  const { status, command } = await association.finalResponse(
    context.id,
    COMMAND_FIELD.storeRequest,
    elements,
    dataSetOf(file),
  );
  return outcomeOfStatus(status, textOf(command, COMMAND_TAG.errorComment));
}

/** The pairs of SOP class and transfer syntax among these files, each once. */
export function distinctPairs(
  files: readonly Part10File[],
): { abstractSyntaxUid: string; transferSyntaxUid: string }[] {
  return [
    ...new Map(
      files.map((file) => [
        `${file.sopClassUid} ${file.transferSyntaxUid}`,
        { abstractSyntaxUid: file.sopClassUid, transferSyntaxUid: file.transferSyntaxUid },
      ]),
    ).values(),
  ];
}
