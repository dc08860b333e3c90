import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EncodedSlice } from '../../../../src/case/case.ts';
import { imageKey } from '../../../../src/case/frames.ts';
import { backoffMs } from '../../../../src/base/backoff.ts';
import { identityDifferences } from '../../../../src/case/patientIdentity.ts';
import {
  claimed,
  deliverAll,
  findingsOf,
  instanceOf,
  manifestOf,
  objectsOf,
  openWorklist,
  studyUid,
  toInferred,
  toReported,
  runSql,
} from '../fixture.ts';
import type { Worklist } from '../fixture.ts';

/** Features of the slices of a study for two models; returns how many are left on record. */
async function withFeatures({ store, database }: Worklist, study: number) {
  // The third object has two frames.
  const [one, two, frames] = [1, 2, 3].map((number) => instanceOf({ study, number }).sha256);
  const digests = [
    one!,
    two!,
    imageKey({ sha256: frames!, frameNumber: 1 }),
    imageKey({ sha256: frames!, frameNumber: 2 }),
  ];
  const slice: EncodedSlice = {
    feature: Float32Array.from([study]),
    imageProbability: 0.5,
    cam: Float32Array.from([1]),
    camRows: 1,
    camColumns: 1,
    crop: {
      top: 0,
      left: 0,
      bottom: 1,
      right: 1,
      transpose: false,
      flipRows: false,
      flipColumns: false,
      rows: 1,
      columns: 1,
      fullFrame: true,
    },
    anatomy: null,
    texture: null,
  };
  for (const model of ['model-a', 'model-b'])
    await store.saveSliceFeatures(model, new Map(digests.map((digest) => [digest, slice])));
  return async () => {
    const statement = `select count(*) as count from slice_features where instance_sha256 in (${digests.map(() => '?').join()})`;
    return (await runSql<{ count: number }>(database, statement, ...digests))[0]!.count;
  };
}

describe('slice features', () => {
  it('stay until the result is final, and go then, of every model', async () => {
    const worklist = await openWorklist();
    const delivered = await withFeatures(worklist, 1);
    const other = await withFeatures(worklist, 2);
    await toInferred(worklist, 2, 0.2);
    await toReported(worklist, 1, 0.9);
    expect([await delivered(), await other()]).toEqual([8, 8]);
    await deliverAll(worklist);
    expect([await delivered(), await other()]).toEqual([0, 8]);
  });

  it('go with the report where nothing is sent, and with a case that is ineligible or failed', async () => {
    const worklist = await openWorklist({ destinations: [] });
    const { store } = worklist;
    const reported = await withFeatures(worklist, 1);
    await toInferred(worklist, 1, 0.9);
    expect(await reported()).toBe(8);
    await store.apply(await claimed(store, 'report'), { type: 'reported', objects: objectsOf(1) });
    expect(await reported()).toBe(0);

    const ineligible = await withFeatures(worklist, 2);
    await store.recordInstances([1, 2, 3].map((number) => instanceOf({ study: 2, number })));
    await store.nudgeComplete([studyUid(2)]);
    const assembling = await claimed(store, 'assemble');
    const { series } = manifestOf(assembling.instances);
    await store.apply(assembling, { type: 'notEligible', series, findings: findingsOf(null) });
    expect(await ineligible()).toBe(0);

    const failed = await withFeatures(worklist, 3);
    await store.recordInstances([1, 2, 3].map((number) => instanceOf({ study: 3, number })));
    await store.nudgeComplete([studyUid(3)]);
    const third = await claimed(store, 'assemble');
    await store.apply(third, { type: 'seriesChosen', manifest: manifestOf(third.instances) });
    await store.fail(await claimed(store, 'infer'), { code: 'inference-failed', message: 'x', retry: false });
    expect(await failed()).toBe(0);
  });

  it('come back bit for bit, for their model only', async () => {
    const { store } = await openWorklist();
    const slice: EncodedSlice = {
      feature: Float32Array.from([0, -1.5, Math.PI, 3.4e38, 1e-45]),
      imageProbability: 0.123456789,
      cam: Float32Array.from({ length: 49 }, (_, index) => index / 7),
      camRows: 7,
      camColumns: 7,
      crop: {
        top: 1,
        left: 2,
        bottom: 3,
        right: 4,
        transpose: true,
        flipRows: false,
        flipColumns: true,
        rows: 512,
        columns: 512,
        fullFrame: false,
      },
      anatomy: { tissueAreaCm2: 143.25, boneAreaCm2: 12.5 },
      texture: { changeInPlane: 0.4375, detail: '+- -' },
    };
    const many = new Map(Array.from({ length: 1200 }, (_, index) => [`digest-${index}`, slice]));
    await store.saveSliceFeatures('model-a', many);
    await store.saveSliceFeatures('model-a', new Map([['digest-0', { ...slice, imageProbability: 0.9 }]]));
    const found = await store.sliceFeatures('model-a', [...many.keys(), 'unknown']);
    expect(found.size).toBe(1200);
    expect(found.get('digest-0')).toEqual(slice);
    expect((await store.sliceFeatures('model-b', ['digest-0'])).size).toBe(0);
  });
});

