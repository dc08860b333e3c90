import type { WorklistRow } from '../worklist/list/worklistQuery.ts';

/** A row for screens that anybody can see: the end of the accession number, an age band, and no word of who it is. */
export function maskedRow(row: WorklistRow): WorklistRow {
  return {
    ...withoutLocations(row),
    studyInstanceUid: '',
    patientName: '',
    patientId: '',
    patientBirthDate: '',
    age: ageBand(row.age),
    accessionNumber: row.accessionNumber.slice(-4),
    studyDescription: '',
    series: [],
    deliveries: row.deliveries.map((delivery) => ({ ...delivery, sopInstanceUid: '', seriesInstanceUid: '' })),
    quarantineReason: row.quarantineReason === null ? null : 'Held for checking',
  };
}

/** A row that says how suspicious a scan is, and not where: what a site shows that has chosen triage only. */
export function withoutLocations(row: WorklistRow): WorklistRow {
  return { ...row, levels: [], keySlices: [] };
}

/** DICOM AS `056Y` as `50-59 y`; anything else is left out. */
function ageBand(age: string): string {
  const years = /^(\d{3})Y$/.exec(age)?.[1];
  if (years === undefined) return '';
  const decade = Math.min(90, Math.floor(Number(years) / 10) * 10);
  return decade === 90 ? '90 y and over' : `${decade}-${decade + 9} y`;
}
