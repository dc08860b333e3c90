import type { InstanceHeader, StoredInstance } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import { textAt } from '../dicom/elementIndex.ts';
import { readFileMetaInformation } from '../dicom/fileMetaReader.ts';
import { VERIFICATION } from '../dicom/sopClasses.ts';
import type { AssociationPolicy } from './associationPolicy.ts';
import type { IncomingObject, OnlyOf } from './incomingObject.ts';
import { readMediaType } from '../base/mediaType.ts';
import type { PartHandler } from './multipartRelated.ts';
import { BEGINNING_BYTES, refusedHeader } from './refusedHeader.ts';
import type { Spool } from './spool.ts';

/** What became of one part of a STOW-RS request. UIDs are empty where they could not be read. */
export interface StowOutcome {
  sopClassUid: string;
  sopInstanceUid: string;
  /** Null when it is stored; else the status by which C-STORE would have been answered, as FailureReason (PS3.18 I.2.2). */
  failure: { status: number; error: TriageError; header: InstanceHeader | null } | null;
}

export interface StowOptions {
  spool: Spool;
  policy: Pick<AssociationPolicy, 'answer'>;
  sourceAeTitle: string;
  receivingAeTitle: string;
  /** Study of the address, and patient, of whom alone it may be; null: any. */
  only: OnlyOf;
  /** Called when an object is durable, as in an association. */
  stored(instance: StoredInstance): Promise<void>;
  /** Called once for each part. */
  done(outcome: StowOutcome): void;
}

const META_START = 132;
const MAX_META_BYTES = 65_536;
const PROCESSING_FAILURE = 0x0110;
const TAG = { groupLength: 0x00020000, sopClassUid: 0x00020002, sopInstanceUid: 0x00020003 } as const;

interface ObjectInHand {
  /** The beginning, up to the end of the file meta information; null once that was read. */
  head: Buffer | null;
  /** Kept until the object is answered, so that a refused one names its study. */
  kept: Buffer;
  outcome: StowOutcome;
  incoming: IncomingObject | null;
}

/** Stores the parts of a STOW-RS request (PS3.18 10.5) as C-STORE stores objects: the same checks, spool and syncs. */
export function createStowParts(options: StowOptions): PartHandler & { discard(): Promise<void> } {
  let object: ObjectInHand | null = null;

  const attempt = async (current: ObjectInHand, step: () => Promise<void>): Promise<void> => {
    if (current.outcome.failure !== null) return;
    try {
      await step();
    } catch (error) {
      if (!(error instanceof TriageError)) throw error;
      current.outcome.failure = { status: error.kind.dimseStatus ?? PROCESSING_FAILURE, error, header: null };
      current.head = null;
      await current.incoming?.discard();
      current.incoming = null;
    }
  };

  /** Begins the object once its file meta information is here. */
  const open = async (current: ObjectInHand, bytes: Buffer, isLast: boolean): Promise<void> => {
    const head = Buffer.concat([current.head!, bytes]);
    current.head = head;
    const metaEnd = endOfMeta(head);
    if (!isLast && head.length < (metaEnd ?? MAX_META_BYTES)) return;
    current.head = null;
    const meta = readFileMetaInformation(head);
    current.outcome.sopClassUid = textAt(head, meta.elements.get(TAG.sopClassUid));
    current.outcome.sopInstanceUid = textAt(head, meta.elements.get(TAG.sopInstanceUid));
    const { transferSyntaxUid } = meta;
    const { sopClassUid, sopInstanceUid } = current.outcome;
    if (sopClassUid === '' || sopInstanceUid === '')
      throw new TriageError('dicom-unreadable', 'The file meta information names no SOP class or no SOP instance.');
    const [context] = options.policy.answer([
      { id: 1, abstractSyntaxUid: sopClassUid, transferSyntaxUids: [transferSyntaxUid] },
    ]);
    const isObject = context!.result !== 3 && sopClassUid !== VERIFICATION;
    if (!isObject || context!.result !== 0)
      throw new TriageError(
        'transfer-syntax-unsupported',
        isObject
          ? `The transfer syntax ${transferSyntaxUid} is not taken; send it in Explicit VR Little Endian.`
          : 'It is no Storage SOP class, and no private one that is listed.',
      );
    const { sourceAeTitle, receivingAeTitle, only } = options;
    current.incoming = await options.spool.begin(
      { sopClassUid, sopInstanceUid, transferSyntaxUid, sourceAeTitle, receivingAeTitle },
      only,
    );
    await current.incoming.write(head.subarray(meta.datasetOffset));
  };

  return {
    begin: (headers) => {
      object = {
        head: Buffer.alloc(0),
        outcome: { sopClassUid: '', sopInstanceUid: '', failure: null },
        kept: Buffer.alloc(0),
        incoming: null,
      };
      const type = readMediaType(headers.get('content-type') ?? 'application/dicom')?.type;
      return attempt(object, () =>
        type === 'application/dicom'
          ? Promise.resolve()
          : Promise.reject(
              new TriageError('dicom-unreadable', 'A part is no application/dicom: send whole DICOM files.'),
            ),
      );
    },
    data: async (bytes) => {
      const current = object!;
      if (current.kept.length < BEGINNING_BYTES)
        current.kept = Buffer.concat([current.kept, bytes.subarray(0, BEGINNING_BYTES - current.kept.length)]);
      await attempt(current, () =>
        current.head === null ? current.incoming!.write(bytes) : open(current, bytes, false),
      );
    },
    end: async () => {
      const current = object!;
      await attempt(current, async () => {
        if (current.head !== null) await open(current, Buffer.alloc(0), true);
        await options.stored(await current.incoming!.commit());
      });
      object = null;
      if (current.outcome.failure !== null) current.outcome.failure.header = refusedHeader(current.kept);
      options.done(current.outcome);
    },
    discard: async () => {
      await object?.incoming?.discard();
    },
  };
}

/** Where the file meta information ends, by its group length (PS3.10 7.1); null when it does not say, or not yet. */
function endOfMeta(head: Buffer): number | null {
  if (head.length < META_START + 12) return META_START + 12;
  if (head.toString('latin1', 128, META_START) !== 'DICM') return null;
  const tag = head.readUInt16LE(META_START) * 0x10000 + head.readUInt16LE(META_START + 2);
  if (tag !== TAG.groupLength || head.toString('latin1', META_START + 4, META_START + 6) !== 'UL') return null;
  const end = META_START + 12 + head.readUInt32LE(META_START + 8);
  return end > MAX_META_BYTES ? null : end;
}
