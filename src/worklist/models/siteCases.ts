import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { ScoredScan } from '../../thresholds/scoredScan.ts';
import { hasItsFiles } from '../cases/removedFiles.ts';
import type { StoreContext } from '../cases/storeContext.ts';
import { thresholdFacts } from '../thresholds/thresholdFacts.ts';

/** A past case whose truth readers have confirmed and whose images are still here. */
export interface SiteCase {
  studyInstanceUid: string;
  fracture: boolean;
  /** Folder of the study's objects, relative to the spool. */
  folder: string;
  /** The same for cases of one patient; tells nothing else. */
  patientKey: string;
  sex: 'F' | 'M' | null;
}

/** The scans that a model has scored here since `sinceMs`, for weights; and those of them that can be judged again. */
export async function siteCases(
  { reads }: StoreContext,
  modelSha256: string,
  sinceMs: number,
): Promise<{ scans: ScoredScan[]; cases: SiteCase[] }> {
  const { scored: scans } = await thresholdFacts(reads, modelSha256, sinceMs);
  const truth = new Map(
    scans.flatMap(({ studyInstanceUid, fracture }) =>
      fracture === null ? [] : [[studyInstanceUid, fracture] as const],
    ),
  );
  const rows = await reads
    .selectFrom('cases')
    .innerJoin('instances', 'instances.study_instance_uid', 'cases.study_instance_uid')
    .select((of) => [
      'cases.study_instance_uid as study',
      'cases.patient_id as patientId',
      'cases.issuer_of_patient_id as issuer',
      'cases.patient_sex as sex',
      of.fn.min<string>('instances.path').as('path'),
    ])
    .where('cases.removing', '=', 0)
    .where(hasItsFiles)
    .where('instances.kind', '=', 'ct')
    .groupBy('cases.study_instance_uid')
    .orderBy('cases.study_instance_uid')
    .execute();
  return {
    scans,
    cases: rows.flatMap(({ study, patientId, issuer, sex, path }) => {
      const fracture = truth.get(study);
      if (fracture === undefined) return [];
      const person = patientId === '' ? study : JSON.stringify([patientId, issuer]);
      return [
        {
          studyInstanceUid: study,
          fracture,
          folder: dirname(path),
          patientKey: createHash('sha256').update(person).digest('hex').slice(0, 16),
          sex: sex === 'F' || sex === 'M' ? sex : null,
        },
      ];
    }),
  };
}
