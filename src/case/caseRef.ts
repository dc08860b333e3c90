import { createHash } from 'node:crypto';

/**
 * The word by which addresses and live messages name a study: 20 hexadecimal digits that hold no identifier, and are the same for the same study for
 * ever, so that an old address can never open another patient.
 */
export function caseRef(studyInstanceUid: string): string {
  return createHash('sha256').update(`odontoid case ${studyInstanceUid}`).digest('hex').slice(0, 20);
}
