import { expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import type { StageName } from '../../../src/case/claim.ts';
import { createPipeline, type Stage } from '../../../src/pipeline/pipeline.ts';
import { createCaseStore } from '../../../src/worklist/cases/caseStore.ts';
import { createWorklistQuery } from '../../../src/worklist/list/worklistQuery.ts';
import { soakTimeout, tries } from '../../soakSize.ts';
import { findingsOf, instanceOf, manifestOf, objectsOf, openWorklist, studyUid } from '../worklist/fixture.ts';

const CASES = tries('POISON_CASES', 30);
/** What a poisonous study does to each stage: end the process, hang until its time is over, meet a bug. */
const HOW = [
  () => new TriageError('inference-died', 'The process ended.'),
  () => new TriageError('inference-timeout', 'The process was ended at its time limit.'),
  () => new TypeError('undefined is not iterable'),
];
const STAGES: StageName[] = ['assemble', 'infer', 'report'];

/** Every tenth study is poison: in each stage in turn, each kind in turn. */
function poisonOf(study: number): { stage: StageName; error: () => Error } | null {
  if (study % 10 !== 0) return null;
  const nth = study / 10 - 1;
  return { stage: STAGES[nth % 3]!, error: HOW[Math.floor(nth / 3) % 3]! };
}

test(
  `${CASES} studies, every tenth poison, in every stage: the others are reported, poison is tried three times at most and shown`,
  async () => {
    const { database } = await openWorklist();
    const store = createCaseStore(database, systemClock, {
      destinations: ['pacs'],
      quietMs: 60_000,
      retryMinMs: 5,
      maxAttempts: 3,
    });
    const attempts = new Map<string, number>();
    const numberOf = (accessionNumber: string): number => Number(accessionNumber.slice(2));
    const poisoned =
      (stage: StageName, run: Stage): Stage =>
      (claim, ...rest) => {
        const number = numberOf(claim.record.accessionNumber);
        const poison = poisonOf(number);
        // A poisonous study that has failed is still reported as not analysed.
        if (poison?.stage !== stage || (stage === 'report' && claim.record.state === 'failed'))
          return run(claim, ...rest);
        attempts.set(`${number} ${stage}`, (attempts.get(`${number} ${stage}`) ?? 0) + 1);
        return Promise.reject(poison.error());
      };
    const pipeline = createPipeline({
      store,
      stages: {
        assemble: poisoned('assemble', ({ instances }) =>
          Promise.resolve({ type: 'seriesChosen', manifest: manifestOf(instances) }),
        ),
        infer: poisoned('infer', () => Promise.resolve({ type: 'inferred', findings: findingsOf(0.8) })),
        report: poisoned('report', ({ record }) =>
          Promise.resolve({ type: 'reported', objects: objectsOf(record.accessionNumber.slice(2), record.revision) }),
        ),
      },
      clock: systemClock,
      log: createLog('silent'),
      leaseMs: 60_000,
      pollMs: 10,
      describeFailure: (_claim, failure) => findingsOf(null, { reason: failure.message, reasonCode: failure.code }),
    });
    for (let study = 1; study <= CASES; study++) {
      await store.recordInstances([instanceOf({ study, receivedAtMs: systemClock.now() })]);
      await store.nudgeComplete([studyUid(study)]);
    }
    const query = createWorklistQuery(database, systemClock, { maxWaitMs: 3_600_000 });
    const rows = async () => new Map((await query.rows()).map((row) => [numberOf(row.accessionNumber), row] as const));
    const isDone = (study: number, state: string): boolean =>
      poisonOf(study) === null ? state === 'reported' : state === 'failed';
    await expect
      .poll(
        async () => [...(await rows())].filter(([study, { state }]) => !isDone(study, state)).map(([study]) => study),
        {
          timeout: soakTimeout(60_000),
          interval: 100,
        },
      )
      .toEqual([]);
    await pipeline.drain();

    const last = await rows();
    expect(last.size).toBe(CASES);
    for (const [study, row] of last) {
      const poison = poisonOf(study);
      // What failed only at its report keeps its flag.
      const isFlagged = poison === null || poison.stage === 'report';
      expect([study, row.decision, row.failure === null]).toEqual([
        study,
        isFlagged ? 'suspected' : 'not-analysed',
        poison === null,
      ]);
      if (poison !== null) {
        const tried = attempts.get(`${study} ${poison.stage}`)!;
        expect([study, tried >= 1 && tried <= 3]).toEqual([study, true]);
      }
    }
    expect(attempts.size).toBe(Math.floor(CASES / 10));
  },
  soakTimeout(90_000),
);
