import { expect } from 'vitest';
import type { WorklistDatabase } from '../../../src/worklist/db/database.ts';
import { runSql } from './fixture.ts';

/** What triggers keep beside the cases is what a look at all of them finds: the current analysis of each, and the counts. */
export async function expectKeptFigures(database: Pick<WorklistDatabase, 'db'>): Promise<void> {
  const kept = await runSql(
    database,
    'select study_instance_uid, decision, probability, analysed_at from cases order by 1',
  );
  const looked = await runSql(
    database,
    `select c.study_instance_uid, a.decision, a.probability, a.analysed_at from cases c
       left join analyses a on a.study_instance_uid = c.study_instance_uid and a.revision = c.revision order by 1`,
  );
  expect(kept).toEqual(looked);
  const counts = await runSql(
    database,
    'select state, proof, held, unread, report_due, cases from case_counts where cases != 0 order by 1, 2, 3, 4, 5',
  );
  const counted = await runSql(
    database,
    `select state, proof, quarantine_reason is not null as held, read_at is null and recency != 'prior' as unread, report_due, count(*) as cases
       from cases group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`,
  );
  expect(counts).toEqual(counted);
}
