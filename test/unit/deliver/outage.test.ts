import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import { seededRandom } from '../../../src/base/random.ts';
import type { Pacs, StoreOutcome } from '../../../src/case/delivery.ts';
import { createDelivery } from '../../../src/deliver/deliverResults.ts';
import { createCaseStore } from '../../../src/worklist/cases/caseStore.ts';
import { soakSeed, soakTimeout, tries } from '../../soakSize.ts';
import { PATIENT_ID, writeSampleResults } from '../pacs/sampleObjects.ts';
import {
  claimed,
  findingsOf,
  instanceOf,
  manifestOf,
  openWorklist,
  studyUid,
  temporaryFolder,
} from '../worklist/fixture.ts';

const STUDIES = tries('OUTAGE_STUDIES', 12);
const HOUR_MS = 3_600_000;

/** An archive in memory that can be down, and can lose what it has accepted. */
function archive() {
  const held = new Set<string>();
  const state = { isDown: true, losesEvery: 0 };
  let accepted = 0;
  const take = (uid: string): StoreOutcome => {
    if (state.isDown) return { kind: 'unreachable', reason: 'Nothing listens there.' };
    if (state.losesEvery === 0 || ++accepted % state.losesEvery !== 0) held.add(uid);
    return { kind: 'stored', status: '0000' };
  };
  const pacs: Pacs = {
    name: 'pacs',
    echo: () => Promise.resolve(1),
    probe: () => Promise.resolve({ ms: 1, takes: '' }),
    store: (objects) => Promise.resolve(objects.map(({ sopInstanceUid }) => take(sopInstanceUid))),
    holds: (_study, _series, uids) =>
      state.isDown
        ? Promise.reject(new TriageError('pacs-unreachable', 'Nothing listens there.'))
        : Promise.resolve(new Set(uids.filter((uid) => held.has(uid)))),
  };
  return { pacs, held, state };
}

test(
  `${STUDIES} studies through an outage, and an archive that loses: each result arrives, and every loss is seen`,
  async () => {
    let shiftMs = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + shiftMs };
    const { database, query } = await openWorklist();
    const store = createCaseStore(database, clock, { destinations: ['pacs'], retryMinMs: 20, retryMaxMs: 200 });
    const folder = await temporaryFolder();
    const results = new Map<string, string>();
    const addStudy = async (study: number): Promise<void> => {
      const uid = studyUid(study);
      await store.recordInstances([instanceOf({ study, patientId: PATIENT_ID, receivedAtMs: clock.now() })]);
      await store.nudgeComplete([uid]);
      const assembling = await claimed(store, 'assemble');
      await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
      await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.8) });
      const objects = await writeSampleResults(
        join(folder, String(study)),
        String(study),
        0,
        {},
        {
          StudyInstanceUID: uid,
          AccessionNumber: `A-${study}`,
        },
      );
      results.set(uid, objects[0]!.sopInstanceUid);
      await store.apply(await claimed(store, 'report'), { type: 'reported', objects });
    };
    const { pacs, held, state } = archive();
    const delivery = createDelivery({
      store,
      destinations: [pacs],
      clock,
      log: createLog('silent'),
      options: { pollMs: 25 },
    });
    const statuses = () =>
      database.db
        .selectFrom('deliveries')
        .select('status')
        .execute()
        .then((rows) => rows.map(({ status }) => status));
    const allConfirmed = async () =>
      expect
        .poll(
          async () => {
            // Time flies: what waits for its next attempt is due.
            shiftMs += 30_000;
            delivery.nudge();
            return (await statuses()).filter((status) => status === 'confirmed').length;
          },
          {
            timeout: soakTimeout(60_000),
            interval: 100,
          },
        )
        .toBe(STUDIES);

    // It is down while they are reported, comes and goes, and loses every fourth object in the middle.
    for (let study = 1; study <= STUDIES; study++) {
      if (study === Math.ceil(STUDIES / 3)) Object.assign(state, { isDown: false, losesEvery: 4 });
      if (study === Math.ceil((2 * STUDIES) / 3)) state.isDown = true;
      await addStudy(study);
    }
    Object.assign(state, { isDown: false, losesEvery: 0 });
    await allConfirmed();
    expect(held).toEqual(new Set(results.values()));

    // It loses what it had confirmed: seen at the check after an hour, and at the one after a day.
    const random = seededRandom('outage', String(soakSeed())).next;
    for (const passMs of [1.1 * HOUR_MS, 25 * HOUR_MS]) {
      const lost = [...held].filter(() => random() < 0.3);
      for (const uid of lost) held.delete(uid);
      shiftMs += passMs;
      delivery.nudge();
      await expect
        .poll(() => lost.filter((uid) => !held.has(uid)), { timeout: soakTimeout(60_000), interval: 100 })
        .toEqual([]);
      await allConfirmed();
    }
    await delivery.drain();
    expect(held).toEqual(new Set(results.values()));
    expect((await query.rows()).map(({ state: caseState }) => caseState)).toEqual(Array(STUDIES).fill('delivered'));
  },
  soakTimeout(120_000),
);
