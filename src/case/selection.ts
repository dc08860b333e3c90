import { latestScanMs, newestScanDate } from './scanAge.ts';
import { latestMs } from '../dicom/dateTimes.ts';
import type { InstanceHeader } from './case.ts';

/** `accept`: analysed where a series allows it. `keep`: kept and listed, not analysed. `ignore`: kept for its time, in no list, not analysed. */
type SelectionAction = 'accept' | 'keep' | 'ignore';

/** What a study must have; a criterion that is left out is not asked for. Texts may hold `*`, and case does not matter. */
export interface SelectionCriteria {
  callingAeTitles?: readonly string[] | undefined;
  calledAeTitles?: readonly string[] | undefined;
  stations?: readonly string[] | undefined;
  modalities?: readonly string[] | undefined;
  bodyParts?: readonly string[] | undefined;
  procedureCodes?: readonly string[] | undefined;
  descriptions?: readonly string[] | undefined;
  priorities?: readonly string[] | undefined;
  locations?: readonly string[] | undefined;
  sex?: readonly ('F' | 'M' | 'O')[] | undefined;
  ageYears?: Range | undefined;
  scanAgeHours?: Range | undefined;
  /** When the study came, in local time, `HH:MM`; `from` after `to` goes past midnight. */
  hours?: { from: string; to: string } | undefined;
}

interface Range {
  min?: number | undefined;
  max?: number | undefined;
}

export interface SelectionRule {
  name: string;
  when: SelectionCriteria;
  do: SelectionAction;
  /** Destinations that get the results; left out: all. */
  destinations?: readonly string[] | undefined;
}

/** What a rule looks at: every object of the study counts, and a criterion holds when one of them has it. */
export interface SelectedStudy {
  headers: readonly InstanceHeader[];
  sourceAeTitle: string;
  calledAeTitle: string;
  arrivedAtMs: number;
}

/** The first rule that the study meets; null when it meets none: of selection rules, it is then accepted, and its anatomy and tags decide. */
export function ruleFor<Rule extends { when: SelectionCriteria }>(
  rules: readonly Rule[],
  study: SelectedStudy,
): Rule | null {
  return rules.find(({ when }) => meets(when, study)) ?? null;
}

/** What an archive tells of a study before anything of it is here. */
export interface AnnouncedStudy {
  sourceAeTitle: string;
  calledAeTitle: string;
  /** All modalities of the study; empty when they are not known. */
  modalities: readonly string[];
  studyDescription: string;
  patientSex: string;
}

/** False when the study would certainly not be accepted, whatever its headers say besides. */
export function mayBeAccepted(rules: readonly SelectionRule[], study: AnnouncedStudy): boolean {
  for (const { when, do: action } of rules) {
    const met = meetsAnnounced(when, study);
    if (met === 'yes') return action === 'accept';
    if (met === 'perhaps' && action === 'accept') return true;
  }
  return true;
}

function meetsAnnounced(when: SelectionCriteria, study: AnnouncedStudy): 'yes' | 'no' | 'perhaps' {
  const known = [
    when.callingAeTitles === undefined || isAny(when.callingAeTitles, study.sourceAeTitle),
    when.calledAeTitles === undefined || isAny(when.calledAeTitles, study.calledAeTitle),
    when.modalities === undefined ||
      study.modalities.length === 0 ||
      study.modalities.some((modality) => isAny(when.modalities!, modality)),
    when.sex === undefined || study.patientSex === '' || isAny(when.sex, study.patientSex.slice(0, 1)),
  ];
  if (known.includes(false)) return 'no';
  const isDescribed = when.descriptions === undefined || isAny(when.descriptions, study.studyDescription);
  const isTold =
    (when.modalities === undefined || study.modalities.length > 0) &&
    (when.sex === undefined || study.patientSex !== '') &&
    [
      when.stations,
      when.bodyParts,
      when.procedureCodes,
      when.priorities,
      when.locations,
      when.ageYears,
      when.scanAgeHours,
      when.hours,
    ].every((criterion) => criterion === undefined);
  // Series and protocols have descriptions too, which the archive was not asked for.
  return isDescribed && isTold ? 'yes' : 'perhaps';
}

