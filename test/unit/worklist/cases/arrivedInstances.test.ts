import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/base/clock.ts';
import { createLog } from '../../../../src/base/log.ts';
import { followArrivals } from '../../../../src/infer/followArrivals.ts';
import { claimed, findingsOf, instanceOf, manifestOf, openWorklist, SC, studyUid } from '../fixture.ts';

const slices = (...numbers: number[]) => numbers.map((number) => instanceOf({ number }));
const digests = (instances: readonly { sha256: string }[]) => instances.map(({ sha256 }) => sha256);

it('gives the slices that are not known yet, until the study has its result or is held', async () => {
  const { store } = await openWorklist();
  const arrived = (...known: string[]) => store.arrivedInstances(studyUid(1), new Set(known));
  expect([await arrived(), await store.arrivingStudies()]).toEqual([null, []]);
  const all = slices(1, 2, 3);
  // What is no CT is no slice.
  await store.recordInstances([...all, instanceOf({ number: 4, sopClassUid: SC, manufacturer: 'PACS' })]);
  expect(await store.arrivingStudies()).toEqual([studyUid(1)]);
  const found = (await arrived())!;
  expect([found.isArriving, digests(found.instances).sort()]).toEqual([true, digests(all).sort()]);
  expect(found.instances[0]).toMatchObject({ path: expect.any(String), header: { studyInstanceUid: studyUid(1) } });
  expect(digests((await arrived(all[0]!.sha256, all[2]!.sha256))!.instances)).toEqual([all[1]!.sha256]);

  await store.nudgeComplete([studyUid(1)]);
  const assembling = await claimed(store, 'assemble');
  await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(all) });
  expect(await arrived(...digests(all))).toEqual({ isArriving: false, instances: [] });
  expect(await store.arrivingStudies()).toEqual([]);
  await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.2) });
  expect(await arrived()).toBeNull();
  // More of it has come: it is analysed anew.
  await store.recordInstances(slices(5));
  expect(digests((await arrived(...digests(all)))!.instances)).toEqual(digests(slices(5)));
  await store.recordInstances([instanceOf({ number: 6, patientId: 'ANOTHER' })]);
  expect([await arrived(), await store.arrivingStudies()]).toEqual([null, []]);
});

it('queues each slice once, also of a study that came before the node did, and forgets a study with its result', async () => {
  const { store } = await openWorklist();
  await store.recordInstances(slices(1));
  const told: string[] = [];
  const follower = followArrivals({
    store,
    arrival: {
      add: (instances) => void told.push(...digests(instances)),
      forget: (study) => void told.push(`without ${study}`),
    },
    clock: systemClock,
    log: createLog('silent'),
  });
  onTestFinished(follower.close);
  await expect.poll(() => told).toEqual(digests(slices(1)));
  await store.recordInstances(slices(2));
  await store.recordInstances(slices(3));
  await expect.poll(() => told).toEqual(digests(slices(1, 2, 3)));
  // Complete, and not seen while it came: whoever takes it encodes it.
  const other = instanceOf({ study: 2 });
  await store.recordInstances([other]);
  await store.nudgeComplete([studyUid(2)]);
  const assembling = await claimed(store, 'assemble');
  await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf([other]) });
  await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.2) });
  await expect.poll(() => told.slice(3)).toContain(`without ${studyUid(2)}`);
  await follower.close();
  await store.recordInstances(slices(4));
  expect(told).not.toContain(slices(4)[0]!.sha256);
});
