import { describe, expect, it } from 'vitest';
import type { InstanceHeader, StoredInstance } from '../../../../src/case/case.ts';
import { claimed, instanceOf, manifestOf, openWorklist, studyUid } from '../fixture.ts';

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
