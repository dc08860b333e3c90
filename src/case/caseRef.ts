import { createHash } from 'node:crypto';

/**
 * The identifier of a study in addresses and live messages: 20 hexadecimal digits that reveal no patient data and never change for a study,
 * so that an old address can never open another patient.
 */
export function caseRef(studyInstanceUid: string): string {
  return createHash('sha256').update(`odontoid case ${studyInstanceUid}`).digest('hex').slice(0, 20);
}
