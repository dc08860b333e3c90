import { describe, expect, it } from 'vitest';
import { openWorklist, studyUid, toInferred } from '../fixture.ts';
import type { Worklist } from '../fixture.ts';

const ALL = { show: 'all', search: '', location: '', read: false, list: null, offset: 0, limit: 100 } as const;
const studies = (page: Awaited<ReturnType<Worklist['query']['page']>>) =>
  page.rows.map((row) => row?.studyInstanceUid ?? null);

async function seeded(): Promise<Worklist> {
  const worklist = await openWorklist();
  await toInferred(worklist, 1, 0.2);
  await toInferred(worklist, 2, 0.9);
  await toInferred(worklist, 3, 0.6);
  return worklist;
}

describe('pages of the worklist', () => {
  it('stand in the order of the whole list, each row with its rank', async () => {
    const { query } = await seeded();
    const whole = await query.rows();
    const first = await query.page({ ...ALL, limit: 2 });
    const second = await query.page({ ...ALL, limit: 2, offset: 2, list: first.list });
    expect([...studies(first), ...studies(second)]).toEqual(whole.map((row) => row.studyInstanceUid));
    expect([...first.rows, ...second.rows]).toEqual(whole);
    expect([first.total, first.allTotal, second.list]).toEqual([3, 3, first.list]);
  });

  it('keep the places of the list they belong to, and say what has come since', async () => {
    const worklist = await seeded();
    const before = await worklist.query.page(ALL);
    expect(before.waiting).toBeNull();
    await toInferred(worklist, 4, 0.95);
    await toInferred(worklist, 5, 0.1);
    await worklist.store.markRead(studyUid(3), true, 'ada');
    const kept = await worklist.query.page({ ...ALL, list: before.list });
    expect(studies(kept)).toEqual(studies(before));
    expect(kept.rows.find((row) => row?.studyInstanceUid === studyUid(3))).toMatchObject({ rank: null, readBy: 'ada' });
    expect(kept.waiting).toEqual({ count: 2, flagged: 1 });
    const now = await worklist.query.page(ALL);
    expect(studies(now)).toEqual([4, 2, 1, 5].map(studyUid));
    expect(now.waiting).toBeNull();
  });

  it('say that only the order is another', async () => {
    const worklist = await seeded();
    const before = await worklist.query.page(ALL);
    await worklist.store.markStat(studyUid(1), true, 'ada');
    expect((await worklist.query.page({ ...ALL, list: before.list })).waiting).toEqual({ count: 0, flagged: 0 });
  });

  it('follow the wait cap without any event', async () => {
    const worklist = await seeded();
    const before = await worklist.query.page(ALL);
    worklist.clock.advance(61 * 60_000);
    const after = await worklist.query.page({ ...ALL, list: before.list });
    expect(studies(before)[0]).toBe(studyUid(2));
    expect(after.waiting).toEqual({ count: 0, flagged: 0 });
    expect((await worklist.query.page(ALL)).rows[0]?.why).toContain('Past the wait limit');
  });

  it('give every fifth place to the longest waiting, counted over what was read', async () => {
    const worklist = await openWorklist();
    const { store, query, clock } = worklist;
    for (const study of [1, 2]) await toInferred(worklist, study, 0.1);
    for (const study of [3, 4, 5, 6, 7, 8, 9]) await toInferred(worklist, study, 0.9);
    clock.advance(60 * 60_000);
    const kinds = async () =>
      (await query.page(ALL)).rows.map((row) => (row!.stat ? 's' : row!.decision === 'suspected' ? 'F' : 'o')).join('');
    const readNext = async () => {
      clock.advance(1_000);
      const study = studies(await query.page(ALL))[0]!;
      await store.markRead(study, true, 'ada');
      return study;
    };
    expect(await kinds()).toBe('FFFFoFFFo');
    for (let turn = 0; turn < 3; turn += 1) await readNext();
    expect(await kinds()).toBe('FoFFFo');
    const [stat] = studies(await query.page(ALL)).slice(-2);
    await store.markStat(stat!, true, 'ada');
    expect(await kinds()).toBe('sFoFFo');
    // What is clinically urgent takes nobody's turn.
    expect(await readNext()).toBe(stat);
    await readNext();
    expect(await kinds()).toBe('oFFo');
    const longest = await readNext();
    expect(await kinds()).toBe('FFo');
    // Taken back, the turn is still to be given.
    await store.markRead(longest, false, 'ada');
    expect(await kinds()).toBe('oFFo');
    expect(studies(await query.page(ALL))[0]).toBe(longest);
  });

  it('begin with the list as it is now when the one asked for is not known any more', async () => {
    const { query } = await seeded();
    const page = await query.page({ ...ALL, list: 'of another run' });
    expect(studies(page)).toEqual([2, 3, 1].map(studyUid));
  });

  it('find words in name, ID and accession number, with no letter of a pattern meaning more than itself', async () => {
    const { query } = await seeded();
    const found = async (search: string) => studies(await query.page({ ...ALL, search }));
    expect(await found('p-2')).toEqual([studyUid(2)]);
    expect(await found('DOE a-3')).toEqual([studyUid(3)]);
    expect(await found('doe')).toHaveLength(3);
    for (const search of ['%', '_oe', 'doe nobody', "' or 1=1 --"]) expect(await found(search)).toEqual([]);
    expect(await query.page({ ...ALL, search: '%' })).toMatchObject({ total: 0, allTotal: 3, rows: [] });
  });

  it('choose by what the AI said', async () => {
    const worklist = await seeded();
    const shown = async (show: 'flagged' | 'unflagged' | 'unscored') =>
      studies(await worklist.query.page({ ...ALL, show }));
    expect(await shown('flagged')).toEqual([2, 3].map(studyUid));
    expect(await shown('unflagged')).toEqual([studyUid(1)]);
    expect(await shown('unscored')).toEqual([]);
  });

  it('name the open flags without a patient, newest first, and count those that came after reading', async () => {
    const worklist = await seeded();
    await worklist.store.claimReading(studyUid(2), { claimed: true, takeOver: false, actor: 'ada' });
    const { open, openCount, afterRead } = await worklist.query.flags(10);
    expect(open).toHaveLength(2);
    expect(openCount).toBe(2);
    expect(await worklist.query.flags(1)).toEqual({ open: open.slice(0, 1), openCount: 2, afterRead: 0 });
    expect(open.filter(({ claimed }) => claimed)).toHaveLength(1);
    expect(JSON.stringify(open)).not.toMatch(/Doe|P-|2\.25\./);
    expect(afterRead).toBe(0);
  });
});
