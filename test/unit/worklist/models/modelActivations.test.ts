import { describe, expect, it } from 'vitest';
import { putThreshold as put } from '../../../../src/worklist/thresholds/thresholds.ts';
import { MODEL, openWorklist, type Worklist, runSql } from '../fixture.ts';

const SECOND = { name: 'compact', version: '2.0.0', sha256: 'cd'.repeat(32) };
const activate = ({ store }: Worklist, more: Partial<Parameters<typeof store.activateModel>[0]> = {}) =>
  store.activateModel({ role: 'active', model: SECOND, threshold: 0.4, reason: 'better', by: 'ada', ...more });

/** What the desk does in the end. */
const putThreshold = (
  { database, clock }: Worklist,
  change: { value: number; sourceAeTitle?: string; mode?: 'stopped' },
) =>
  database.db
    .transaction()
    .execute((trx) => put(trx, clock.now(), { modelName: 'compact', reason: 'more sensitive', by: 'ada', ...change }));

describe('model activations', () => {
  it('the newest decision counts; what has come of it is told apart', async () => {
    const worklist = await openWorklist();
    const { store, clock } = worklist;
    expect(await store.modelInForce('active')).toEqual({ wanted: null, lastInUse: null });
    const first = await activate(worklist, { model: MODEL });
    await store.noteModelInUse(first, 0.4);
    clock.advance(1_000);
    const second = await activate(worklist, { reason: '  trial  ' });
    expect(second).toMatchObject({
      role: 'active',
      model: SECOND,
      reason: 'trial',
      by: 'ada',
      atMs: clock.now(),
      inUseAtMs: null,
      failure: null,
    });
    await store.noteModelFailed(second, 'The golden case differs.');
    await store.noteModelFailed(second, 'The golden case differs.');
    const { wanted, lastInUse } = await store.modelInForce('active');
    expect(wanted).toMatchObject({ id: second.id, inUseAtMs: null, failure: 'The golden case differs.' });
    expect(lastInUse).toMatchObject({ id: first.id, model: MODEL });
    expect(
      await worklist.database.db
        .selectFrom('model_activations')
        .select('event')
        .where('activation_id', '=', second.id)
        .execute(),
    ).toHaveLength(1);
    await store.noteModelInUse(wanted!, 0.4);
    expect((await store.modelInForce('active')).wanted).toMatchObject({ inUseAtMs: clock.now(), failure: null });
  });

  it('the operating point comes into force when the package does, once, and not before', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await store.seedThreshold('compact', 0.7);
    const activation = await activate(worklist);
    expect(await store.threshold('compact', 'CT1')).toMatchObject({ value: 0.7 });
    await store.noteModelInUse(activation, 0.4);
    expect(await store.threshold('compact', 'CT1')).toMatchObject({ value: 0.4 });
    expect(await store.siteThreshold('compact')).toEqual({ value: 0.4, isSites: false, ownSources: [] });
    await putThreshold(worklist, { value: 0.3 });
    // The agent starts again: the site's choice stays.
    await store.noteModelInUse(activation, 0.4);
    expect(await store.siteThreshold('compact')).toEqual({ value: 0.3, isSites: true, ownSources: [] });
    // It was found damaged at a start, and is whole again: neither does that undo the choice.
    await store.noteModelFailed(activation, 'A file is not as it was.');
    await store.noteModelInUse(activation, 0.4);
    expect(await store.siteThreshold('compact')).toEqual({ value: 0.3, isSites: true, ownSources: [] });
    await store.noteModelInUse(await activate(worklist, { threshold: null }), 0.4);
    expect(await store.threshold('compact', 'CT1')).toMatchObject({ value: 0.3 });
    await store.noteModelInUse(await activate(worklist, { threshold: 0.25 }), 0.4);
    expect(await store.siteThreshold('compact')).toEqual({ value: 0.25, isSites: true, ownSources: [] });
  });

  it('with the operating point, results of the package before stop to count: a node that has not got the next one waits', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    const counting = async () => {
      const both = [MODEL, SECOND].map(async (model) => (await store.isModelInForce(model.sha256)) && model.version);
      return (await Promise.all(both)).filter((version) => version !== false);
    };
    expect(await counting()).toEqual([MODEL.version, SECOND.version]);
    const first = await activate(worklist, { model: MODEL });
    await store.noteModelInUse(first, 0.4);
    const second = await activate(worklist);
    await store.noteModelFailed(second, 'The golden case differs.');
    expect(await counting()).toEqual([MODEL.version]);
    await store.noteModelInUse(second, 0.4);
    // It does not load on another node.
    await store.noteModelFailed(second, 'The golden case differs.');
    expect(await counting()).toEqual([SECOND.version]);
    await store.noteModelInUse(await activate(worklist, { model: MODEL }), 0.4);
    expect(await counting()).toEqual([MODEL.version]);
    await store.noteModelInUse(await activate(worklist, { role: 'shadow' }), 0.4);
    expect(await counting()).toEqual([MODEL.version]);
  });

  it('a new operating point makes sources follow the site again, and does not set stopped flags going', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await store.seedThreshold('compact', 0.7);
    await putThreshold(worklist, { value: 0.2, sourceAeTitle: 'CT2' });
    expect(await store.siteThreshold('compact')).toEqual({ value: 0.7, isSites: false, ownSources: ['CT2'] });
    await store.noteModelInUse(await activate(worklist, { threshold: null }), 0.4);
    expect(await store.threshold('compact', 'CT2')).toMatchObject({ value: 0.2 });
    await store.noteModelInUse(await activate(worklist), 0.4);
    expect(await store.threshold('compact', 'CT2')).toMatchObject({ value: 0.4, stopped: false });
    await putThreshold(worklist, { value: 0.4, mode: 'stopped' });
    await store.noteModelInUse(await activate(worklist, { threshold: 0.3 }), 0.4);
    expect(await store.threshold('compact', 'CT2')).toMatchObject({ value: 0.3, stopped: true });
  });

  it('a shadow touches no operating point, cannot be the active package, and is over when it becomes that', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await store.seedThreshold('compact', 0.7);
    await activate(worklist, { model: MODEL });
    await expect(activate(worklist, { role: 'shadow', model: MODEL })).rejects.toMatchObject({
      code: 'command-invalid',
    });
    const shadow = await activate(worklist, { role: 'shadow' });
    await store.noteModelInUse(shadow, 0.4);
    expect(await store.threshold('compact', 'CT1')).toMatchObject({ value: 0.7 });
    await activate(worklist);
    expect((await store.modelInForce('shadow')).wanted).toMatchObject({ model: null });
  });

  it('needs a reason and, for the active role, a package; the history cannot be changed', async () => {
    const worklist = await openWorklist();
    await expect(activate(worklist, { reason: ' ' })).rejects.toMatchObject({ code: 'command-invalid' });
    await expect(activate(worklist, { model: null })).rejects.toMatchObject({ code: 'command-invalid' });
    await activate(worklist);
    for (const change of ["update model_activations set reason = 'other'", 'delete from model_activations'])
      await expect(runSql(worklist.database, change)).rejects.toThrow(/history/);
  });
});
