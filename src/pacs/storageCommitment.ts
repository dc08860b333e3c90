import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { CommitmentReport, OutboundObject } from '../case/delivery.ts';
import { indexElements, itemsOf, textAt, type ElementIndex } from '../dicom/elementIndex.ts';
import { sequenceElement, textElement, writeElementTree } from '../dicom/elementTree.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../dicom/sopClasses.ts';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { derivedUid } from '../dicom/uids.ts';
import { COMMAND_FIELD, COMMAND_TAG, type ElementValue } from '../dimse/commandSet.ts';
import { openAssociation, type DimsePeer } from './dimseAssociation.ts';
import { dataSetInMemory } from './part10Source.ts';

/** The well-known instance that commitment is asked of (PS3.4 J.3.5). */
const COMMITMENT_INSTANCE = '1.2.840.10008.1.20.1.1';
const REQUEST_COMMITMENT = 1;
const CONTEXT = { abstractSyntaxUid: STORAGE_COMMITMENT_PUSH_MODEL, transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN };
/** How long the report is waited for on the association of the request. An archive that reports later, or on an association of its own, is looked up instead. */
const REPORT_WAIT_MS = 5_000;
const MOST_REFERENCES = 10_000;
const TAG = {
  referencedSopClassUid: 0x00081150,
  referencedSopInstanceUid: 0x00081155,
  transactionUid: 0x00081195,
  failureReason: 0x00081197,
  failedSopSequence: 0x00081198,
  referencedSopSequence: 0x00081199,
} as const;

/**
 * Asks the peer to commit to keep these objects (PS3.4 J.3: N-ACTION), and takes its report (N-EVENT-REPORT) on the same association, before or after its
 * response. Null when the peer does not offer the service, or does not report in time.
 *
 * @throws TriageError `pacs-unreachable`
 */
export async function requestCommitment(
  peer: DimsePeer,
  clock: Clock,
  objects: readonly OutboundObject[],
): Promise<CommitmentReport | null> {
  const association = await openAssociation(peer, [CONTEXT], clock);
  const accepted = association.contextFor(STORAGE_COMMITMENT_PUSH_MODEL, IMPLICIT_VR_LITTLE_ENDIAN);
  if (!('id' in accepted)) {
    await association.release();
    return null;
  }
  const uids = objects.map(({ sopInstanceUid }) => sopInstanceUid);
  const transactionUid = derivedUid('commitment', peer.name, String(clock.now()), ...uids);
  const { status } = await association.finalResponse(
    accepted.id,
    COMMAND_FIELD.actionRequest,
    new Map<number, ElementValue>([
      [COMMAND_TAG.requestedSopClassUid, STORAGE_COMMITMENT_PUSH_MODEL],
      [COMMAND_TAG.requestedSopInstanceUid, COMMITMENT_INSTANCE],
      [COMMAND_TAG.actionTypeId, REQUEST_COMMITMENT],
    ]),
    dataSetInMemory(request(transactionUid, objects)),
  );
  const dataSet = status === 0 ? await association.eventReport(REPORT_WAIT_MS) : null;
  await association.release();
  if (dataSet === null) return null;
  const report = readReport(dataSet);
  if (report.transactionUid !== transactionUid)
    throw new TriageError('pacs-unreachable', `${peer.name}: it reported on a transaction that was not asked for.`);
  return report;
}

/** Whether the peer offers the service. @throws TriageError `pacs-unreachable` */
export async function offersCommitment(peer: DimsePeer, clock: Clock): Promise<boolean> {
  const association = await openAssociation(peer, [CONTEXT], clock);
  const isOffered = 'id' in association.contextFor(STORAGE_COMMITMENT_PUSH_MODEL, IMPLICIT_VR_LITTLE_ENDIAN);
  await association.release();
  return isOffered;
}

function request(transactionUid: string, objects: readonly OutboundObject[]): Buffer {
  const references = objects.map(({ sopClassUid, sopInstanceUid }) => [
    textElement(TAG.referencedSopClassUid, 'UI', sopClassUid),
    textElement(TAG.referencedSopInstanceUid, 'UI', sopInstanceUid),
  ]);
  return writeElementTree(
    [textElement(TAG.transactionUid, 'UI', transactionUid), sequenceElement(TAG.referencedSopSequence, references)],
    'implicit',
  );
}

/** PS3.4 table J.3-2. @throws TriageError `dicom-unreadable` */
function readReport(bytes: Buffer): CommitmentReport & { transactionUid: string } {
  const report = indexed(bytes, 0, bytes.length);
  const references = (tag: number) => {
    const sequence = report.elements.get(tag);
    const items = sequence === undefined ? [] : itemsOf(bytes, sequence, MOST_REFERENCES);
    return items.map(({ start, end }) => {
      const item = indexed(bytes, start, end);
      const reason = item.elements.get(TAG.failureReason);
      return {
        sopInstanceUid: textAt(bytes, item.elements.get(TAG.referencedSopInstanceUid)),
        reason: reason?.length === 2 ? bytes.readUInt16LE(reason.dataOffset) : null,
      };
    });
  };
  return {
    transactionUid: textAt(bytes, report.elements.get(TAG.transactionUid)),
    committed: new Set(references(TAG.referencedSopSequence).map(({ sopInstanceUid }) => sopInstanceUid)),
    failed: new Map(references(TAG.failedSopSequence).map(({ sopInstanceUid, reason }) => [sopInstanceUid, reason])),
  };
}

function indexed(bytes: Buffer, start: number, end: number): ElementIndex {
  return indexElements(bytes, start, end, { explicit: false, bigEndian: false });
}
