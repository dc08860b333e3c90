import { describe, expect, it } from 'vitest';
import { claimed, findingsOf, instanceOf, manifestOf, openWorklist, studyUid, type Worklist } from '../fixture.ts';

const STUDY = studyUid(1);

async function brokenOff(): Promise<Worklist> {
  const worklist = await openWorklist();
  await worklist.store.recordInstances([instanceOf({ number: 1 }), instanceOf({ number: 2 })]);
  await worklist.store.noteBrokenOff([STUDY], worklist.clock.now());
  return worklist;
}

describe('a study whose connection broke off', () => {
  it('waits for its quiet time, whatever else ends meanwhile, and is then claimed as incomplete', async () => {
    const { store, clock } = await brokenOff();
    // Another association with slices of the study was open when the first one broke.
    await store.noteSent([STUDY], clock.now() - 1);
    await store.nudgeComplete([STUDY]);
    expect(await store.claim('assemble', 60_000)).toBeNull();
    clock.advance(20_000);
    expect((await claimed(store, 'assemble')).record).toMatchObject({ isBrokenOff: true });
  });

  it('is complete when it was sent again', async () => {
    const { store, clock } = await brokenOff();
    clock.advance(1_000);
    await store.noteSent([STUDY], clock.now());
    await store.nudgeComplete([STUDY]);
    expect((await claimed(store, 'assemble')).record).toMatchObject({ isBrokenOff: false });
  });

  it.each([
    ['is analysed anew when it is sent again without a new slice', { brokenOff: true as const }, 2],
    ['keeps its result when that does not rest on it', {}, 1],
  ])('%s', async (_name, incomplete, revision) => {
    const { store, clock, query } = await brokenOff();
    clock.advance(20_000);
    const claim = await claimed(store, 'assemble');
    const manifest = { ...manifestOf(claim.instances), ...incomplete };
    await store.apply(claim, { type: 'seriesChosen', manifest });
    await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.2) });
    await store.noteSent([STUDY], clock.now());
    await store.nudgeComplete([STUDY]);
    expect((await query.caseDetail(STUDY)).row.revision).toBe(revision);
  });

  it('does not concern what was assembled before', async () => {
    const worklist = await openWorklist();
    const { store, clock, query } = worklist;
    await store.recordInstances([instanceOf({ number: 1 })]);
    await store.nudgeComplete([STUDY]);
    const claim = await claimed(store, 'assemble');
    await store.apply(claim, { type: 'seriesChosen', manifest: manifestOf(claim.instances) });
    await store.noteBrokenOff([STUDY], clock.now());
    expect((await claimed(store, 'infer')).record).toMatchObject({ isBrokenOff: false });
    expect((await query.caseDetail(STUDY)).row.revision).toBe(1);
  });
});
