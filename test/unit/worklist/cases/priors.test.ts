import { describe, expect, it } from 'vitest';
import type { KeySlice, StoredInstance } from '../../../../src/case/case.ts';
import type { Vertebra } from '../../../../src/case/vertebrae.ts';
import { thresholdFacts } from '../../../../src/worklist/thresholds/thresholdFacts.ts';
import {
  claimed,
  findingsOf,
  instanceOf,
  manifestOf,
  MODEL,
  objectsOf,
  openWorklist,
  START_MS,
  studyUid,
} from '../fixture.ts';
import type { Worklist } from '../fixture.ts';

const DAY_MS = 24 * 3_600_000;
const OLD = { acquisitionDateTime: '20250312093000', studyDate: '20250312', studyTime: '092500' };

function slice(study: string, wishes: Partial<StoredInstance['header']> = {}, number = 1): StoredInstance {
  const instance = instanceOf({ study, number, patientId: 'P-77' });
  return { ...instance, header: { ...instance.header, ...wishes } };
}
const keySlice = (level: Vertebra): KeySlice => ({
  sopInstanceUid: '2.25.7',
  sliceIndex: 0,
  score: 0.9,
  levels: [level],
  cam: [0, 1, 1, 0],
  camRows: 2,
  camColumns: 2,
  crop: {
    ...{ top: 0, left: 0, bottom: 8, right: 8, rows: 8, columns: 8 },
    ...{ transpose: false, flipRows: false, flipColumns: false, fullFrame: true },
  },
});
const open = () => openWorklist({ maxAgeMs: 3 * DAY_MS });

async function keepAsPrior({ store }: Worklist, study: string): Promise<void> {
  await store.recordInstances([slice(study, { ...OLD, studyDescription: 'CT head and neck' })]);
  await store.nudgeComplete([studyUid(study)]);
  const findings = findingsOf(null, { reasonCode: 'prior', reason: 'Prior of 12-Mar-2025, kept for comparison' });
  await store.apply(await claimed(store, 'assemble'), { type: 'notEligible', series: [], findings, isPrior: true });
}

async function flag({ store }: Worklist, study: string, isPrior = false): Promise<void> {
  await store.nudgeComplete([studyUid(study)]);
  const assembling = await claimed(store, 'assemble');
  const manifest = manifestOf(assembling.instances);
  await store.apply(assembling, { type: 'seriesChosen', manifest, ...(isPrior ? { isPrior } : {}) });
  await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.9) });
}

const listed = async ({ query }: Worklist, read: boolean) => {
  const { rows } = await query.page({ list: null, offset: 0, limit: 10, read, show: 'all', search: '', location: '' });
  return rows.map((row) => [row!.studyInstanceUid, row!.rank, row!.stateText]);
};

