import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { StageName } from '../../../../src/case/claim.ts';
import { soakSeed, soakTimeout, tries } from '../../../soakSize.ts';
import { createCaseStore } from '../../../../src/worklist/cases/caseStore.ts';
import { onPostgres, runsHere } from '../../../postgres/copiedDatabase.ts';
import { findingsOf, instanceOf, manifestOf, objectsOf, openWorklist, SC, studyUid } from '../fixture.ts';
import { expectKeptFigures } from '../keptFigures.ts';

const STUDIES = [1, 2, 3];
const stage = fc.constantFrom<StageName>('assemble', 'infer', 'report');
const study = fc.constantFrom(...STUDIES);

/** What can happen to the worklist, in any order. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('receive' as const),
      study,
      number: fc.integer({ min: 1, max: 4 }),
      content: fc.constantFrom('a', 'a', 'a', 'b'),
      patientId: fc.constantFrom(undefined, undefined, undefined, undefined, 'P-other'),
      sopClassUid: fc.constantFrom(undefined, undefined, SC),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('released' as const), study }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('claim' as const), stage }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      how: fc.constantFrom('apply', 'apply', 'apply', 'notEligible', 'retry', 'bug', 'release'),
      probability: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      answer: fc.constantFrom('sent', 'confirmed', 'confirmed', 'retry', 'refused'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 30_000, 120_000, 3_600_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('decide' as const),
      study,
      use: fc.constantFrom('first' as const, 'latest' as const, 'same-patient' as const),
    }),
  },
);

it(
  'skips nothing silently: whatever happens, each received study has a result, a reason, a hold or work to come',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const worklist = await openWorklist({ maxAttempts: 2 });
        const { clock, database, query } = worklist;
        const options = { maxAttempts: 2, destinations: ['pacs'] };
        let store = createCaseStore(database, clock, options);
        const received = new Map<string, Set<string>>();
        const held: { claim: NonNullable<Awaited<ReturnType<typeof store.claim>>>; stage: StageName }[] = [];

        const restart = async () => {
          held.length = 0;
          store = createCaseStore(database, clock, options);
          await store.endEarlierLeases();
        };
        const finish = async (how: string, probability: number) => {
          const work = held.shift();
          if (work === undefined) return;
          const { claim } = work;
          if (how === 'release') return store.release(claim, clock.now() + 5_000);
          const failure = {
            code: 'inference-failed',
            message: 'x',
            retry: how === 'retry',
            findings: findingsOf(null, { reason: 'failed' }),
          };
          if (claim.exhausted || how === 'retry' || how === 'bug') return store.fail(claim, failure);
          const number = Number(STUDIES.find((candidate) => studyUid(candidate) === claim.record.studyInstanceUid));
          if (work.stage === 'assemble')
            return store.apply(
              claim,
              how === 'notEligible'
                ? { type: 'notEligible', series: [], findings: findingsOf(null) }
                : { type: 'seriesChosen', manifest: manifestOf(claim.instances) },
            );
          if (work.stage === 'infer')
            return store.apply(claim, { type: 'inferred', findings: findingsOf(probability) });
          return store.apply(claim, { type: 'reported', objects: objectsOf(number, claim.record.revision) });
        };
        const take = async (name: StageName) => {
          const claim = await store.claim(name, 60_000);
          if (claim !== null) held.push({ claim, stage: name });
        };
        const deliver = async (answer: string) => {
          const [due] = await store.dueDeliveries('pacs', 1);
          if (due === undefined) return;
          if (answer === 'sent') return store.recordDelivery(due.id, { kind: 'sent', status: '0000' });
          if (answer === 'retry') return store.recordDelivery(due.id, { kind: 'retry', reason: 'x' });
          if (answer === 'refused')
            return store.recordDelivery(due.id, { kind: 'refused', status: '0122', reason: 'x' });
          return store.recordDelivery(due.id, { kind: 'confirmed' });
        };

        const check = async () => {
          await expectKeptFigures(database);
          const rows = await query.rows();
          expect(rows.map((row) => row.studyInstanceUid).sort()).toEqual([...received.keys()].sort());
          const known = await store.knownPaths();
          for (const paths of received.values()) for (const path of paths) expect(known).toContain(path);
          for (const row of rows) {
            const current = row.deliveries;
            if (row.state === 'delivered') {
              expect(row.probability).not.toBeNull();
              expect(current.length).toBeGreaterThan(0);
              expect(current.every((delivery) => delivery.status === 'confirmed')).toBe(true);
            }
            if (row.state === 'reported')
              expect(
                current.some((delivery) => delivery.status !== 'confirmed' && delivery.status !== 'cancelled'),
              ).toBe(true);
            if (row.state === 'ineligible') expect(row.reason).not.toBeNull();
            if (row.state === 'failed') expect(row.failure).not.toBeNull();
            if (row.quarantineReason !== null) expect(row.status).toBe('held');
            if (row.state === 'receiving' || row.state === 'assembled') expect(row.decision).toBeNull();
            expect(row.stateText).not.toBe('');
          }
        };

        for (const action of steps) {
          if (action.do === 'receive') {
            const instance = instanceOf({
              study: action.study,
              number: action.number,
              content: action.content,
              receivedAtMs: clock.now(),
              ...(action.patientId && { patientId: action.patientId }),
              ...(action.sopClassUid && { sopClassUid: action.sopClassUid }),
            });
            await store.recordInstances([instance]);
            const uid = studyUid(action.study);
            received.set(uid, (received.get(uid) ?? new Set()).add(instance.path));
          } else if (action.do === 'released') await store.nudgeComplete([studyUid(action.study)]);
          else if (action.do === 'claim') await take(action.stage);
          else if (action.do === 'finish') await finish(action.how, action.probability);
          else if (action.do === 'deliver') await deliver(action.answer);
          else if (action.do === 'wait') clock.advance(action.ms);
          else if (action.do === 'decide')
            await store
              .releaseQuarantine(studyUid(action.study), { use: action.use, reason: 'r', actor: 'a' })
              .catch(() => undefined);
          else await restart();
          await check();
        }

        // Let the world be kind: everything that was in flight comes to its end, and only holds stay.
        // Whoever held work is gone. Its leases run out by the database's clock; that of PostgreSQL does not go faster here, so a new start ends them.
        if (onPostgres()) await restart();
        held.length = 0;
        for (const uid of received.keys())
          await store.releaseQuarantine(uid, { use: 'first', reason: 'r', actor: 'a' }).catch(() => undefined);
        for (let round = 0; round < 12; round++) {
          clock.advance(3_600_000);
          for (const name of ['assemble', 'infer', 'report'] as const) {
            for (let i = 0; i < STUDIES.length; i++) {
              await take(name);
              await finish('apply', 0.7);
            }
          }
          for (const uid of received.keys()) await store.retryDeliveries(uid, 'a', 'r');
          for (let i = 0; i < 12; i++) await deliver('confirmed');
        }
        await check();
        for (const row of await query.rows()) {
          expect(['delivered', 'ineligible', 'failed']).toContain(row.state);
          expect(row.deliveries.every((delivery) => delivery.status === 'confirmed')).toBe(true);
        }
        await database.close();
      }),
      {
        numRuns: tries('HISTORIES', runsHere(15)),
        ...(process.env['SOAK_SEED'] !== undefined && { seed: soakSeed() }),
      },
    );
  },
  soakTimeout(300_000),
);
