import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { TriageError } from '../base/errors.ts';
import type { DeliveryOutcome, DueDelivery } from '../case/delivery.ts';
import { samePatientId } from '../case/patientIdentity.ts';
import { readHeader } from '../dicom/header.ts';

/** Why this object must not be sent, or null. Checked at the last moment: the file on disk against the outbox, and its identity against the case. */
export async function objectionTo({
  object,
  patientId,
  accessionNumber,
}: DueDelivery): Promise<DeliveryOutcome | null> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(object.path);
  } catch (error) {
    return {
      kind: 'retry',
      reason: `The result's file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
    };
  }
  if (createHash('sha256').update(bytes).digest('hex') !== object.sha256) {
    return {
      kind: 'refused',
      status: 'file-changed',
      reason:
        'The file of the result is not the one that was written: not sent. Analyse the study again, and look at the disk.',
    };
  }
  const differs = (what: string): DeliveryOutcome => ({
    kind: 'refused',
    status: 'identity-mismatch',
    reason: `${what} of the result is not the one of the case: not sent.`,
  });
  try {
    const header = readHeader(bytes);
    if (header.sopInstanceUid !== object.sopInstanceUid || header.seriesInstanceUid !== object.seriesInstanceUid)
      return differs('The SOP or Series Instance UID');
    if (header.studyInstanceUid !== object.studyInstanceUid) return differs('The Study Instance UID');
    if (!samePatientId(header.patientId, patientId)) return differs('The Patient ID');
    if (header.accessionNumber.trim() !== accessionNumber.trim()) return differs('The Accession Number');
    return null;
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    return {
      kind: 'refused',
      status: 'file-changed',
      reason: `The file of the result cannot be read as DICOM: not sent. ${error.message}`,
    };
  }
}
