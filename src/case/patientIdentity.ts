import type { PatientIdentity } from './case.ts';

const normal = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/[\s\0]+/g, ' ')
    .trim();

/** A group of a PN, for comparison. */
interface NameGroup {
  /** Family, given and middle names. */
  names: string;
  /** Prefix and suffix: titles and degrees. */
  titles: string;
}

/**
 * Alphabetic, ideographic and phonetic group of a PN (PS3.5 6.2), normalised for comparison: without case, accents, punctuation, padding and trailing
 * separators, umlauts as a RIS transliterates them. Writers differ in whether a second given name is a component or a second word, so components count
 * as words here.
 */
function nameGroups(name: string): NameGroup[] {
  return name.split('=').map((group) => {
    const components = group.split('^');
    return { names: plainWords(components.slice(0, 3)), titles: plainWords(components.slice(3)) };
  });
}

function plainWords(components: readonly string[]): string {
  const text = components
    .join(' ')
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toUpperCase()
    .replace(/['’`´]/g, '')
    .replace(/[-,.]/g, ' ')
    .replace(/Ø/g, 'O')
    .replace(/Æ|Œ|[AOU]E/g, (letters) => ({ Æ: 'A', Œ: 'O' })[letters] ?? letters[0]!);
  return normal(text);
}

function sameName(a: string, b: string): boolean {
  const left = nameGroups(a);
  const right = nameGroups(b);
  const isNamed = (groups: readonly NameGroup[]): boolean => groups.some(({ names }) => names !== '');
  if (!isNamed(left) || !isNamed(right)) return isNamed(left) === isNamed(right);
  // Writings of one name in different groups say nothing of one another.
  return left.every((one, index) => {
    const other = right[index];
    if (other === undefined || one.names === '' || other.names === '') return true;
    return one.names === other.names && sameIfStated(one.titles, other.titles);
  });
}

/** Equal, or not stated by one of the two: modalities often omit it in secondary objects. */
const sameIfStated = (a: string, b: string): boolean => normal(a) === '' || normal(b) === '' || normal(a) === normal(b);

/** The known digits of a DA, or of a date with separators: `19700000` and `1970` both mean the year. */
function knownDate(date: string): string {
  const digits = date.replace(/\D/g, '').slice(0, 8);
  // Written for a date that is not known.
  if (/^0*$/.test(digits)) return '';
  if (digits.endsWith('0000') && digits.length === 8) return digits.slice(0, 4);
  return digits.endsWith('00') && digits.length > 4 ? digits.slice(0, -2) : digits;
}

/** One states no more than the other, in the same words. */
function sameBirthDate(a: string, b: string): boolean {
  const [one, other] = [knownDate(a), knownDate(b)];
  return one.startsWith(other) || other.startsWith(one);
}

/** M and F contradict each other; O, empty and invalid values (PS3.3 C.7.1.1) leave the sex open. */
function sameSex(a: string, b: string): boolean {
  const stated = [a, b].map((sex) => /^(M|F)(ALE|EMALE)?$/.exec(normal(sex).toUpperCase())?.[1]);
  return stated[0] === undefined || stated[1] === undefined || stated[0] === stated[1];
}

/**
 * Which fields show that these are two patients, in words without values; empty when they are the same. Intake, assembly, report
 * and delivery all use this rule. Spelling variants of a name (case, accents, spaces, punctuation, umlauts, titles and groups that only one object has), less precise birth dates and an
 * open sex count as the same patient; the patient's ID must match.
 */
export function identityDifferences(a: PatientIdentity, b: PatientIdentity): string[] {
  if (isWrittenAlike(a, b)) return [];
  const differences: string[] = [];
  if (!samePatientId(a.patientId, b.patientId)) differences.push('patient ID');
  if (!sameIfStated(a.issuerOfPatientId, b.issuerOfPatientId)) differences.push('issuer of patient ID');
  if (!sameName(a.patientName, b.patientName)) differences.push('name');
  if (!sameBirthDate(a.patientBirthDate, b.patientBirthDate)) differences.push('birth date');
  if (!sameSex(a.patientSex, b.patientSex)) differences.push('sex');
  return differences;
}

/** What nearly all objects of a study are: to normalise each of a thousand slices would hold up the agent's loop. */
function isWrittenAlike(a: PatientIdentity, b: PatientIdentity): boolean {
  return (
    a.patientId === b.patientId &&
    a.issuerOfPatientId === b.issuerOfPatientId &&
    a.patientName === b.patientName &&
    a.patientBirthDate === b.patientBirthDate &&
    a.patientSex === b.patientSex
  );
}

/** Equal except for padding and the width of characters. */
export function samePatientId(a: string, b: string): boolean {
  return normal(a) === normal(b);
}
