import { describe, expect, it } from 'vitest';
import type { InstanceHeader, StoredInstance } from '../../../../src/case/case.ts';
import {
  claimed,
  CT,
  deliverAll,
  instanceOf,
  manifestOf,
  openWorklist,
  SC,
  SR,
  studyUid,
  toReported,
} from '../fixture.ts';

function slice(number: number, header: Partial<InstanceHeader>): StoredInstance {
  const one = instanceOf({ number });
  return { ...one, header: { ...one.header, ...header } };
}

describe('a study with two accession numbers', () => {
  it('is called by that of the analysed series', async () => {
    const { store, query } = await openWorklist();
    const head = [1, 2].map((number) => slice(number, { accessionNumber: 'HEAD-1', studyDescription: 'CT head' }));
    const neck = [3, 4].map((number) => slice(number, { accessionNumber: 'NECK-2', studyDescription: 'CT neck' }));
    await store.recordInstances([...head, ...neck]);
    expect((await query.caseDetail(studyUid(1))).row.accessionNumber).toBe('HEAD-1');
    await store.nudgeComplete([studyUid(1)]);
    await store.apply(await claimed(store, 'assemble'), { type: 'seriesChosen', manifest: manifestOf(neck) });
    expect((await query.caseDetail(studyUid(1))).row).toMatchObject({
      accessionNumber: 'NECK-2',
      studyDescription: 'CT neck',
    });
  });

  it('is called by the first one that any image has', async () => {
    const { store, query } = await openWorklist();
    await store.recordInstances([slice(1, { accessionNumber: '' }), slice(2, { accessionNumber: 'NECK-2' })]);
    expect((await query.caseDetail(studyUid(1))).row.accessionNumber).toBe('NECK-2');
  });
});

describe('what comes after the result', () => {
  const isReformat = (header: InstanceHeader) => header.imageType.includes('MPR');
  const delivered = async () => {
    const worklist = await openWorklist({ changesAnalysis: ({ late }) => Promise.resolve(!late.every(isReformat)) });
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    await worklist.store.markRead(studyUid(1), true, 'anna');
    return worklist;
  };

  it.each<[string, StoredInstance]>([
    ['a reformat', slice(20, { imageType: ['DERIVED', 'SECONDARY', 'MPR'] })],
    ['a screen capture', instanceOf({ number: 21, sopClassUid: SC })],
    ['a dose report', instanceOf({ number: 22, sopClassUid: SR })],
  ])('changes nothing when it is %s', async (_name, late) => {
    const { store, query } = await delivered();
    const before = (await query.caseDetail(studyUid(1))).row;
    expect(await store.recordInstances([late])).toEqual(['new']);
    const { row } = await query.caseDetail(studyUid(1));
    // That it is kept is counted; the result and the reader's mark are untouched.
    expect(row).toEqual({ ...before, otherObjects: late.header.sopClassUid === CT ? 0 : 1 });
    expect(row).toMatchObject({ state: 'delivered', revision: 1, readBy: 'anna' });
  });

  it('makes a revision when it is a slice, and says who had read it, until somebody reads it again', async () => {
    const worklist = await delivered();
    const { store, query } = worklist;
    const row = async () => (await query.caseDetail(studyUid(1))).row;
    expect(await row()).toMatchObject({ readBefore: null, whyBrief: 'Read' });
    await store.recordInstances([slice(23, {})]);
    const changed = 'Changed since it was read by anna; ';
    expect(await row()).toMatchObject({ state: 'receiving', revision: 2, readBy: null, readBefore: 'anna' });
    await toReported(worklist, 1, 0.8, 4);
    expect(await row()).toMatchObject({ revision: 2, whyBrief: `${changed}Suspected fracture, 0.80` });
    expect((await query.rows())[0]?.whyBrief).toBe(`${changed}Suspected fracture, 0.80`);
    await store.markRead(studyUid(1), true, 'bert');
    expect(await row()).toMatchObject({ readBy: 'bert', readBefore: null });
  });

  it('does not count as changed when it is analysed again as it is', async () => {
    const { store, query } = await delivered();
    await store.reprocess(studyUid(1), { actor: 'bert', reason: 'a new network' });
    expect((await query.caseDetail(studyUid(1))).row).toMatchObject({ revision: 2, readBy: null, readBefore: null });
  });
});

describe('an image that comes again in other bytes', () => {
  it('with the same pixels changes nothing, and both files stay; with other pixels it is held', async () => {
    const worklist = await openWorklist();
    const { store, query } = worklist;
    await toReported(worklist, 1, 0.1);
    await deliverAll(worklist);
    const before = (await query.caseDetail(studyUid(1))).row;
    const again = instanceOf({ number: 2, content: 'jpeg' });
    expect(await store.otherVersion(again)).toBe(instanceOf({ number: 2 }).path);
    expect(await store.recordInstances([again], new Set([again.path]))).toEqual(['same-image']);
    expect((await query.caseDetail(studyUid(1))).row).toEqual(before);
    expect(await store.knownPaths()).toContain(again.path);
    expect(await store.recordInstances([instanceOf({ number: 2, content: 'other' })])).toEqual(['conflict']);
    expect((await query.caseDetail(studyUid(1))).row.quarantineReason).not.toBeNull();
  });

  it('is read where its header states more, until the study has been assembled', async () => {
    const worklist = await openWorklist();
    const { store, query } = worklist;
    const bare = (number: number) => slice(number, { accessionNumber: '', studyDescription: '' });
    const filled = (number: number): StoredInstance => {
      const again = instanceOf({ number, content: 'archive' });
      return { ...again, header: { ...again.header, accessionNumber: 'A-77', studyDescription: 'CT neck' } };
    };
    await store.recordInstances([bare(1), bare(2)]);
    expect(await store.recordInstances([filled(1)], new Set([filled(1).path]))).toEqual(['same-image']);
    expect((await query.caseDetail(studyUid(1))).row.accessionNumber).toBe('A-77');
    // The scanner's version comes last, and states less.
    const bareAgain = {
      ...slice(1, { accessionNumber: '', studyDescription: '' }),
      sha256: 'again',
      path: 'again.dcm',
    };
    await store.recordInstances([bareAgain], new Set([bareAgain.path]));
    await store.nudgeComplete([studyUid(1)]);
    const claim = await claimed(store, 'assemble');
    expect(claim.instances.map(({ path }) => path).sort()).toEqual([filled(1).path, bare(2).path].sort());
    expect([...(await store.knownPaths())].sort()).toEqual(
      [bare(1).path, bare(2).path, filled(1).path, bareAgain.path].sort(),
    );
    await store.apply(claim, { type: 'seriesChosen', manifest: manifestOf(claim.instances) });
    await store.recordInstances([filled(2)], new Set([filled(2).path]));
    expect((await query.caseDetail(studyUid(1))).row).toMatchObject({ revision: 1, state: 'assembled' });
  });
});
