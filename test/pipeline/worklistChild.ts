/**
 * A process for the crash tests to kill. `work FILE STEP` runs one study through pipeline and delivery and kills itself with SIGKILL at STEP;
 * `intake FILE ROUND` records objects until it is killed, and names each on standard output once it is on record.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import { createPipeline } from '../../src/pipeline/pipeline.ts';
import { createCaseStore } from '../../src/worklist/cases/caseStore.ts';
import { openDatabase } from '../../src/worklist/db/database.ts';
import { createWorklistQuery } from '../../src/worklist/list/worklistQuery.ts';
import { findingsOf, instanceOf, manifestOf, objectsOf, studyUid } from '../unit/worklist/facts.ts';

const [mode, path, argument] = process.argv.slice(2) as ['work' | 'intake', string, string];
const database = await openDatabase(path);
const store = createCaseStore(database, systemClock, {
  destinations: ['pacs'],
  quietMs: 3_600_000,
  maxAttempts: 3,
  retryMinMs: 50,
});

function dieAt(step: string): void {
  if (step === argument) process.kill(process.pid, 'SIGKILL');
}

if (mode === 'intake') {
  for (let number = 1; ; number++) {
    const study = `${argument}-${number % 7}`;
    const batch = [0, 1, 2].map((offset) =>
      instanceOf({ study, number: number * 3 + offset, receivedAtMs: systemClock.now() }),
    );
    await store.recordInstances(batch);
    writeSync(1, batch.map((instance) => `${instance.path}\n`).join(''));
    // Everything else that writes goes on meanwhile, so that the kill falls into all kinds of transactions.
    await store.nudgeComplete([studyUid(study)]);
    const claim = await store.claim(number % 2 === 0 ? 'assemble' : 'report', 60_000);
    if (claim?.record.state === 'receiving')
      await store.apply(claim, { type: 'notEligible', series: [], findings: findingsOf(null) });
    else if (claim !== null)
      await store.apply(claim, {
        type: 'reported',
        objects: objectsOf(claim.record.accessionNumber.slice(2), claim.record.revision),
      });
    for (const due of await store.dueDeliveries('pacs', 1))
      await store.recordDelivery(due.id, { kind: 'sent', status: '0000' });
  }
}

await store.endEarlierLeases();
const query = createWorklistQuery(database, systemClock, { maxWaitMs: 3_600_000 });
const pipeline = createPipeline({
  store,
  stages: {
    assemble: ({ instances }) => Promise.resolve({ type: 'seriesChosen', manifest: manifestOf(instances) }),
    infer: () => Promise.resolve({ type: 'inferred', findings: findingsOf(0.8) }),
    report: ({ record }) => Promise.resolve({ type: 'reported', objects: objectsOf(1, record.revision) }),
  },
  clock: systemClock,
  log: createLog('silent'),
  leaseMs: 60_000,
  pollMs: 20,
  faultWaitMs: 100,
  onStep: dieAt,
});
while ((await query.rows())[0]?.state !== 'delivered') {
  for (const due of await store.dueDeliveries('pacs', 10)) {
    dieAt('deliver:due');
    if (due.state === 'pending') {
      // The PACS has it now, whether or not we live to write that down.
      writeSync(1, `sent ${due.object.sopInstanceUid}\n`);
      dieAt('deliver:sent');
      await store.recordDelivery(due.id, { kind: 'sent', status: '0000' });
      dieAt('deliver:recorded');
    } else await store.recordDelivery(due.id, { kind: 'confirmed' });
  }
  await systemClock.sleep(5);
}
await pipeline.drain();
await database.close();
