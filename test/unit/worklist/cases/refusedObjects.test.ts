import { describe, expect, it } from 'vitest';
import type { RefusedObject } from '../../../../src/case/refusedObject.ts';
import { claimed, findingsOf, instanceOf, openWorklist, SR, START_MS, studyUid } from '../fixture.ts';
import type { InstanceWishes, Worklist } from '../fixture.ts';

const DAMAGED = '0xC000: The pixel data are shorter than the header says.';
const refusedOf = (wishes: InstanceWishes, why = DAMAGED): RefusedObject => ({
  header: instanceOf(wishes).header,
  why,
  refusedAtMs: START_MS + 1_000,
  sourceAeTitle: 'SCANNER',
});
const rowOf = async ({ query }: Worklist, study: number | string) => (await query.caseDetail(studyUid(study))).row;

describe('a refused object', () => {
  it('puts its study on the worklist, with whose it is, and the claim says what was refused', async () => {
    const worklist = await openWorklist();
    await worklist.store.noteRefused([
      refusedOf({ number: 7 }, '0xA700: The disk of the spool is full.'),
      refusedOf({ number: 8 }),
      refusedOf({ number: 9, sopClassUid: SR }),
      refusedOf({ number: 8 }),
    ]);
    const row = await rowOf(worklist, 1);
    expect(row).toMatchObject({
      patientName: 'Doe^Jane',
      accessionNumber: 'A-1',
      rank: 1,
      refusedObjects: { count: 3, why: DAMAGED },
    });
    worklist.clock.advance(60_000);
    const claim = await claimed(worklist.store, 'assemble');
    expect(claim.instances).toEqual([]);
    expect(claim.refused).toEqual({
      count: 3,
      why: DAMAGED,
      ctBySeries: new Map([[instanceOf().header.seriesInstanceUid, 2]]),
    });
    // Nothing of the study is here from which a report could take its patient.
    await worklist.store.apply(claim, { type: 'notEligible', series: [], findings: findingsOf(null) });
    expect(await worklist.store.claim('report', 60_000)).toBeNull();
  });

  it('is forgotten when it comes after all', async () => {
    const worklist = await openWorklist();
    await worklist.store.noteRefused([refusedOf({ number: 1 }), refusedOf({ number: 2 })]);
    await worklist.store.recordInstances([instanceOf({ number: 2 })]);
    expect((await rowOf(worklist, 1)).refusedObjects).toEqual({ count: 1, why: DAMAGED });
    await worklist.store.recordInstances([instanceOf({ number: 1 })]);
    expect((await rowOf(worklist, 1)).refusedObjects).toBeNull();
  });

  it('changes nothing when it is on record, is of another patient, or is our own', async () => {
    const worklist = await openWorklist();
    await worklist.store.recordInstances([instanceOf({ number: 1 })]);
    await worklist.store.noteRefused([
      refusedOf({ number: 1 }),
      refusedOf({ number: 2, patientId: 'SOMEBODY-ELSE' }),
      refusedOf({ number: 3, sopClassUid: SR, manufacturer: 'ODONTOID' }),
      refusedOf({ study: 2, sopClassUid: SR, manufacturer: 'ODONTOID' }),
    ]);
    expect((await rowOf(worklist, 1)).refusedObjects).toBeNull();
    await expect(rowOf(worklist, 2)).rejects.toThrow('no such study');
  });

  it('goes with its study', async () => {
    const worklist = await openWorklist();
    await worklist.store.recordInstances([instanceOf({ number: 1 }), instanceOf({ number: 5, sopClassUid: SR })]);
    await worklist.store.noteRefused([refusedOf({ number: 2 })]);
    expect((await rowOf(worklist, 1)).otherObjects).toBe(1);
    await worklist.store.nudgeComplete([studyUid(1)]);
    await worklist.store.apply(await claimed(worklist.store, 'assemble'), {
      type: 'notEligible',
      series: [],
      findings: findingsOf(null),
      isPrior: true,
    });
    await worklist.store.beginRemoval(studyUid(1), START_MS + 1_001);
    expect(await worklist.store.finishRemoval(studyUid(1))).toBe(true);
    expect(await worklist.database.db.selectFrom('refused_objects').selectAll().execute()).toEqual([]);
    expect(await worklist.database.db.selectFrom('instances').selectAll().execute()).toEqual([]);
  });
});