describe('a prior', () => {
  it('is in no list of scans to read, already while it arrives, and says of what day it is where it is shown', async () => {
    const worklist = await open();
    await worklist.store.recordInstances([slice('old', OLD)]);
    expect(await listed(worklist, false)).toEqual([]);
    await worklist.store.recordInstances([slice('new')]);
    await keepAsPrior(worklist, 'old');
    expect((await listed(worklist, false)).map(([study, rank]) => [study, rank])).toEqual([[studyUid('new'), 1]]);
    expect((await listed(worklist, true))[1]).toEqual([
      studyUid('old'),
      null,
      'Prior of 12-Mar-2025: kept for comparison, not analysed',
    ]);
    expect(await worklist.store.claim('report', 60_000)).toBeNull();
    expect((await worklist.query.totals()).unread).toBe(1);
  });

  it('raises no alert and says "Review now" to nobody when the site has it analysed', async () => {
    const worklist = await open();
    await worklist.store.recordInstances([slice('old', OLD)]);
    await flag(worklist, 'old', true);
    expect((await worklist.query.flags(10)).openCount).toBe(0);
    expect((await listed(worklist, true))[0]![2]).toBe(
      'Prior of 12-Mar-2025. AI flag: possible fracture. Not a diagnosis.',
    );
    await worklist.store.apply(await claimed(worklist.store, 'report'), {
      type: 'reported',
      objects: objectsOf('old'),
    });
    expect(await worklist.store.dueDeliveries('pacs', 10)).toHaveLength(2);
  });

  it('is listed by the newer case of the same patient, and the other way round; another patient’s is not', async () => {
    const worklist = await open();
    await keepAsPrior(worklist, 'old');
    await worklist.store.recordInstances([slice('new')]);
    await worklist.store.recordInstances([slice('namesake', { patientName: 'Roe^Richard', ...OLD })]);
    const newer = await worklist.query.caseDetail(studyUid('new'));
    const old = await worklist.query.caseDetail(studyUid('old'));
    expect(newer.priors).toEqual([
      {
        caseRef: old.row.caseRef,
        scannedAt: '20250312093000',
        studyDescription: 'CT head and neck',
        decision: 'not-analysed',
      },
    ]);
    expect(newer.newer).toEqual([]);
    expect([old.priors, old.newer.map(({ caseRef }) => caseRef)]).toEqual([[], [newer.row.caseRef]]);
    expect([old.ageNote, newer.ageNote]).toEqual(['Prior of 12-Mar-2025', '']);
  });

  it('says in the row of the newer scan what was found then, and never moves it', async () => {
    const worklist = await open();
    const noteOf = async (study: string) => (await worklist.query.caseDetail(studyUid(study))).row.priorNote;
    const finding = (probability: number, level: Vertebra) =>
      findingsOf(probability, { keySlices: probability < 0.5 ? [] : [keySlice(level)] });
    const scored = async (study: string, findings: ReturnType<typeof findingsOf>, isPrior: boolean) => {
      await worklist.store.nudgeComplete([studyUid(study)]);
      const assembling = await claimed(worklist.store, 'assemble');
      const manifest = manifestOf(assembling.instances);
      await worklist.store.apply(assembling, { type: 'seriesChosen', manifest, ...(isPrior ? { isPrior } : {}) });
      await worklist.store.apply(await claimed(worklist.store, 'infer'), { type: 'inferred', findings });
    };
    await worklist.store.recordInstances([slice('before', { patientId: 'P-78' })]);
    await scored('before', finding(0.9, 'C5'), false);
    await worklist.store.recordInstances([slice('new')]);
    await scored('new', finding(0.9, 'C5'), false);
    const order = await listed(worklist, false);
    expect(await noteOf('new')).toBeNull();

    await worklist.store.recordInstances([slice('namesake', { ...OLD, patientName: 'Roe^Ronja' })]);
    expect(await noteOf('new')).toBeNull();
    for (const [study, date, findings, says] of [
      ['kept', '20240101', null, 'Prior not analysed (01-Jan-2024)'],
      ['clean', '20240202', finding(0.1, 'C3'), 'Prior not flagged (02-Feb-2024)'],
      ['elsewhere', '20240303', finding(0.9, 'C2'), 'Prior flagged (03-Mar-2024)'],
      ['there', '20240404', finding(0.9, 'C5'), 'Prior flagged at the same level (04-Apr-2024)'],
    ] as const) {
      const dates = { acquisitionDateTime: `${date}093000`, studyDate: date };
      await worklist.store.recordInstances([slice(study, dates)]);
      if (findings !== null) await scored(study, findings, true);
      expect(await noteOf('new')).toBe(says);
    }
    expect([await noteOf('before'), await noteOf('there')]).toEqual([null, null]);
    expect(await listed(worklist, false)).toEqual(order);
    await worklist.store.recordInstances([
      slice('later', { acquisitionDateTime: '20261103080000', studyDate: '20261103' }),
    ]);
    expect([await noteOf('new'), await noteOf('later')]).toEqual([
      'Prior flagged at the same level (04-Apr-2024)',
      'Prior flagged (02-Nov-2026)',
    ]);
  });

  it('is new once a slice of today comes, and once a person has it analysed', async () => {
    const worklist = await open();
    await keepAsPrior(worklist, 'old');
    await worklist.store.recordInstances([slice('old', {}, 2)]);
    await flag(worklist, 'old');
    expect((await worklist.query.flags(10)).openCount).toBe(1);

    await keepAsPrior(worklist, 'other');
    await worklist.store.reprocess(studyUid('other'), { actor: 'ada', reason: 'the clock of the scanner is wrong' });
    expect((await listed(worklist, false)).map(([study]) => study)).toContain(studyUid('other'));
    const again = await claimed(worklist.store, 'assemble');
    expect(again.record.recency).toBe('taken-as-new');
    await worklist.store.apply(again, { type: 'seriesChosen', manifest: manifestOf(again.instances) });
    expect((await worklist.query.caseDetail(studyUid('other'))).ageNote).toBe(
      'Scan of 12-Mar-2025, taken as new by a person',
    );
  });

  it('goes after its time without anybody having read it', async () => {
    const worklist = await open();
    await keepAsPrior(worklist, 'old');
    await worklist.store.recordInstances([slice('new')]);
    worklist.clock.advance(40 * DAY_MS);
    expect(await worklist.store.removableCases(START_MS + 30 * DAY_MS, 10)).toEqual([
      { studyInstanceUid: studyUid('old'), lastReceivedAtMs: START_MS },
    ]);
  });

  it('is no scan of the site to the thresholds page', async () => {
    const worklist = await open();
    await worklist.store.recordInstances([slice('old', OLD)]);
    await flag(worklist, 'old', true);
    await worklist.store.recordInstances([slice('new')]);
    await flag(worklist, 'new');
    const { scored } = await thresholdFacts(worklist.database.db, MODEL.sha256, 0);
    expect(scored.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual([studyUid('new')]);
  });
});