describe('identity', () => {
  const jane = instanceOf({ patientName: 'Doe^Jane', patientId: 'P-1' }).header;
  it.each([
    ['case, padding and empty components', { patientName: 'DOE^JANE^^ ' }, []],
    ['groups that only one of them has', { patientName: 'Doe^Jane=土井^ジェーン=どい^ジェーン' }, []],
    ['a birth date of which only the year is known', { patientBirthDate: '1970' }, []],
    ['a birth date without its day', { patientBirthDate: '19700100' }, []],
    ['a birth date with separators', { patientBirthDate: '1970.01.01' }, []],
    ['another year', { patientBirthDate: '1971' }, ['birth date']],
    ['a sex that is left open', { patientSex: 'O' }, []],
    ['a sex that is left out', { patientSex: '' }, []],
    ['a sex in a word', { patientSex: 'FEMALE' }, []],
    ['another sex', { patientSex: 'M' }, ['sex']],
    ['an issuer that one leaves out', { issuerOfPatientId: '' }, []],
    ['padding of the ID', { patientId: 'P-1\0' }, []],
    ['another ID', { patientId: 'P-2' }, ['patient ID']],
    ['no ID', { patientId: '' }, ['patient ID']],
    ['another name', { patientName: 'Roe^Jane' }, ['name']],
    ['no name', { patientName: '' }, ['name']],
    ['given and family name swapped', { patientName: 'Jane^Doe' }, ['name']],
    ['another birth date', { patientBirthDate: '19700102' }, ['birth date']],
    ['another issuer', { issuerOfPatientId: 'CLINIC' }, ['issuer of patient ID']],
  ])('%s', (_name, change, differences) => {
    expect(identityDifferences(jane, { ...jane, ...change })).toEqual(differences);
    expect(identityDifferences({ ...jane, ...change }, jane)).toEqual(differences);
  });
});

describe('ways to write one name', () => {
  const anna = instanceOf({ patientName: 'Müller^Anna Maria' }).header;
  it.each([
    'Müller^Anna  Maria',
    'Müller^Anna\u3000Maria',
    'MULLER^ANNA MARIA',
    'Müller^Anna^Maria',
    'Mu\u0308ller^Anna Maria ',
  ])('%s', (patientName) => {
    expect(identityDifferences(anna, { ...anna, patientName })).toEqual([]);
  });
});

describe('backoff', () => {
  it('doubles to the limit, spread by a quarter, the same for the same key', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 100 }), (key, attempt) => {
        const wait = backoffMs(key, attempt, 1000, 60_000);
        const middle = Math.min(60_000, 1000 * 2 ** (attempt - 1));
        expect(wait).toBeGreaterThanOrEqual(Math.floor(middle * 0.75));
        expect(wait).toBeLessThanOrEqual(Math.ceil(middle * 1.25));
        expect(backoffMs(key, attempt, 1000, 60_000)).toBe(wait);
      }),
    );
    expect(
      new Set(Array.from({ length: 20 }, (_, index) => backoffMs(`study-${index}`, 1, 1000, 60_000))).size,
    ).toBeGreaterThan(10);
  });
});
