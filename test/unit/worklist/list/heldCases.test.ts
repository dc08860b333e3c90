import { describe, expect, it, test } from 'vitest';
import type { StoredInstance } from '../../../../src/case/case.ts';
import { needsAttention } from '../../../../src/worklist/list/needsAttention.ts';
import {
  claimed,
  deliverAll,
  findingsOf,
  instanceOf,
  manifestOf,
  objectsOf,
  openWorklist,
  SC,
  studyUid,
  toReported,
  type InstanceWishes,
  type Worklist,
} from '../fixture.ts';

test('a study whose patient was renamed says what is out, what was set aside, and goes on with the latest by one decision', async () => {
  const worklist = await openWorklist();
  const { clock, database, store } = worklist;
  await toReported(worklist, 'unknown', 0.8);
  await deliverAll(worklist);
  const deliveredAtMs = clock.now();
  clock.advance(60_000);
  const renamed = { patientId: 'MRN-4711', patientName: 'Real^Name' };
  await store.recordInstances(
    [1, 2, 3].map((number) =>
      instanceOf({ study: 'unknown', number, content: 'renamed', receivedAtMs: clock.now(), ...renamed }),
    ),
  );
  const held = async () => (await needsAttention(database, 10)).held;
  expect(await held()).toMatchObject([
    {
      studyInstanceUid: studyUid('unknown'),
      reason: 'Two patients in one study: patient ID, name differs',
      delivered: [{ destination: 'pacs', atMs: deliveredAtMs }],
      aside: [{ ...renamed, objects: 3 }],
    },
  ]);
  await store.releaseQuarantine(studyUid('unknown'), { use: 'latest', reason: 'Her real number', actor: 'ada' });
  expect(await held()).toEqual([]);
  const [row] = await worklist.query.rows();
  expect([row!.state, row!.revision, row!.patientId]).toEqual(['receiving', 2, 'MRN-4711']);
});

const STUDY = studyUid('unknown');
const REAL = { patientId: 'MRN-4711', patientName: 'Lindqvist^Maja' };
const THIRD = { patientId: 'MRN-0815', patientName: 'Okafor^Chidi' };
/** What the fixture's first slices came under. */
const TEMPORARY = { patientId: 'P-unknown', patientName: 'Doe^Jane' };
const PRESS = {
  use: 'same-patient',
  patient: REAL,
  reason: 'same patient, temporary ID replaced',
  actor: 'ada',
} as const;

/** A delivered study under a temporary identity; `send` brings further objects of it, a second after those before. */
async function temporaryStudy() {
  const worklist = await openWorklist();
  await toReported(worklist, 'unknown', 0.8);
  await deliverAll(worklist);
  const send = async (wishes: InstanceWishes, change: Partial<StoredInstance['header']> = {}) => {
    worklist.clock.advance(1_000);
    const instance = instanceOf({ study: 'unknown', receivedAtMs: worklist.clock.now(), ...wishes });
    Object.assign(instance.header, change);
    return (await worklist.store.recordInstances([instance]))[0];
  };
  const row = async () => (await worklist.query.rows())[0]!;
  return { ...worklist, worklist, send, row };
}

/** Takes the study to its next delivered report. */
async function analysedAgain(worklist: Worklist, revision: number) {
  const assembling = await claimed(worklist.store, 'assemble');
  await worklist.store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
  await worklist.store.apply(await claimed(worklist.store, 'infer'), { type: 'inferred', findings: findingsOf(0.8) });
  const reporting = await claimed(worklist.store, 'report');
  await worklist.store.apply(reporting, { type: 'reported', objects: objectsOf('unknown', revision) });
  await deliverAll(worklist);
  return { assembling, reporting };
}

