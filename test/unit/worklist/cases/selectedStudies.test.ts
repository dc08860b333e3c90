import { expect, it } from 'vitest';
import type { SelectionRule } from '../../../../src/case/selection.ts';
import {
  claimed,
  findingsOf,
  instanceOf,
  manifestOf,
  objectsOf,
  openWorklist,
  START_MS,
  studyUid,
} from '../fixture.ts';
import type { Worklist } from '../fixture.ts';

const rule = (name: string, action: SelectionRule['do'], destinations?: string[]): SelectionRule => ({
  name,
  when: {},
  do: action,
  ...(destinations && { destinations }),
});

async function leaveOut({ store }: Worklist, study: string, taken: SelectionRule): Promise<void> {
  await store.recordInstances([instanceOf({ study })]);
  await store.nudgeComplete([studyUid(study)]);
  const claim = await claimed(store, 'assemble');
  await store.apply(claim, { type: 'notEligible', series: [], findings: findingsOf(null), rule: taken });
}

const listed = async ({ query }: Worklist, read: boolean) => {
  const { rows } = await query.page({ list: null, offset: 0, limit: 10, read, show: 'all', search: '', location: '' });
  return rows.map((row) => [row!.studyInstanceUid, row!.selectionRule, row!.why]);
};

it('a study that a rule keeps is listed, one that a rule ignores is not; nothing is written for either', async () => {
  const worklist = await openWorklist();
  await leaveOut(worklist, 'kept', rule('research', 'keep'));
  await leaveOut(worklist, 'ignored', rule('other-rooms', 'ignore'));
  expect((await listed(worklist, false)).map(([study, by]) => [study, by])).toEqual([[studyUid('kept'), 'research']]);
  expect((await listed(worklist, true))[1]).toEqual([
    studyUid('ignored'),
    'other-rooms',
    'Ignored by a selection rule',
  ]);
  expect(await worklist.store.claim('report', 60_000)).toBeNull();
  // The kept one is unread and was not analysed, so it stays.
  expect((await worklist.store.removableCases(START_MS + 1, 10)).map((one) => one.studyInstanceUid)).toEqual([
    studyUid('ignored'),
  ]);
});

it('is not listed while it arrives either', async () => {
  const worklist = await openWorklist({ isIgnored: ({ header }) => header.modality === 'CT' });
  await worklist.store.recordInstances([instanceOf()]);
  expect(await listed(worklist, false)).toEqual([]);
});

it('results go to the destinations of the rule alone, and to all without one', async () => {
  const worklist = await openWorklist({ destinations: ['day', 'night', 'research'] });
  const report = async (study: string, taken: SelectionRule | null) => {
    const { store } = worklist;
    await store.recordInstances([instanceOf({ study })]);
    await store.nudgeComplete([studyUid(study)]);
    const claim = await claimed(store, 'assemble');
    await store.apply(claim, { type: 'seriesChosen', manifest: manifestOf(claim.instances), rule: taken });
    await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.9) });
    await store.apply(await claimed(store, 'report'), { type: 'reported', objects: objectsOf(study) });
    const { row } = await worklist.query.caseDetail(studyUid(study));
    return [...new Set(row.deliveries.map(({ destination }) => destination))];
  };
  expect(await report('one', rule('trauma', 'accept', ['night', 'research']))).toEqual(['night', 'research']);
  expect(await report('two', rule('rest', 'accept'))).toEqual(['day', 'night', 'research']);
  expect(await report('three', null)).toEqual(['day', 'night', 'research']);
});

it('a person may have it analysed all the same', async () => {
  const worklist = await openWorklist();
  await leaveOut(worklist, 'ignored', rule('other-rooms', 'ignore'));
  await worklist.store.reprocess(studyUid('ignored'), { actor: 'ada', reason: 'it is a neck' });
  expect((await listed(worklist, false)).map(([study]) => study)).toEqual([studyUid('ignored')]);
  expect((await claimed(worklist.store, 'assemble')).record.recency).toBe('taken-as-new');
});
