import { describe, expect, it } from 'vitest';
import type { KeySlice, StoredInstance } from '../../../../src/case/case.ts';
import type { Vertebra } from '../../../../src/case/vertebrae.ts';
import { maskedRow } from '../../../../src/web/maskedRow.ts';
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

  it('is in the order of the instants where scanners are in several time zones, and shown with them', async () => {
    const worklist = await open();
    // 22:00 and 18:00 UTC of the day after: by their own clocks the other way round.
    const times = { east: '20261102120000+1400', west: '20261102060000-1200' };
    for (const [id, acquisitionDateTime] of Object.entries(times))
      await worklist.store.recordInstances([slice(id, { acquisitionDateTime })]);
    const [east, west] = [
      await worklist.query.caseDetail(studyUid('east')),
      await worklist.query.caseDetail(studyUid('west')),
    ];
    expect(west.priors).toMatchObject([{ caseRef: east.row.caseRef, scannedAt: times.east }]);
    expect([west.newer, east.priors]).toEqual([[], []]);
    expect([east.row.acquiredAt, west.row.acquiredAt]).toEqual([times.east, times.west]);
    expect(maskedRow(east.row).acquiredAt).toBe(times.east);
    expect(maskedRow({ ...east.row, acquiredAt: '20261102120000.25-0330' }).acquiredAt).toBe('20261102120000-0330');
    expect(maskedRow({ ...east.row, acquiredAt: '20261102 Doe-0330' }).acquiredAt).toBe('20261102-0330');
    expect(maskedRow({ ...east.row, acquiredAt: 'Doe+0330' }).acquiredAt).toBe('');
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

    await worklist.store.recordInstances([slice('there', { patientName: 'Roe^Ronja', sopInstanceUid: '1.2.840.7' })]);
    const { row, priors } = await worklist.query.caseDetail(studyUid('new'));
    expect([row.priorNote, priors.find(({ scannedAt }) => scannedAt.startsWith('20240404'))?.decision]).toEqual([
      'Prior on hold (04-Apr-2024)',
      null,
    ]);
  });

  it('never lowers a rank: whatever was found in it, the scans to read stand as they stood', async () => {
    const worklist = await open();
    const { store, clock, query } = worklist;
    const patients: [study: string, outcome: number | null][] = [
      ...[0.97, 0.61, 0.22, 0.04].map((outcome): [string, number] => [`scan-${outcome}`, outcome]),
      ['refused', null],
    ];
    const take = async (study: string, outcome: number | null, isPrior: boolean) => {
      await store.nudgeComplete([studyUid(study)]);
      const assembling = await claimed(store, 'assemble');
      const manifest = manifestOf(assembling.instances);
      const prior = isPrior ? { isPrior } : {};
      if (outcome === null) {
        const kept = { series: manifest.series, findings: findingsOf(null), ...(isPrior ? { manifest } : {}) };
        await store.apply(assembling, { type: 'notEligible', ...kept, ...prior });
        return;
      }
      await store.apply(assembling, { type: 'seriesChosen', manifest, ...prior });
      await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(outcome) });
    };
    for (const [study, outcome] of patients) {
      clock.advance(60_000);
      await store.recordInstances([slice(study, { patientId: `P-${study}` })]);
      await take(study, outcome, false);
    }
    await store.markStat(studyUid('scan-0.04'), true, 'ada');
    // What a reader sees, page by page and as one list.
    const order = async () => [
      await listed(worklist, false),
      (await query.rows()).filter(({ offList }) => !offList).map(({ caseRef, rank, why }) => [caseRef, rank, why]),
    ];
    const before = await order();
    expect(before.map(({ length }) => length)).toEqual([patients.length, patients.length]);
    for (const [study] of patients) {
      for (const [index, found] of [null, 0.02, 0.98].entries()) {
        const prior = `${study}-prior-${index}`;
        await store.recordInstances([slice(prior, { ...OLD, patientId: `P-${study}` })]);
        await take(prior, found, true);
        expect(await order()).toEqual(before);
      }
    }
    expect((await query.caseDetail(studyUid('scan-0.22'))).row.priorNote).not.toBeNull();
  });

  it('of which only the images are kept can be looked at', async () => {
    const worklist = await open();
    await worklist.store.recordInstances([slice('old', OLD), slice('old', OLD, 2)]);
    await worklist.store.nudgeComplete([studyUid('old')]);
    const assembling = await claimed(worklist.store, 'assemble');
    const manifest = manifestOf(assembling.instances);
    await worklist.store.apply(assembling, {
      ...{ type: 'notEligible', series: [], manifest, isPrior: true },
      findings: findingsOf(null, { reasonCode: 'prior', reason: 'Prior of 12-Mar-2025, kept for comparison' }),
    });
    const { row, volume } = await worklist.query.caseDetail(studyUid('old'));
    expect([row.state, row.decision, volume?.positionsMm.toSorted()]).toEqual(['ineligible', 'not-analysed', [1, 2]]);
    expect(await worklist.query.volumeSlices(studyUid('old'), [1])).toHaveLength(1);
    for (const stage of ['infer', 'report'] as const) expect(await worklist.store.claim(stage, 60_000)).toBeNull();
  });

  it('is linked however the name is written, and of a patient with another name or ID only once a person has said that the two are one', async () => {
    const worklist = await open();
    const { store, query } = worklist;
    await store.recordInstances([slice('accent', { ...OLD, patientName: 'DOE^JANÉ^^Dr' })]);
    await store.recordInstances([slice('married', { ...OLD, patientName: 'Smith^Jane' })]);
    await store.recordInstances([slice('other-id', { ...OLD, patientId: 'P-78' })]);
    const refs = async (...studies: string[]) =>
      Promise.all(studies.map(async (study) => (await query.caseDetail(studyUid(study))).row.caseRef));
    const priorsOf = async (study: string) =>
      (await query.caseDetail(studyUid(study))).priors.map(({ caseRef }) => caseRef);
    await store.recordInstances([slice('new')]);
    expect(await priorsOf('new')).toEqual(await refs('accent'));

    // It came under a temporary number, the rest under the real one: held, and linked to nobody's under the real ID until it is released.
    const emergency = (number: number, patientId: string) => slice('emergency', { patientId }, number);
    await store.recordInstances([emergency(1, 'TMP-9')]);
    await store.recordInstances([emergency(2, 'P-78')]);
    const { row, priors } = await query.caseDetail(studyUid('emergency'));
    expect([row.status, row.patientId, priors]).toEqual(['held', 'TMP-9', []]);
    await store.releaseQuarantine(studyUid('emergency'), {
      ...{ use: 'same-patient', patient: { patientId: 'P-78', patientName: 'Doe^Jane' } },
      ...{ reason: 'the temporary number was replaced', actor: 'ada' },
    });
    expect(await priorsOf('emergency')).toEqual(await refs('other-id'));
    expect((await query.caseDetail(studyUid('emergency'))).row.patientId).toBe('P-78');
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