function meets(
  when: SelectionCriteria,
  { headers, sourceAeTitle, calledAeTitle, arrivedAtMs }: SelectedStudy,
): boolean {
  const anyOf = (wanted: readonly string[] | undefined, values: (header: InstanceHeader) => readonly string[]) =>
    wanted === undefined || headers.some((header) => values(header).some((value) => isAny(wanted, value)));
  // A study date without a time means any hour of its day: it counts only where no acquisition says more.
  const acquired = headers.filter(({ acquisitionDateTime }) => latestMs(acquisitionDateTime) !== null);
  const scannedMs = latestScanMs(
    newestScanDate(
      acquired.length > 0 ? acquired.map((header) => ({ ...header, studyDate: '', studyTime: '' })) : headers,
    ),
  );
  return (
    (when.callingAeTitles === undefined || isAny(when.callingAeTitles, sourceAeTitle)) &&
    (when.calledAeTitles === undefined || isAny(when.calledAeTitles, calledAeTitle)) &&
    anyOf(when.stations, ({ stationName }) => [stationName]) &&
    anyOf(when.modalities, ({ modality }) => [modality]) &&
    anyOf(when.bodyParts, ({ bodyPartExamined, anatomicRegion }) => [bodyPartExamined, anatomicRegion]) &&
    anyOf(when.procedureCodes, ({ procedureCodes = [] }) => procedureCodes) &&
    anyOf(when.descriptions, ({ studyDescription, seriesDescription, protocolName }) => [
      studyDescription,
      seriesDescription,
      protocolName,
    ]) &&
    anyOf(when.priorities, ({ requestedProcedurePriority = '' }) => [requestedProcedurePriority]) &&
    anyOf(when.locations, ({ currentPatientLocation, institutionalDepartmentName }) => [
      currentPatientLocation,
      institutionalDepartmentName,
    ]) &&
    anyOf(when.sex, ({ patientSex }) => [patientSex.slice(0, 1)]) &&
    (when.ageYears === undefined || headers.some((header) => isWithin(ageYearsOf(header), when.ageYears!))) &&
    (when.scanAgeHours === undefined ||
      isWithin(scannedMs === null ? null : (arrivedAtMs - scannedMs) / 3_600_000, when.scanAgeHours)) &&
    (when.hours === undefined || isInHours(arrivedAtMs, when.hours))
  );
}

function isAny(patterns: readonly string[], value: string): boolean {
  const text = value.trim();
  return text !== '' && patterns.some((pattern) => patternOf(pattern).test(text));
}

function patternOf(pattern: string): RegExp {
  const escaped = pattern.trim().replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*')}$`, 'isu');
}

/** Patient's age in years: as stated (PS3.5 6.2 AS), else from birth and study date; null when neither is known. */
function ageYearsOf({ patientAge, patientBirthDate, studyDate }: InstanceHeader): number | null {
  const [, number, unit] = /^(\d{1,3})([DWMY]?)$/.exec(patientAge.trim().toUpperCase()) ?? [];
  if (number !== undefined) return Number(number) / { D: 365.25, W: 52.18, M: 12, Y: 1, '': 1 }[unit as 'D' | ''];
  const born = latestMs(patientBirthDate);
  const scanned = latestMs(studyDate);
  return born === null || scanned === null ? null : Math.floor((scanned - born) / (365.25 * 24 * 3_600_000));
}

/** A value that is not known is within no range: a rule never takes a study by what its headers do not say. */
function isWithin(value: number | null, { min, max }: Range): boolean {
  return value !== null && value >= (min ?? -Infinity) && value <= (max ?? Infinity);
}

function isInHours(atMs: number, { from, to }: { from: string; to: string }): boolean {
  const at = new Date(atMs);
  const now = `${String(at.getHours()).padStart(2, '0')}:${String(at.getMinutes()).padStart(2, '0')}`;
  return from <= to ? now >= from && now < to : now >= from || now < to;
}

const NAMES: Readonly<Record<keyof SelectionCriteria, string>> = {
  callingAeTitles: 'from',
  calledAeTitles: 'called',
  stations: 'station',
  modalities: 'modality',
  bodyParts: 'body part',
  procedureCodes: 'procedure code',
  descriptions: 'description',
  priorities: 'priority',
  locations: 'location',
  sex: 'sex',
  ageYears: 'age in years',
  scanAgeHours: 'scan age in hours',
  hours: 'arrives',
};

/** A rule's criteria in words: "from CT1 or CT2, age in years 0 to 15". */
export function criteriaText(when: SelectionCriteria): string {
  const parts = (Object.keys(NAMES) as (keyof SelectionCriteria)[]).flatMap((key) => {
    const value = when[key];
    if (value === undefined) return [];
    return [`${NAMES[key]} ${valueText(value)}`];
  });
  return parts.length === 0 ? 'every study' : parts.join(', ');
}

function valueText(value: readonly string[] | Range | { from: string; to: string }): string {
  if (Array.isArray(value)) return value.join(' or ');
  if ('from' in value) return `${value.from} to ${value.to}`;
  const { min, max } = value as Range;
  if (min === undefined) return `up to ${max}`;
  return max === undefined ? `from ${min}` : `${min} to ${max}`;
}
