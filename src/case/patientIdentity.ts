import type { PatientIdentity } from './case.ts';

const normal = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/[\s\0]+/g, ' ')
    .trim();

/** Alphabetic, ideographic and phonetic group of a PN (PS3.5 6.2), without case, padding and trailing separators. */
function nameGroups(name: string): string[] {
  return name.split('=').map((group) => group.split('^').map(normal).join('^').replace(/\^+$/, '').toUpperCase());
}

function sameName(a: string, b: string): boolean {
  const left = nameGroups(a);
  const right = nameGroups(b);
  const shared = left
    .map((group, index) => [group, right[index] ?? ''] as const)
    .filter(([x, y]) => x !== '' && y !== '');
  if (shared.length === 0) return left.every((group) => group === '') && right.every((group) => group === '');
  return shared.every(([x, y]) => x === y);
}

/** Equal, or not stated by one of the two: modalities often leave it out of secondary objects. */
const sameIfStated = (a: string, b: string): boolean => normal(a) === '' || normal(b) === '' || normal(a) === normal(b);

/**
 * Which fields say that these are two patients, in words without values; empty when they are the same.
 * Writing variants of one name (case, padding, groups that only one object has) are the same patient.
 */
export function identityDifferences(a: PatientIdentity, b: PatientIdentity): string[] {
  const differences: string[] = [];
  if (normal(a.patientId) !== normal(b.patientId)) differences.push('patient ID');
  if (!sameIfStated(a.issuerOfPatientId, b.issuerOfPatientId)) differences.push('issuer of patient ID');
  if (!sameName(a.patientName, b.patientName)) differences.push('name');
  if (!sameIfStated(a.patientBirthDate, b.patientBirthDate)) differences.push('birth date');
  return differences;
}
