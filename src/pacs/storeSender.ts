import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { StoreOutcome } from '../case/delivery.ts';
import { lowerSrClasses } from '../dicom/sopClasses.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { COMMAND_FIELD, COMMAND_TAG, textOf } from '../dimse/commandSet.ts';
import { openAssociation, type DimseAssociation, type DimsePeer } from './dimseAssociation.ts';
import { requestOf } from './dimseService.ts';
import { dataSetOf, rewrittenDataSetOf, type CharacterSet, type Part10File } from './part10Source.ts';
import { outcomeOfStatus } from './storeStatus.ts';

/** Losing one association may be the object's fault; losing the next one too, in a row, is the peer's. */
const MAX_LOSSES_IN_A_ROW = 2;
const STOPPED: StoreOutcome = { kind: 'unreachable', reason: 'Sending was stopped.' };

/** Sends objects one at a time by C-STORE, opening associations as needed. */
export interface StoreSender {
  /** The outcome of one object; never rejects because of a peer's behaviour. */
  send(file: Part10File): Promise<StoreOutcome>;
  /** True once the peer has failed so often that sending has stopped; `send` then answers at once. */
  readonly givenUp: boolean;
  close(): Promise<void>;
}

interface StoreSenderOptions {
  /** Only files of ours can go out in ISO_IR 100. Default: ISO_IR 192. */
  characterSet?: CharacterSet | undefined;
  /** Aborts the association, and nothing more is sent. */
  stopping?: AbortSignal | undefined;
}

/** A sender for files of these pairs of SOP class and transfer syntax (128 at most). */
export function createStoreSender(
  peer: DimsePeer,
  pairs: readonly { abstractSyntaxUid: string; transferSyntaxUid: string }[],
  clock: Clock,
  { characterSet = 'ISO_IR 192', stopping }: StoreSenderOptions = {},
): StoreSender {
  let association: DimseAssociation | null = null;
  let lossesInARow = 0;
  let failure: string | null = null;

  const isStopped = (): boolean => stopping?.aborted === true;
  const stop = (): void => association?.abort();
  stopping?.addEventListener('abort', stop, { once: true });

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
      if (isStopped()) return STOPPED;
      if (failure !== null) return { kind: 'unreachable', reason: failure };
      try {
        association ??= await open();
        stopping?.throwIfAborted();
        const outcome = await storeFile(association, file, characterSet);
        lossesInARow = 0;
        return outcome;
      } catch (error) {
        if (isStopped()) {
          association?.abort();
          return STOPPED;
        }
        if (!(error instanceof TriageError)) throw error;
        association = null;
        if (error.code === 'pacs-unreachable' && ++lossesInARow >= MAX_LOSSES_IN_A_ROW) failure = error.message;
        return { kind: 'unreachable', reason: error.message };
      }
    },
    close: async () => {
      stopping?.removeEventListener('abort', stop);
      if (!isStopped()) await association?.release();
      association = null;
    },
  };
}

/** How a file can go over this association, or the refusal of its own pair. */
function wayFor(
  association: DimseAssociation,
  { sopClassUid, transferSyntaxUid }: Part10File,
): { id: number; isImplicit: boolean } | { refusal: string } {
  const own = association.contextFor(sopClassUid, transferSyntaxUid);
  if ('id' in own) return { id: own.id, isImplicit: false };
  const implicit =
    transferSyntaxUid === EXPLICIT_VR_LITTLE_ENDIAN
      ? association.contextFor(sopClassUid, IMPLICIT_VR_LITTLE_ENDIAN)
      : own;
  return 'id' in implicit ? { id: implicit.id, isImplicit: true } : own;
}

async function storeFile(
  association: DimseAssociation,
  file: Part10File,
  characterSet: CharacterSet,
): Promise<StoreOutcome> {
  const way = wayFor(association, file);
  const outcome: StoreOutcome =
    'refusal' in way
      ? { kind: 'refused', status: 'context-rejected', reason: `${way.refusal}.` }
      : await storeOver(association, { ...way, characterSet }, file);
  if (outcome.kind === 'stored') return outcome;
  const lower = lowerSrClasses(file.sopClassUid).find((sopClassUid) =>
    TRANSFER_SYNTAXES.some((syntax) => 'id' in association.contextFor(sopClassUid, syntax)),
  );
  return lower === undefined ? outcome : { ...outcome, lowerSopClassUid: lower };
}

async function storeOver(
  association: DimseAssociation,
  way: { id: number; isImplicit: boolean; characterSet: CharacterSet },
  file: Part10File,
): Promise<StoreOutcome> {
  const elements = requestOf(file.sopClassUid).set(COMMAND_TAG.affectedSopInstanceUid, file.sopInstanceUid);
  const { isImplicit, characterSet } = way;
  const encoding = isImplicit ? 'implicit' : 'explicit';
  const rewritten =
    isImplicit || characterSet === 'ISO_IR 100'
      ? await rewrittenDataSetOf(file, { encoding, characterSet }).catch((error: unknown) => {
          if (!(error instanceof TriageError)) throw error;
          return error.message;
        })
      : null;
  if (typeof rewritten === 'string') return { kind: 'unreachable', reason: rewritten };
  const { status, command } = await association.finalResponse(
    way.id,
    COMMAND_FIELD.storeRequest,
    elements,
    rewritten ?? dataSetOf(file),
  );
  return outcomeOfStatus(status, textOf(command, COMMAND_TAG.errorComment));
}

type FilePair = Pick<Part10File, 'sopClassUid' | 'transferSyntaxUid'>;

interface ProposedPair {
  abstractSyntaxUid: string;
  transferSyntaxUid: string;
}

/** The pairs of SOP class and transfer syntax among these files, each once. */
export function distinctPairs(files: readonly FilePair[]): ProposedPair[] {
  return distinct(
    files.map(({ sopClassUid, transferSyntaxUid }) => ({ abstractSyntaxUid: sopClassUid, transferSyntaxUid })),
  );
}

/**
 * What is proposed for our own results: each SOP class in Explicit and Implicit VR Little Endian, and for a report the lower SR classes too, so that the
 * answer says which one the peer takes. With batches of results these are ten at most.
 */
export function resultPairs(files: readonly FilePair[]): ProposedPair[] {
  const lower = files.flatMap(({ sopClassUid }) => lowerSrClasses(sopClassUid));
  return distinct([
    ...distinctPairs(files),
    ...[...files.map(({ sopClassUid }) => sopClassUid), ...lower].flatMap((abstractSyntaxUid) =>
      TRANSFER_SYNTAXES.map((transferSyntaxUid) => ({ abstractSyntaxUid, transferSyntaxUid })),
    ),
  ]);
}

const TRANSFER_SYNTAXES = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN] as const;

function distinct(pairs: readonly ProposedPair[]): ProposedPair[] {
  return [
    ...new Map(pairs.map((pair) => [`${pair.abstractSyntaxUid} ${pair.transferSyntaxUid}`, pair] as const)).values(),
  ];
}
