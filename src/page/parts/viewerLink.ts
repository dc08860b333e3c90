import type { WorklistRow } from './listAnswer.ts';

/** The site's viewer for one study; null without one, or when the study is not named here. */
export function viewerLink(
  template: string | null,
  row: Pick<WorklistRow, 'studyInstanceUid' | 'accessionNumber' | 'patientId'>,
): string | null {
  if (template === null || row.studyInstanceUid === '') return null;
  return template.replace(/\{(studyInstanceUid|accessionNumber|patientId)\}/g, (_, name: keyof typeof row) =>
    encodeURIComponent(row[name]),
  );
}