describe('the row of a held study', () => {
  it('tells what is out, what was set aside, and the one other patient', async () => {
    const { send, row, clock } = await temporaryStudy();
    expect((await row()).held).toBeNull();
    const deliveredAtMs = clock.now();
    await send({ number: 1, content: 'renamed', ...REAL }, { patientBirthDate: '19610302' });
    // Another spelling of the same patient.
    await send(
      { number: 2, content: 'renamed', ...REAL, patientName: 'LINDQVIST^MAJA^' },
      { patientBirthDate: '1961' },
    );
    const other = {
      ...REAL,
      patientName: 'LINDQVIST^MAJA^',
      issuerOfPatientId: 'HOSPITAL',
      patientBirthDate: '1961',
      patientSex: 'F',
      objects: 2,
    };
    expect((await row()).held).toEqual({
      delivered: [{ destination: 'pacs', atMs: deliveredAtMs }],
      aside: [other],
      otherPatient: { ...other, isNewer: true },
    });
  });

  it('has a line of history for each reason, not for each object, and again for each hold', async () => {
    const { send, store, query } = await temporaryStudy();
    for (const number of [1, 2, 3]) await send({ number, content: 'renamed', ...REAL });
    await store.releaseQuarantine(STUDY, { use: 'first', reason: 'typing error', actor: 'ada' });
    await send({ number: 4, content: 'renamed', ...REAL });
    for (const number of [1, 2]) await send({ number, content: 'other pixels', ...TEMPORARY });
    const { events } = await query.caseDetail(STUDY);
    expect(events.filter(({ type }) => type === 'quarantined').map(({ detail }) => detail['reason'])).toEqual([
      'Two patients in one study: patient ID, name differs',
      'Two patients in one study: patient ID, name differs',
      'An image came twice with different content',
    ]);
  });

  it('names no other patient where there are two of them, or where an image has two contents', async () => {
    const { send, row } = await temporaryStudy();
    await send({ number: 2, content: 'other pixels', ...TEMPORARY });
    expect((await row()).held).toMatchObject({ aside: [{ ...TEMPORARY, objects: 1 }], otherPatient: null });
    // The first reason of the hold stays.
    await send({ number: 3, content: 'renamed', ...REAL });
    expect((await row()).held).toMatchObject({ aside: [{ ...TEMPORARY }, { ...REAL }], otherPatient: null });

    const two = await temporaryStudy();
    await two.send({ number: 9, ...THIRD });
    await two.send({ number: 10, ...REAL });
    expect((await two.row()).held).toMatchObject({ aside: [{ ...THIRD }, { ...REAL }], otherPatient: null });
  });

  it('tells of no report that went out under an earlier identity', async () => {
    const { worklist, store, send, row, clock } = await temporaryStudy();
    await send({ number: 1, content: 'renamed', ...REAL });
    await store.releaseQuarantine(STUDY, PRESS);
    await send({ number: 9, ...THIRD });
    expect((await row()).held).toMatchObject({ delivered: [] });
    await store.releaseQuarantine(STUDY, { use: 'first', reason: 'not hers', actor: 'ada' });
    clock.advance(3_600_000);
    await analysedAgain(worklist, 2);
    await send({ number: 10, ...THIRD });
    expect((await row()).held).toMatchObject({ delivered: [{ destination: 'pacs', atMs: clock.now() - 1_000 }] });
  });
});

