import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { hex16 } from '../base/hex16.ts';
import { COMMAND_FIELD, COMMAND_TAG, textOf } from '../dimse/commandSet.ts';
import {
  openAssociation,
  type DataSetSource,
  type DimseAssociation,
  type DimsePeer,
  type SubOperation,
  type SubOperationAnswer,
} from './dimseAssociation.ts';
import { requestOf } from './dimseService.ts';

/** Statuses of C-STORE for what the Storage SCP itself did not answer (PS3.4 B.2.3, PS3.7 C). */
const STATUS = { sopClassNotSupported: 0x0122, outOfResources: 0xa700 } as const;

/** Objects that a peer sends by C-GET, on their way to a Storage SCP. */
export interface ObjectRelay {
  /** Stores one object; the answer is that of the Storage SCP. Never rejects because of it. */
  store(operation: SubOperation): Promise<SubOperationAnswer>;
  /** How many objects it took, and how many not. */
  counts(): { stored: number; refused: number };
  /** Why the first of those that it did not take was refused; null without any. */
  refusal(): string | null;
  /** Ends the sending: everything was sent, or something may be missing. */
  end(isComplete: boolean): Promise<void>;
}

/**
 * Sends objects on to a Storage SCP, fragment by fragment and unchanged, over an association of its own. Nothing of them is read here: whoever sends them, they
 * go through the checks of that SCP, and their sender is answered its status.
 *
 * `restMs`: an association that was idle for longer is not used any more, before the SCP ends it.
 */
export function createObjectRelay(
  scp: DimsePeer,
  pairs: readonly { abstractSyntaxUid: string; transferSyntaxUid: string }[],
  { clock, restMs }: { clock: Clock; restMs: number },
): ObjectRelay {
  let association: DimseAssociation | null = null;
  let usedAtMs = 0;
  let stored = 0;
  let refused = 0;
  let refusal: string | null = null;
  /** Once the SCP is lost, nothing more is tried. */
  let isLost = false;

  const forward = async (operation: SubOperation): Promise<SubOperationAnswer> => {
    const { sopClassUid, sopInstanceUid, transferSyntaxUid, fragments } = operation;
    if (association !== null && clock.monotonicMs() - usedAtMs > restMs) {
      // Not released: that would say that everything was sent.
      association.abort();
      association = null;
    }
    association ??= await openAssociation(scp, pairs, clock);
    const context = association.contextFor(sopClassUid, transferSyntaxUid);
    if ('refusal' in context)
      return { status: STATUS.sopClassNotSupported, errorComment: 'Not taken in this encoding' };
    const { status, command } = await association.finalResponse(
      context.id,
      COMMAND_FIELD.storeRequest,
      requestOf(sopClassUid).set(COMMAND_TAG.affectedSopInstanceUid, sopInstanceUid),
      passedOn(fragments),
    );
    usedAtMs = clock.monotonicMs();
    return { status, errorComment: textOf(command, COMMAND_TAG.errorComment) };
  };

  const attempt = async (operation: SubOperation): Promise<SubOperationAnswer> => {
    if (isLost) return { status: STATUS.outOfResources, errorComment: 'The receiver cannot be reached' };
    try {
      return await forward(operation);
    } catch (error) {
      if (!(error instanceof TriageError)) throw error;
      isLost = true;
      association = null;
      refusal ??= error.message;
      return { status: STATUS.outOfResources, errorComment: 'The receiver cannot be reached' };
    }
  };

  return {
    store: async (operation) => {
      const answer = await attempt(operation);
      // 0xBxxx: taken, with a remark.
      if (answer.status === 0 || answer.status >> 12 === 0xb) stored += 1;
      else {
        refused += 1;
        refusal ??= `${hex16(answer.status)}: ${answer.errorComment === '' ? 'no reason given' : answer.errorComment}`;
      }
      return answer;
    },
    counts: () => ({ stored, refused }),
    refusal: () => refusal,
    end: async (isComplete) => {
      if (isComplete) await association?.release();
      else association?.abort();
      association = null;
    },
  };
}

/** Fragments as a data set to send, in pieces that the SCP takes. */
function passedOn(fragments: AsyncIterable<Buffer>): DataSetSource {
  return {
    lengthBytes: null,
    async *pieces(pieceBytes) {
      for await (const fragment of fragments)
        for (let position = 0; position < fragment.length; position += pieceBytes)
          yield fragment.subarray(position, position + pieceBytes);
    },
  };
}
