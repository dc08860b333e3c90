import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createWorklistQuery } from '../../../../src/worklist/list/worklistQuery.ts';
import { runsHere } from '../../../postgres/copiedDatabase.ts';
import { openWorklist, studyUid, toInferred, runSql } from '../fixture.ts';

const CASES = 9;
const CAP_MS = 60 * 60_000;

const often = <T>(usual: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
const filter = fc.record({
  read: often(true, fc.constant(false)),
  show: often<'all' | 'flagged' | 'unflagged' | 'unscored'>(
    'all',
    fc.constantFrom('flagged' as const, 'unflagged' as const, 'unscored' as const),
  ),
  // Of all, of one, of one by a short word, of none.
  search: often('', fc.constantFrom('doe', 'doe A-3', '-4', 'nobody')),
});
const step = fc.record({
  kind: fc.constantFrom('read', 'read', 'read', 'stat', 'prior', 'removed', 'time'),
  study: fc.integer({ min: 1, max: CASES }),
  is: often(true, fc.constant(false)),
});

it('a list that was kept and brought up to date is the list that is read anew, whatever happened in between', async () => {
  const worklist = await openWorklist();
  const { store, clock, database } = worklist;
  for (let study = 1; study <= CASES; study++) {
    clock.advance(1_000);
    await toInferred(worklist, study, study / (CASES + 1));
  }
  const event = (study: number) =>
    runSql(
      database,
      "insert into case_events (study_instance_uid, revision, at, type, to_state, actor, detail) values (?, 1, 0, 'x', 'inferred', 'test', '{}')",
      studyUid(study),
    );
  const set = (column: 'recency' | 'removing', study: number, value: string | number) =>
    runSql(database, `update cases set ${column} = ? where study_instance_uid = ?`, value, studyUid(study));
  await fc.assert(
    fc.asyncProperty(
      fc.array(filter, { minLength: 1, maxLength: 2 }),
      fc.array(step, { minLength: 6, maxLength: 12 }),
      async (filters, steps) => {
        await runSql(database, 'update cases set removing = 0, read_at = null');
        // Kept over all steps, and asked after each.
        const kept = createWorklistQuery(database, clock, { maxWaitMs: CAP_MS });
        for (const { kind, study, is } of steps) {
          clock.advance(kind === 'time' ? CAP_MS / 2 : 10_000);
          if (kind === 'read') await store.markRead(studyUid(study), is, 'ada');
          else if (kind === 'stat') await store.markStat(studyUid(study), is, 'ada');
          else if (kind === 'prior') {
            await set('recency', study, is ? 'prior' : 'new');
            await event(study);
          } else if (kind === 'removed') await set('removing', study, is ? 1 : 0);
          for (const one of filters) {
            const request = { ...one, location: '', list: null, offset: 0, limit: 50 };
            const fresh = createWorklistQuery(database, clock, { maxWaitMs: CAP_MS });
            const [ours, anew] = [await kept.page(request), await fresh.page(request)];
            expect({ ...ours, list: '' }).toEqual({ ...anew, list: '' });
          }
        }
      },
    ),
    { numRuns: runsHere(30) },
  );
}, 120_000);
