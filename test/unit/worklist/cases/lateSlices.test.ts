import { expect, test } from 'vitest';
import { createCaseStore } from '../../../../src/worklist/cases/caseStore.ts';
import { seededRandom } from '../../../../src/base/random.ts';
import { soakSeed, soakTimeout, tries } from '../../../soakSize.ts';
import { findingsOf, instanceOf, manifestOf, objectsOf, openWorklist, studyUid } from '../fixture.ts';

const QUIET_MS = 20_000;
const SERIES = tries('LATE_SERIES', 12);

test(
  `${SERIES} series whose last slices come after 0.5, 1 and 2 x the quiet time, over restarts too: no partial result stands as the result`,
  async () => {
    const random = seededRandom('late slices', String(soakSeed())).next;
    const { clock, database, query } = await openWorklist();
    const options = { destinations: ['pacs'], quietMs: QUIET_MS };
    let store = createCaseStore(database, clock, options);
    /** How many slices each revision of a study was assembled from. */
    const assembledFrom = new Map<string, number>();
    /** The PACS: results by study, in the order in which they came. */
    const archive = new Map<string, number[]>();

    const workOff = async (): Promise<void> => {
      for (;;) {
        const assembling = await store.claim('assemble', 60_000);
        if (assembling === null) break;
        const { studyInstanceUid, revision } = assembling.record;
        assembledFrom.set(`${studyInstanceUid} ${revision}`, assembling.instances.length);
        await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
      }
      for (let claim = await store.claim('infer', 60_000); claim !== null; claim = await store.claim('infer', 60_000))
        await store.apply(claim, { type: 'inferred', findings: findingsOf(0.8) });
      for (
        let claim = await store.claim('report', 60_000);
        claim !== null;
        claim = await store.claim('report', 60_000)
      ) {
        const { accessionNumber, revision } = claim.record;
        await store.apply(claim, { type: 'reported', objects: objectsOf(accessionNumber.slice(2), revision) });
      }
    };
    const deliver = async (): Promise<void> => {
      for (const due of await store.dueDeliveries('pacs', 1_000)) {
        const { kind, studyInstanceUid, path } = due.object;
        // The fixture names its files after the revision.
        const revision = Number(/sr-(\d+)/.exec(path)?.[1]);
        if (due.state === 'pending' && kind === 'sr')
          archive.set(studyInstanceUid, [...(archive.get(studyInstanceUid) ?? []), revision]);
        await store.recordDelivery(due.id, { kind: 'sent', status: '0000' });
        await store.recordDelivery(due.id, { kind: 'confirmed' });
      }
    };

    for (let series = 1; series <= SERIES; series++) {
      const uid = studyUid(series);
      const gap = [0.5, 1, 2][series % 3]!;
      const [whole, late] = [4 + Math.floor(random() * 12), 1 + Math.floor(random() * 3)];
      const receive = (from: number, to: number) =>
        store.recordInstances(
          Array.from({ length: to - from }, (_, index) =>
            instanceOf({ study: series, number: from + index + 1, receivedAtMs: clock.now() }),
          ),
        );
      await receive(0, whole - late);
      clock.advance(gap * QUIET_MS);
      if (series % 2 === 0) {
        store = createCaseStore(database, clock, options);
        await store.endEarlierLeases();
      }
      await workOff();
      // Some are delivered before the rest comes, some are not.
      if (series % 5 < 3) await deliver();
      if (gap < 1) expect(assembledFrom.has(`${uid} 1`), `series ${series}`).toBe(false);

      await receive(whole - late, whole);
      // From this moment on nothing that was made of fewer slices counts.
      const [row] = (await query.rows()).filter(({ studyInstanceUid }) => studyInstanceUid === uid);
      expect([row!.state, row!.probability]).toEqual(['receiving', null]);
      clock.advance(QUIET_MS + 1);
      await workOff();
      await deliver();

      const { row: last, results } = await query.caseDetail(uid);
      expect([last.state, last.revision, assembledFrom.get(`${uid} ${last.revision}`)]).toEqual([
        'delivered',
        gap < 1 ? 1 : 2,
        whole,
      ]);
      expect(results.length).toBeGreaterThan(0);
      // A partial report that the PACS has is followed by the whole one, which comes last.
      expect(archive.get(uid)!.at(-1)).toBe(last.revision);
    }
  },
  soakTimeout(60_000),
);