describe('one press says that two patients are one', () => {
  it('analyses images that came again under the new identity alone, of each its newest version', async () => {
    const { worklist, store, send, row, clock } = await temporaryStudy();
    for (const number of [1, 2, 3])
      await send({ number, content: 'renamed', ...REAL }, { patientAge: '065Y', accessionNumber: 'A-REAL' });
    await send({ number: 2, content: 'renamed twice', ...REAL }, { patientAge: '065Y', accessionNumber: 'A-REAL' });
    // What lacks an age is no image.
    await send({ number: 30, sopClassUid: SC, ...REAL }, { patientAge: '', accessionNumber: '' });
    await store.releaseQuarantine(STUDY, PRESS);
    expect(await row()).toMatchObject({ ...REAL, age: '065Y', accessionNumber: 'A-REAL', held: null, revision: 2 });
    clock.advance(3_600_000);
    const { assembling, reporting } = await analysedAgain(worklist, 2);
    const used = assembling.instances.map(({ path }) => /\.([^.]+)\.dcm$/.exec(path)![1]);
    expect(used.sort()).toEqual(['a', 'renamed', 'renamed', 'renamed twice']);
    expect(assembling.instances.filter(({ cameAs }) => cameAs !== undefined)).toEqual([]);
    expect(reporting.previousSr).toHaveLength(1);
    expect(
      (await worklist.query.caseDetail(STUDY)).events.find(({ type }) => type === 'quarantineReleased'),
    ).toMatchObject({
      actor: 'ada',
      detail: { use: 'same-patient', reason: 'same patient, temporary ID replaced' },
    });
  });

  it('analyses the whole study where only the rest of it came under the new identity', async () => {
    const { worklist, store, send, row, clock } = await temporaryStudy();
    for (const number of [4, 5]) await send({ number, ...REAL }, { accessionNumber: 'A-REAL' });
    await store.releaseQuarantine(STUDY, PRESS);
    clock.advance(3_600_000);
    const { assembling, reporting } = await analysedAgain(worklist, 2);
    expect(
      assembling.instances
        .map(({ header, cameAs }) => [header.instanceNumber, header.patientId, cameAs?.patientId])
        .sort(),
    ).toEqual([
      [1, 'MRN-4711', 'P-unknown'],
      [2, 'MRN-4711', 'P-unknown'],
      [3, 'MRN-4711', 'P-unknown'],
      [4, 'MRN-4711', undefined],
      [5, 'MRN-4711', undefined],
    ]);
    expect(reporting.record.patient).toMatchObject(REAL);
    // The request of the patient that it is now, although the first slice came under the other.
    expect(await row()).toMatchObject({ ...REAL, accessionNumber: 'A-REAL', state: 'delivered' });
  });

  it('leaves aside what was set aside of the first patient for another reason', async () => {
    const { store, send, row, clock } = await temporaryStudy();
    await send({ number: 2, content: 'cropped', ...TEMPORARY });
    await store.releaseQuarantine(STUDY, { use: 'first', reason: 'cropped by the archive', actor: 'ada' });
    await send({ number: 4, ...REAL });
    expect((await row()).held).toMatchObject({ aside: [TEMPORARY, REAL], otherPatient: REAL });
    await store.releaseQuarantine(STUDY, PRESS);
    clock.advance(3_600_000);
    const { instances } = await claimed(store, 'assemble');
    expect(instances.map(({ path }) => /\.([^.]+)\.dcm$/.exec(path)![1])).toEqual(['a', 'a', 'a', 'a']);
  });

  it('takes what comes later under either identity, and holds a third', async () => {
    const { store, send, row } = await temporaryStudy();
    await send({ number: 4, ...REAL });
    await store.releaseQuarantine(STUDY, PRESS);
    expect(await send({ number: 5, ...TEMPORARY })).toBe('new');
    expect(await send({ number: 6, ...REAL })).toBe('new');
    expect(await row()).toMatchObject({ ...REAL, held: null });
    expect(await send({ number: 7, ...THIRD })).toBe('identity-conflict');
    expect((await row()).held).toMatchObject({ otherPatient: THIRD });
  });

  it('goes on under the real identity when late images come under the temporary one', async () => {
    const { store, send, row, clock } = await temporaryStudy();
    for (const number of [1, 2, 3]) await send({ number, content: 'renamed', ...REAL });
    await store.releaseQuarantine(STUDY, PRESS);
    // Nothing of the temporary identity is in use any more, so that it comes anew.
    await send({ number: 3, content: 'late', ...TEMPORARY });
    const respelled = { ...TEMPORARY, patientName: 'DOE^JANE' };
    await send({ number: 4, ...respelled });
    expect((await row()).held).toMatchObject({ otherPatient: { ...respelled, objects: 5, isNewer: false } });
    await store.releaseQuarantine(STUDY, { ...PRESS, patient: TEMPORARY });
    expect(await row()).toMatchObject({ ...REAL, held: null });
    clock.advance(3_600_000);
    const { instances } = await claimed(store, 'assemble');
    expect(
      instances
        .map(({ header, path, cameAs }) => [header.instanceNumber, /\.([^.]+)\.dcm$/.exec(path)![1], cameAs?.patientId])
        .sort(),
    ).toEqual([
      [1, 'renamed', undefined],
      [2, 'renamed', undefined],
      [3, 'renamed', undefined],
      [4, 'a', 'P-unknown'],
    ]);
  });

  it('does not take for granted what a person has not said: after "first", the other stays another', async () => {
    const { store, send, row } = await temporaryStudy();
    await send({ number: 4, ...THIRD });
    await store.releaseQuarantine(STUDY, { use: 'first', reason: 'not hers', actor: 'ada' });
    expect(await send({ number: 5, ...THIRD })).toBe('identity-conflict');
    expect((await row()).held).toMatchObject({ otherPatient: { ...THIRD, objects: 2 } });
  });

  it.each<[string, 'same-patient' | 'latest']>([
    ['as one patient', 'same-patient'],
    ['with the latest', 'latest'],
  ])('is refused %s when a third patient has come since the look', async (_name, use) => {
    const { store, send, row } = await temporaryStudy();
    await send({ number: 4, ...REAL });
    await send({ number: 5, ...THIRD });
    await expect(store.releaseQuarantine(STUDY, { ...PRESS, use })).rejects.toMatchObject({ code: 'case-changed' });
    expect(await row()).toMatchObject({ ...TEMPORARY, status: 'held', revision: 1 });
  });

  it.each([
    ['ID', { ...REAL, patientId: 'MRN-4712' }],
    ['name', { ...REAL, patientName: 'Lindqvist^Mats' }],
  ])('is refused when the %s is not the one that was shown', async (_name, patient) => {
    const { store, send, row } = await temporaryStudy();
    await send({ number: 4, ...REAL });
    await expect(store.releaseQuarantine(STUDY, { ...PRESS, patient })).rejects.toMatchObject({
      code: 'case-changed',
      message: 'Not released: objects of another patient than the one shown have come since. Look at the study again.',
    });
    expect(await row()).toMatchObject({ ...TEMPORARY, status: 'held' });
    expect((await row()).held).toMatchObject({ otherPatient: { ...REAL, objects: 1 } });
  });
});
