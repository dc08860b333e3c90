import { expect, it } from 'vitest';
import type { ModelValidation } from '../../../../src/answers/modelAnswers.ts';
import { instanceOf, studyUid, MODEL, openWorklist, toReported, type Worklist } from '../fixture.ts';
import { inTransaction } from '../../../../src/worklist/db/transactions.ts';

const nothing = { analysed: null, sensitivity: null, specificity: null, auc: null, inTheLarge: null, slope: null };
const record = ({ store }: Worklist, more: Partial<ModelValidation> = {}) =>
  store.recordValidation({
    model: MODEL,
    dataset: 'a folder',
    kind: 'folder',
    synthetic: false,
    by: 'ada',
    cases: 40,
    patients: 33,
    positives: 10,
    negatives: 12,
    threshold: 0.4,
    figures: { ...nothing, sensitivity: { value: 0.9, low: 0.6, high: 0.98 } },
    ...more,
  });

it('what a package reached here is on record, in the audit too, and cannot be changed', async () => {
  const worklist = await openWorklist();
  const first = await record(worklist);
  worklist.clock.advance(1_000);
  const second = await record(worklist, { positives: 9, by: 'grace' });
  await record(worklist, { model: { ...MODEL, sha256: 'ee'.repeat(32) } });
  expect(await worklist.store.validationsOf(MODEL.sha256)).toEqual([second, first]);
  expect(first).toMatchObject({
    atMs: worklist.clock.now() - 1_000,
    by: 'ada',
    figures: { sensitivity: { value: 0.9, low: 0.6, high: 0.98 }, auc: null },
  });
  const audit = await worklist.database.db.selectFrom('audit_log').selectAll().orderBy('seq').execute();
  expect(
    audit.map(({ action, actor, detail }) => [action, actor, (JSON.parse(detail) as { suffices: boolean }).suffices]),
  ).toEqual([
    ['model.validated', 'ada', true],
    ['model.validated', 'grace', false],
    ['model.validated', 'ada', true],
  ]);
  await expect(
    inTransaction(worklist.database.db, (trx) => trx.updateTable('model_validations').set({ positives: 99 }).execute()),
  ).rejects.toThrow('rows are added, never changed');
});

it('counts as a validation here with ten cases of each class, and never on phantoms', async () => {
  const worklist = await openWorklist();
  const suffices = async (more: Partial<ModelValidation>) => (await record(worklist, more)).suffices;
  expect(await suffices({ positives: 10, negatives: 10 })).toBe(true);
  expect(await suffices({ positives: 9, negatives: 500 })).toBe(false);
  expect(await suffices({ positives: 500, negatives: 9 })).toBe(false);
  expect(await suffices({ positives: 500, negatives: 500, synthetic: true })).toBe(false);
});

it('the site’s own cases are those on which readers agree, and every scored scan counts for the weights', async () => {
  const worklist = await openWorklist();
  for (const [study, probability] of [
    ['flagged', 0.9],
    ['unsure', 0.8],
    ['quiet', 0.1],
  ] as const)
    await toReported(worklist, study, probability);
  await worklist.store.recordVerdict(studyUid('flagged'), { revision: 1, verdict: 'disagree', actor: 'ada' });
  await worklist.store.recordVerdict(studyUid('unsure'), { revision: 1, verdict: 'unsure', actor: 'ada' });
  await worklist.store.recordVerdict(studyUid('quiet'), { revision: 1, verdict: 'disagree', actor: 'ada' });
  const { scans, cases } = await worklist.store.siteCases(MODEL.sha256, 0);
  expect(scans).toHaveLength(3);
  expect(cases.map(({ studyInstanceUid, fracture, folder }) => ({ studyInstanceUid, fracture, folder }))).toEqual([
    { studyInstanceUid: studyUid('flagged'), fracture: false, folder: 'objects/flagged' },
    { studyInstanceUid: studyUid('quiet'), fracture: true, folder: 'objects/quiet' },
  ]);
  expect(cases.every(({ patientKey }) => /^[0-9a-f]{16}$/.test(patientKey))).toBe(true);
  expect((await worklist.store.siteCases(MODEL.sha256, worklist.clock.now() + 1)).cases).toEqual([]);
});

it('scans in use are those that the package has judged or could not judge, removed ones too', async () => {
  const worklist = await openWorklist();
  const { store, database } = worklist;
  await toReported(worklist, 'flagged', 0.9);
  await toReported(worklist, 'quiet', 0.1);
  await store.recordVerdict(studyUid('quiet'), { revision: 1, verdict: 'disagree', actor: 'ada' });
  // Still waiting for its network.
  await store.recordInstances([instanceOf({ study: 'waiting', number: 1 })]);
  const gone = {
    source_ae_title: 'SCANNER',
    scanner: 'Gone 9',
    arrived_at: worklist.clock.now(),
    stat: 0,
    read_at: null,
  } as const;
  const scored = { scored_at: worklist.clock.now(), probability: 0.7, model_sha256: MODEL.sha256 };
  await inTransaction(database.db, (trx) =>
    trx
      .insertInto('scan_history')
      .values([
        { ...gone, ...scored, study_instance_uid: '9.1', decision: 'suspected' },
        { ...gone, study_instance_uid: '9.2', scored_at: null, probability: null, model_sha256: null, decision: null },
        { ...gone, ...scored, study_instance_uid: '9.3', decision: 'suspected', model_sha256: 'ee'.repeat(32) },
      ])
      .execute(),
  );
  const scans = await store.usedScans(MODEL.sha256, 0);
  expect(scans.map(({ decision, probability, fracture }) => [decision, probability, fracture])).toEqual([
    ['suspected', 0.9, null],
    ['not-suspected', 0.1, true],
    ['suspected', 0.7, null],
    ['not-analysed', null, null],
  ]);
  expect(await store.usedScans(MODEL.sha256, worklist.clock.now() + 1)).toEqual([]);
});
