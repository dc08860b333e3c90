import { expect } from 'vitest';
import type { WorklistDatabase } from '../../../src/worklist/db/database.ts';

/** What triggers keep beside the cases is what a look at all of them finds: the current analysis of each, and the counts. */
export function expectKeptFigures({ sqlite }: Pick<WorklistDatabase, 'sqlite'>): void {
  const kept = sqlite
    .prepare('select study_instance_uid, decision, probability, analysed_at from cases order by 1')
    .all();
  const looked = sqlite
    .prepare(
      `select c.study_instance_uid, a.decision, a.probability, a.analysed_at from cases c
       left join analyses a on a.study_instance_uid = c.study_instance_uid and a.revision = c.revision order by 1`,
    )
    .all();
  expect(kept).toEqual(looked);
  const counts = sqlite
    .prepare(
      'select state, proof, held, unread, report_due, cases from case_counts where cases != 0 order by 1, 2, 3, 4, 5',
    )
    .all();
  const counted = sqlite
    .prepare(
      `select state, proof, quarantine_reason is not null held, read_at is null and recency != 'prior' unread, report_due, count(*) cases
       from cases group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`,
    )
    .all();
  expect(counts).toEqual(counted);
}
