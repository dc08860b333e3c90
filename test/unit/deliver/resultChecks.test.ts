import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createDelivery } from '../../../src/deliver/deliverResults.ts';
import { startLoopbackPacs } from '../../../src/demo/loopbackPacs.ts';
import { createLog } from '../../../src/base/log.ts';
import { createDimseScu } from '../../../src/pacs/dimseScu.ts';
import { dataSetBytes, writeSampleResults } from '../pacs/sampleObjects.ts';
import { claimed, openWorklist, studyUid, temporaryFolder, toInferred } from '../worklist/fixture.ts';

const log = createLog('silent');
const HOUR_MS = 3_600_000;

/** Promise 4 after the confirmation: worklist, wire and archive are real, only the time is the test's. */
it('sends the same bytes again when the PACS has lost, an hour later, what it had confirmed', async () => {
  const folder = await temporaryFolder();
  const archiveDir = join(folder, 'pacs');
  const startPacs = (port: number) =>
    startLoopbackPacs({ dir: archiveDir, port, aeTitle: 'LOOPBACK', clock: systemClock, log });
  let pacs = await startPacs(0);
  onTestFinished(() => pacs.close());

  const worklist = await openWorklist({ destinations: ['loopback'] });
  const { store, query, clock } = worklist;
  await toInferred(worklist, 7, 0.9);
  const objects = await writeSampleResults(
    join(folder, 'results'),
    '7',
    1,
    {},
    { StudyInstanceUID: studyUid(7), PatientID: 'P-7', AccessionNumber: 'A-7' },
  );
  await store.apply(await claimed(store, 'report'), { type: 'reported', objects });

  const scu = createDimseScu(
    {
      name: 'loopback',
      aeTitle: 'LOOPBACK',
      host: '127.0.0.1',
      port: pacs.port,
      callingAeTitle: 'ODONTOID',
      timeoutMs: 2_000,
    },
    { clock: systemClock, log },
  );
  let asked = 0;
  const counted: typeof scu = { ...scu, holds: (...query) => (asked++, scu.holds(...query)) };
  const delivery = createDelivery({
    store,
    destinations: [counted],
    clock: { ...systemClock, now: () => clock.now() },
    log,
    options: { pollMs: 20 },
  });
  onTestFinished(() => delivery.drain());
  const row = async () => (await query.caseDetail(studyUid(7))).row;
  const statuses = async () => (await row()).deliveries.map(({ status }) => status);
  await expect.poll(statuses, { timeout: 10_000 }).toEqual(['confirmed', 'confirmed']);
  expect((await row()).state).toBe('delivered');
  const askedAtDelivery = asked;

  // The archive loses one object; nobody has asked yet, so nothing happens.
  const [lost, kept] = objects;
  const before = await dataSetBytes(lost!.path);
  const { port } = pacs;
  await pacs.close();
  await rm(join(archiveDir, `${lost!.sopInstanceUid}.dcm`));
  pacs = await startPacs(port);
  clock.advance(HOUR_MS - 1);
  await systemClock.sleep(100);
  expect(asked).toBe(askedAtDelivery);

  clock.advance(1);
  await expect
    .poll(
      () =>
        pacs
          .objects()
          .map(({ sopInstanceUid }) => sopInstanceUid)
          .sort(),
      { timeout: 10_000 },
    )
    .toEqual([lost, kept].map((object) => object!.sopInstanceUid).sort());
  await expect.poll(statuses, { timeout: 10_000 }).toEqual(['confirmed', 'confirmed']);
  const again = pacs.objects().find(({ sopInstanceUid }) => sopInstanceUid === lost!.sopInstanceUid)!;
  expect((await dataSetBytes(again.path)).equals(before)).toBe(true);
  expect(await readFile(lost!.path)).toHaveLength(lost!.sizeBytes);
  // What was still there was asked for, not sent.
  expect(pacs.objects().find(({ sopInstanceUid }) => sopInstanceUid === kept!.sopInstanceUid)!.receipts).toBe(1);
  const { events } = await query.caseDetail(studyUid(7));
  expect(events.filter(({ type }) => type === 'resultLost')).toHaveLength(1);
}, 30_000);
