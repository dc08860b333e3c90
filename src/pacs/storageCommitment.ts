import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { hex16 } from '../base/hex16.ts';
import type { CommitmentReport, OutboundObject } from '../case/delivery.ts';
import {
  COMMITMENT_INSTANCE,
  readCommitment,
  writeCommitment,
  type CommitmentDataSet,
} from '../dicom/commitmentDataSet.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../dicom/sopClasses.ts';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { COMMAND_FIELD, COMMAND_TAG, type ElementValue } from '../dimse/commandSet.ts';
import { openAssociation, type DimsePeer } from './dimseAssociation.ts';
import { openService, unreachable } from './dimseService.ts';
import { dataSetInMemory } from './part10Source.ts';

const REQUEST_COMMITMENT = 1;
/** Event types (PS3.4 J.3.3): all is committed to; some of it is not. */
const EVENT_TYPE = { successful: 1, failuresExist: 2 } as const;
const CONTEXT = { abstractSyntaxUid: STORAGE_COMMITMENT_PUSH_MODEL, transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN };
/** How long the report is waited for on the association of the request. An archive that reports later, or on an association of its own, is looked up meanwhile. */
const REPORT_WAIT_MS = 5_000;

/**
 * Asks the peer to commit to keep these objects (PS3.4 J.3: N-ACTION), and takes its report (N-EVENT-REPORT) on the same association, before or after its
 * response. Null when the peer does not offer the service, or does not report in time: the receiver takes what comes later.
 *
 * @throws TriageError `pacs-unreachable`
 */
export async function requestCommitment(
  peer: DimsePeer,
  clock: Clock,
  objects: readonly OutboundObject[],
  transactionUid: string,
): Promise<CommitmentReport | null> {
  const association = await openAssociation(peer, [CONTEXT], clock);
  const accepted = association.contextFor(STORAGE_COMMITMENT_PUSH_MODEL, IMPLICIT_VR_LITTLE_ENDIAN);
  if (!('id' in accepted)) {
    await association.release();
    return null;
  }
  const { status } = await association.finalResponse(
    accepted.id,
    COMMAND_FIELD.actionRequest,
    new Map<number, ElementValue>([
      [COMMAND_TAG.requestedSopClassUid, STORAGE_COMMITMENT_PUSH_MODEL],
      [COMMAND_TAG.requestedSopInstanceUid, COMMITMENT_INSTANCE],
      [COMMAND_TAG.actionTypeId, REQUEST_COMMITMENT],
    ]),
    dataSetInMemory(writeCommitment({ transactionUid, referenced: objects, failed: [] })),
  );
  const dataSet = status === 0 ? await association.eventReport(REPORT_WAIT_MS) : null;
  await association.release();
  if (dataSet === null) return null;
  const report = readCommitment(dataSet, false);
  if (report.transactionUid !== transactionUid)
    throw new TriageError('pacs-unreachable', `${peer.name}: it reported on a transaction that was not asked for.`);
  return commitmentReportOf(report);
}

/** What a report says of each object. */
export function commitmentReportOf({ referenced, failed }: CommitmentDataSet): CommitmentReport {
  return {
    committed: new Set(referenced.map(({ sopInstanceUid }) => sopInstanceUid)),
    failed: new Map(failed.map(({ sopInstanceUid, reason }) => [sopInstanceUid, reason])),
  };
}

/** Whether the peer offers the service. @throws TriageError `pacs-unreachable` */
export async function offersCommitment(peer: DimsePeer, clock: Clock): Promise<boolean> {
  const association = await openAssociation(peer, [CONTEXT], clock);
  const isOffered = 'id' in association.contextFor(STORAGE_COMMITMENT_PUSH_MODEL, IMPLICIT_VR_LITTLE_ENDIAN);
  await association.release();
  return isOffered;
}

/**
 * Reports to a peer that has asked for commitment (PS3.4 J.3.3: N-EVENT-REPORT), on an association of its own, on which the agent is the SCP.
 *
 * @throws TriageError `pacs-unreachable`, also when the peer does not take the report
 */
export async function reportCommitment(peer: DimsePeer, clock: Clock, report: CommitmentDataSet): Promise<void> {
  const { association, contextId } = await openService(
    peer,
    STORAGE_COMMITMENT_PUSH_MODEL,
    clock,
    (refusal) => `it does not take the report of Storage Commitment: ${refusal}`,
    'scp',
  );
  const { status } = await association.finalResponse(
    contextId,
    COMMAND_FIELD.eventReportRequest,
    new Map<number, ElementValue>([
      [COMMAND_TAG.affectedSopClassUid, STORAGE_COMMITMENT_PUSH_MODEL],
      [COMMAND_TAG.affectedSopInstanceUid, COMMITMENT_INSTANCE],
      [COMMAND_TAG.eventTypeId, report.failed.length === 0 ? EVENT_TYPE.successful : EVENT_TYPE.failuresExist],
    ]),
    dataSetInMemory(writeCommitment(report)),
  );
  await association.release();
  if (status !== 0)
    throw unreachable(peer, `it answered the report of Storage Commitment with status ${hex16(status)}`);
}
