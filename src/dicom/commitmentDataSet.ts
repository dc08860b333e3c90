import { TriageError } from '../base/errors.ts';
import { indexElements, itemsOf, textAt } from './elementIndex.ts';
import { sequenceElement, textElement, writeElementTree, type ElementTree } from './elementTree.ts';
import { isReadableUid } from './uids.ts';

/** The well-known instance that commitment is asked of (PS3.4 J.3.5). */
export const COMMITMENT_INSTANCE = '1.2.840.10008.1.20.1.1';

/** An object by its class and instance (PS3.3 table 10-11). */
export interface SopReference {
  sopClassUid: string;
  sopInstanceUid: string;
}

/** Action and event information of Storage Commitment (PS3.4 tables J.3-1, J.3-2). */
export interface CommitmentDataSet {
  transactionUid: string;
  /** Of a request: what is asked for. Of a report: what is committed to. */
  referenced: readonly SopReference[];
  /** Of a report; `reason` is null when none is given. */
  failed: readonly (SopReference & { reason: number | null })[];
}

/** Failure Reasons (PS3.3 C.14.1.1). */
export const COMMITMENT_FAILURE = { noSuchObjectInstance: 0x0112, classInstanceConflict: 0x0119 } as const;

const MOST_REFERENCES = 10_000;
const TAG = {
  referencedSopClassUid: 0x00081150,
  referencedSopInstanceUid: 0x00081155,
  transactionUid: 0x00081195,
  failureReason: 0x00081197,
  failedSopSequence: 0x00081198,
  referencedSopSequence: 0x00081199,
} as const;

/** A request or report in Little Endian. @throws TriageError `dicom-unreadable`, also without a transaction, and when a sequence has more than 10,000 items */
export function readCommitment(bytes: Buffer, explicit: boolean): CommitmentDataSet {
  const encoding = { explicit, bigEndian: false };
  const { elements, isCut } = indexElements(bytes, 0, bytes.length, encoding);
  const references = (tag: number) => {
    const sequence = elements.get(tag);
    const items = sequence === undefined ? [] : itemsOf(bytes, sequence, MOST_REFERENCES + 1);
    if (items.length > MOST_REFERENCES) throw unreadable(`names more than ${MOST_REFERENCES} objects`);
    return items.map(({ start, end }) => {
      const item = indexElements(bytes, start, end, sequence!.encoding).elements;
      const reason = item.get(TAG.failureReason);
      return {
        sopClassUid: textAt(bytes, item.get(TAG.referencedSopClassUid)),
        sopInstanceUid: textAt(bytes, item.get(TAG.referencedSopInstanceUid)),
        reason: reason?.length === 2 ? bytes.readUInt16LE(reason.dataOffset) : null,
      };
    });
  };
  const transactionUid = textAt(bytes, elements.get(TAG.transactionUid));
  if (isCut || !isReadableUid(transactionUid)) throw unreadable('is cut off, or has no Transaction UID');
  return {
    transactionUid,
    referenced: references(TAG.referencedSopSequence).map(({ sopClassUid, sopInstanceUid }) => ({
      sopClassUid,
      sopInstanceUid,
    })),
    failed: references(TAG.failedSopSequence),
  };
}

/** The same in Implicit VR Little Endian; an empty sequence is left out. */
export function writeCommitment({ transactionUid, referenced, failed }: CommitmentDataSet): Buffer {
  const referenceOf = ({ sopClassUid, sopInstanceUid }: SopReference): ElementTree => [
    textElement(TAG.referencedSopClassUid, 'UI', sopClassUid),
    textElement(TAG.referencedSopInstanceUid, 'UI', sopInstanceUid),
  ];
  const sequence = (tag: number, items: readonly ElementTree[]) =>
    items.length === 0 ? [] : [sequenceElement(tag, items)];
  return writeElementTree(
    [
      textElement(TAG.transactionUid, 'UI', transactionUid),
      ...sequence(
        TAG.failedSopSequence,
        failed.map(({ reason, ...reference }) => [
          ...referenceOf(reference),
          ...(reason === null ? [] : [{ tag: TAG.failureReason, vr: 'US', value: uint16(reason) }]),
        ]),
      ),
      ...sequence(TAG.referencedSopSequence, referenced.map(referenceOf)),
    ],
    'implicit',
  );
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function unreadable(what: string): TriageError {
  return new TriageError('dicom-unreadable', `A data set of Storage Commitment ${what}.`);
}
