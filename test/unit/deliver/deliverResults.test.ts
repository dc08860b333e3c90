import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock as clock } from '../../../src/base/clock.ts';
import { readHeader } from '../../../src/dicom/header.ts';
import { createDelivery } from '../../../src/deliver/deliverResults.ts';
import { startLoopbackPacs, type LoopbackFaults, type LoopbackPacs } from '../../../src/demo/loopbackPacs.ts';
import { createLog } from '../../../src/base/log.ts';
import { createDimseScu } from '../../../src/pacs/dimseScu.ts';
import { TriageError } from '../../../src/base/errors.ts';
import type { Pacs, ResultObject, StoreOutcome } from '../../../src/case/delivery.ts';
import { freePort, temporaryDirectory } from '../../interop/dcmtk.ts';
import { ACCESSION_NUMBER, dataSetBytes, PATIENT_ID, writeSampleResults } from '../pacs/sampleObjects.ts';
import { briefly } from '../../soakSize.ts';
import { memoryOutbox } from './memoryOutbox.ts';

const log = createLog('silent');
const identity = { patientId: PATIENT_ID, accessionNumber: ACCESSION_NUMBER };
const RETRY_MS = 60;
let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
let pacs: LoopbackPacs;
let objects: ResultObject[];

beforeEach(async () => {
  temporary = await temporaryDirectory();
  pacs = await startLoopbackPacs({ dir: join(temporary.dir, 'pacs'), port: 0, aeTitle: 'LOOPBACK', clock, log });
  objects = await writeSampleResults(join(temporary.dir, 'results'), '1');
});

afterEach(async () => {
  await pacs.close();
  await temporary.remove();
});

const scuTo = (port: number, name = 'loopback'): Pacs =>
  createDimseScu(
    { name, aeTitle: 'LOOPBACK', host: '127.0.0.1', port, callingAeTitle: 'ODONTOID', timeoutMs: 2_000 },
    { clock, log },
  );

/** Runs a delivery until `done`, then drains it. */
async function deliverUntil(
  outbox: ReturnType<typeof memoryOutbox>,
  destinations: Pacs[],
  done: () => boolean,
  timeout = 8_000,
): Promise<void> {
  const delivery = createDelivery({ store: outbox.store, destinations, clock, log, options: { pollMs: 25 } });
  try {
    await expect.poll(done, { timeout, interval: 10 }).toBe(true);
  } finally {
    await delivery.drain();
  }
}

test('what is due is sent, found and confirmed', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', objects, identity);
  await deliverUntil(outbox, [scuTo(pacs.port)], () => outbox.statuses().every((status) => status === 'confirmed'));
  expect(outbox.rows.map((row) => row.history.map((outcome) => outcome.kind))).toEqual(
    objects.map(() => ['sent', 'confirmed']),
  );
  expect(pacs.objects().map((object) => object.receipts)).toEqual(objects.map(() => 1));
});

test('what is put into the outbox later is seen at once, not at the next poll', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  const delivery = createDelivery({
    store: outbox.store,
    destinations: [scuTo(pacs.port)],
    clock,
    log,
    options: { pollMs: 60_000 },
  });
  await clock.sleep(50);
  outbox.enqueue('loopback', objects, identity);
  await expect.poll(() => outbox.statuses()).toEqual(objects.map(() => 'confirmed'));
  await delivery.drain();
});

test('a PACS that is down is tried again until it is up; another one does not wait for it', async () => {
  const port = await freePort();
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('down', objects, identity);
  outbox.enqueue('loopback', objects, identity);
  const delivery = createDelivery({
    store: outbox.store,
    destinations: [scuTo(port, 'down'), scuTo(pacs.port)],
    clock,
    log,
    options: { pollMs: 25 },
  });
  const ofDown = (): string[] => outbox.statuses().slice(0, objects.length);
  await expect.poll(() => outbox.statuses().slice(objects.length)).toEqual(objects.map(() => 'confirmed'));
  await expect.poll(() => outbox.rows[0]!.history.length).toBeGreaterThan(2);
  expect(ofDown()).toEqual(objects.map(() => 'pending'));
  expect(outbox.rows[0]!.history[0]).toMatchObject({ kind: 'retry', reason: expect.stringMatching(/nothing listens/) });
  const late = await startLoopbackPacs({ dir: join(temporary.dir, 'late'), port, aeTitle: 'LOOPBACK', clock, log });
  await expect.poll(ofDown).toEqual(objects.map(() => 'confirmed'));
  await delivery.drain();
  expect(late.objects()).toHaveLength(objects.length);
  await late.close();
});

test('a PACS that accepts and loses gets the same bytes again', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', objects, identity);
  pacs.faults.acceptAndLose = true;
  const seen = (): string[] => outbox.rows[0]!.history.map((outcome) => outcome.kind);
  await deliverUntil(outbox, [scuTo(pacs.port)], () => seen().includes('retry'));
  expect(seen().slice(0, 3)).toEqual(['sent', 'unconfirmed', 'retry']);
  expect(outbox.statuses()).not.toContain('confirmed');
  pacs.faults.acceptAndLose = false;
  await deliverUntil(outbox, [scuTo(pacs.port)], () => outbox.statuses().every((status) => status === 'confirmed'));
  for (const object of objects) {
    const held = pacs.objects().find((candidate) => candidate.sopInstanceUid === object.sopInstanceUid);
    expect((await dataSetBytes(held!.path)).equals(await dataSetBytes(object.path))).toBe(true);
  }
});

test('a PACS that cannot be asked leaves the result accepted, and it is not sent again', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', objects, identity);
  const scu = scuTo(pacs.port);
  let asked = 0;
  const mute: Pacs = {
    ...scu,
    holds: (...query) =>
      ++asked < 4
        ? Promise.reject(new TriageError('pacs-unreachable', 'It does not answer queries.'))
        : scu.holds(...query),
  };
  await deliverUntil(outbox, [mute], () => outbox.statuses().every((status) => status === 'confirmed'));
  expect(pacs.objects().map((object) => object.receipts)).toEqual(objects.map(() => 1));
});

test('a refusal ends the delivery of that object with its reason; the others arrive', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', objects, identity);
  pacs.faults.rejectSopClasses = [objects[0]!.sopClassUid];
  await deliverUntil(outbox, [scuTo(pacs.port)], () =>
    outbox.statuses().every((status) => status === 'confirmed' || status === 'refused'),
  );
  expect(outbox.statuses()).toEqual(['refused', 'confirmed', 'confirmed']);
  expect(outbox.rows[0]!.history).toEqual([
    { kind: 'refused', status: 'context-rejected', reason: expect.stringContaining(objects[0]!.sopClassUid) },
  ]);
});

/** Sends until nothing waits, with reports that can be written in other SR classes. */
async function deliverInClasses(
  outbox: ReturnType<typeof memoryOutbox>,
  destination: Pacs,
): Promise<(string | undefined)[]> {
  const asked: string[] = [];
  const delivery = createDelivery({
    store: outbox.store,
    destinations: [destination],
    clock,
    log,
    options: { pollMs: 10 },
    inSrClass: (_, sopClassUid) => {
      asked.push(sopClassUid);
      return Promise.resolve({ ...objects[0]!, sopClassUid });
    },
  });
  await expect.poll(() => outbox.statuses().some((status) => /pending|sent/.test(status))).toBe(false);
  await delivery.drain();
  return asked;
}
/** A destination that answers every store alike, and then knows of what `held` says. */
const answering = (outcome: (sopClassUid: string) => StoreOutcome, held = false): Pacs => ({
  name: 'odd',
  echo: () => Promise.resolve(1),
  probe: () => Promise.resolve({ ms: 1, takes: '' }),
  store: (sent) => Promise.resolve(sent.map(({ sopClassUid }) => outcome(sopClassUid))),
  holds: (_study, _series, uids) => Promise.resolve(new Set(held ? uids : [])),
});
const SR = '1.2.840.10008.5.1.4.1.1.88.';

test('a report that is refused class by class is tried down to Basic Text, then left to the card', async () => {
  const outbox = memoryOutbox(5);
  outbox.enqueue('odd', objects.slice(0, 1), identity);
  const lower: Record<string, string> = { [`${SR}34`]: `${SR}33`, [`${SR}33`]: `${SR}22`, [`${SR}22`]: `${SR}11` };
  const refusing = answering((sopClassUid) => ({
    kind: 'refused',
    status: '0x0122',
    reason: `not ${sopClassUid}.`,
    ...(lower[sopClassUid] === undefined ? {} : { lowerSopClassUid: lower[sopClassUid] }),
  }));
  expect(await deliverInClasses(outbox, refusing)).toEqual([`${SR}33`, `${SR}22`, `${SR}11`]);
  expect(outbox.rows.map(({ history }) => history.at(-1)!.kind)).toEqual([
    'other-class',
    'other-class',
    'other-class',
    'no-sr-class',
  ]);
});

test('"cannot understand" leads to a lower class only when it is said again and again', async () => {
  const outbox = memoryOutbox(5);
  outbox.enqueue('odd', objects.slice(0, 1), identity);
  let sent = 0;
  const picky = answering((sopClassUid) => {
    sent += 1;
    if (sopClassUid !== `${SR}34`) return { kind: 'stored', status: '0x0000' };
    // Other troubles in between do not count towards it.
    return sent % 2 === 0 && sent < 8
      ? { kind: 'unreachable', reason: 'nothing listens there.' }
      : { kind: 'unreachable', reason: '0xC000: cannot understand.', lowerSopClassUid: `${SR}33` };
  }, true);
  expect(await deliverInClasses(outbox, picky)).toEqual([`${SR}33`]);
  expect(outbox.rows[0]!.history).toHaveLength(8);
});

test('what a destination may have is looked up before it is sent again', async () => {
  const outbox = memoryOutbox(5);
  outbox.enqueue('odd', objects, identity);
  const silent = answering(() => ({ kind: 'unreachable', reason: 'HTTP 202', mayBeStored: true }), true);
  await deliverInClasses(outbox, silent);
  expect(outbox.rows.map(({ history }) => history.map(({ kind }) => kind))).toEqual(
    objects.map(() => ['sent', 'confirmed']),
  );
});

test.each([
  ['another patient', { patientId: 'SOMEBODY-ELSE' }, 'identity-mismatch'],
  ['another accession', { accessionNumber: 'B-1' }, 'identity-mismatch'],
])('a result of %s than the case is never sent', async (_, difference, status) => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', objects, { ...identity, ...difference });
  await deliverUntil(outbox, [scuTo(pacs.port)], () => outbox.statuses().every((state) => state === 'refused'));
  expect(outbox.rows[0]!.history).toMatchObject([{ kind: 'refused', status }]);
  expect(pacs.objects()).toEqual([]);
});

test('a result of another study than the outbox says, or whose file was changed, is never sent', async () => {
  const [other] = await writeSampleResults(join(temporary.dir, 'results'), '2');
  await writeFile(objects[1]!.path, Buffer.concat([Buffer.alloc(132, 1), Buffer.from('changed')]));
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', [{ ...other!, studyInstanceUid: objects[0]!.studyInstanceUid }, objects[1]!], identity);
  await deliverUntil(outbox, [scuTo(pacs.port)], () => outbox.statuses().every((status) => status === 'refused'));
  expect(outbox.rows.map((row) => row.history[0])).toMatchObject([
    { status: 'identity-mismatch' },
    { status: 'file-changed' },
  ]);
  expect(pacs.objects()).toEqual([]);
});

test('a result in which one bit has changed on disk is never sent, though it can still be read', async () => {
  for (const { path, sopInstanceUid } of objects) {
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    expect(readHeader(bytes).sopInstanceUid).toBe(sopInstanceUid);
    await writeFile(path, bytes);
  }
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', objects, identity);
  await deliverUntil(outbox, [scuTo(pacs.port)], () => outbox.statuses().every((status) => status === 'refused'));
  expect(outbox.rows.map(({ history }) => history[0])).toMatchObject(objects.map(() => ({ status: 'file-changed' })));
  expect(pacs.objects()).toEqual([]);
});

test('a file that cannot be read is waited for', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', [{ ...objects[0]!, path: join(temporary.dir, 'gone.dcm') }], identity);
  await deliverUntil(outbox, [scuTo(pacs.port)], () => outbox.rows[0]!.history.length >= 2);
  expect(outbox.statuses()).toEqual(['pending']);
});

test('drain waits for the answer in hand and takes nothing more', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', objects, identity);
  const scu = scuTo(pacs.port);
  const drains: Promise<void>[] = [];
  const delivery = createDelivery({
    store: outbox.store,
    destinations: [
      {
        ...scu,
        store: (sent) => {
          drains.push(delivery.drain());
          return scu.store(sent);
        },
      },
    ],
    clock,
    log,
    options: { batch: 1 },
  });
  await expect.poll(() => drains.length).toBe(1);
  await drains[0];
  expect(outbox.statuses()).toEqual(['confirmed', 'pending', 'pending']);
});

/** Promises 3 and 4: whatever the PACS does for a while, in the end it holds each result once, with the bytes that were written, and no result is called confirmed before. */
test('whatever goes wrong meanwhile, each result arrives in the end', async () => {
  const fault: fc.Arbitrary<LoopbackFaults> = fc.oneof(
    fc.constant({ rejectAssociations: true }),
    fc.constant({ acceptAndLose: true }),
    fc.constant({ storeStatus: 0xa700 }),
    fc.constant({ storeStatus: 0xc001 }),
    fc.nat(3).map((dropAfterObjects) => ({ dropAfterObjects })),
    fc.constant({}),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fault, fc.integer({ min: 10, max: 120 })), { maxLength: 5 }),
      fc.integer({ min: 1, max: 5 }),
      async (faults, batch) => {
        const dir = join(temporary.dir, `run-${run++}`);
        await mkdir(dir);
        const archive = await startLoopbackPacs({ dir, port: 0, aeTitle: 'LOOPBACK', clock, log });
        const outbox = memoryOutbox(15);
        outbox.enqueue('loopback', objects, identity);
        const falselyConfirmed = (): boolean =>
          outbox.rows.some(
            (row) =>
              row.status === 'confirmed' &&
              !archive.objects().some((object) => object.sopInstanceUid === row.delivery.object.sopInstanceUid),
          );
        const start = () =>
          createDelivery({
            store: outbox.store,
            destinations: [scuTo(archive.port)],
            clock,
            log,
            options: { batch, pollMs: 10 },
          });
        try {
          for (const [change, forMs] of faults) {
            for (const key of Object.keys(archive.faults)) Reflect.deleteProperty(archive.faults, key);
            Object.assign(archive.faults, change);
            // The agent is restarted at each change.
            const delivery = start();
            await clock.sleep(forMs);
            await delivery.drain();
            expect(falselyConfirmed()).toBe(false);
          }
          for (const key of Object.keys(archive.faults)) Reflect.deleteProperty(archive.faults, key);
          const delivery = start();
          await expect.poll(() => outbox.statuses(), { interval: 10 }).toEqual(objects.map(() => 'confirmed'));
          await delivery.drain();
          expect(
            archive
              .objects()
              .map((object) => object.sopInstanceUid)
              .sort(),
          ).toEqual(objects.map((object) => object.sopInstanceUid).sort());
        } finally {
          await archive.close();
        }
      },
    ),
    { numRuns: briefly(15) },
  );
}, 60_000);

/** A destination that commits, if at all, by what it reports later. */
const silent = (wishes: Partial<Pacs> = {}): Pacs => ({
  name: 'silent',
  echo: () => Promise.resolve(1),
  probe: () => Promise.resolve({ ms: 1, takes: '' }),
  store: (sent) => Promise.resolve(sent.map(() => ({ kind: 'stored' as const, status: '0x0000' }))),
  holds: (_study, _series, uids) => Promise.resolve(new Set(uids)),
  commit: () => Promise.resolve(null),
  ...wishes,
});

test('a transaction is on record before the destination hears of it, and closed by a report that comes at once', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('silent', objects, identity);
  const heard: [transactionUid: string, asked: string[]][] = [];
  const committing = silent({
    commit: (asked, transactionUid) => {
      heard.push([transactionUid, [...outbox.asked]]);
      return Promise.resolve({ committed: new Set(asked.map((one) => one.sopInstanceUid)), failed: new Map() });
    },
  });
  await deliverUntil(outbox, [committing], () => outbox.settled.length > 0);
  expect(heard).toEqual([[outbox.asked[0], [outbox.asked[0]]]]);
  expect(outbox.settled).toEqual(outbox.asked);
  for (const { history } of outbox.rows)
    expect(history.at(-1)).toMatchObject({ kind: 'confirmed', receipt: 'committed' });
});

test.each([
  ['a query found it', true, 'unconfirmed', /^Found by a query, but not committed .*0x0112.*looked up again/],
  ['it was accepted, and nobody can be asked', false, 'lost', /^Accepted, but not committed .*0x0112.*sent again/],
])('a failure that is reported after %s', async (_what, canBeAsked, kind, reason) => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('silent', objects, identity);
  const isConfirmed = () => outbox.statuses().every((status) => status === 'confirmed');
  await deliverUntil(outbox, [silent({ canBeAsked })], isConfirmed);
  const [first, ...others] = outbox.rows;
  outbox.reports.push({ transactionUid: '2.25.1', committed: others, failed: [[first!, 0x0112]] });
  await deliverUntil(outbox, [silent({ canBeAsked, store: () => Promise.resolve([]) })], () =>
    outbox.settled.includes('2.25.1'),
  );
  expect(first!.history.find((outcome) => 'reason' in outcome)).toMatchObject({
    kind,
    reason: expect.stringMatching(reason),
  });
  for (const { history } of others) expect(history.at(-1)).toMatchObject({ kind: 'confirmed', receipt: 'committed' });
});

test('destinations come and go while it runs, and one that goes has its answer before another takes its place', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  const order: string[] = [];
  let answer = (): void => undefined;
  const before = silent({
    store: async (sent) => {
      order.push('before');
      await new Promise<void>((resolve) => (answer = resolve));
      return sent.map(() => ({ kind: 'unreachable', reason: 'It answers no more.' }));
    },
  });
  const after = silent({
    store: (sent) => {
      order.push(`after, ${outbox.rows[0]!.history.length} answers`);
      return Promise.resolve(sent.map(() => ({ kind: 'stored', status: '0x0000' })));
    },
  });
  outbox.enqueue('silent', objects, identity);
  const options = { pollMs: 5 };
  const delivery = createDelivery({ store: outbox.store, destinations: [before], clock, log, options });
  await expect.poll(() => order).toEqual(['before']);
  const changed = delivery.serve([after]);
  await clock.sleep(40);
  expect(order).toEqual(['before']);
  answer();
  await changed;
  await expect.poll(() => outbox.statuses()).toEqual(objects.map(() => 'confirmed'));
  // The two are due a moment apart, and perhaps served in two passes.
  expect(order.slice(0, 2)).toEqual(['before', 'after, 1 answers']);
  const passes = order.length;

  // One that stays is not disturbed; one that is gone gets nothing.
  await delivery.serve([after, silent({ name: 'another' })]);
  await delivery.serve([]);
  outbox.enqueue('silent', objects, identity);
  await clock.sleep(40);
  expect(order).toHaveLength(passes);
  await delivery.drain();
});

test('a destination that somebody else has gets nothing, until it can be claimed', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', objects, identity);
  const claims: string[] = [];
  let isFree = false;
  const delivery = createDelivery({
    store: outbox.store,
    destinations: [scuTo(pacs.port)],
    claim: (name) => {
      claims.push(name);
      return Promise.resolve(isFree ? new AbortController().signal : null);
    },
    clock,
    log,
    options: { pollMs: 5 },
  });
  await expect.poll(() => claims.length).toBeGreaterThan(3);
  expect([new Set(claims), pacs.objects()]).toEqual([new Set(['loopback']), []]);
  isFree = true;
  await expect.poll(() => outbox.statuses()).toEqual(objects.map(() => 'confirmed'));
  await delivery.drain();
});

test('a destination that is lost while it is sent to gets nothing more, and whoever claims it next sends the rest', async () => {
  const outbox = memoryOutbox(RETRY_MS);
  outbox.enqueue('loopback', objects, identity);
  const [lost, kept] = [new AbortController(), new AbortController()];
  let claims = 0;
  pacs.onStored(() => lost.abort());
  const delivery = createDelivery({
    store: outbox.store,
    destinations: [scuTo(pacs.port)],
    claim: () => Promise.resolve((claims += 1) === 1 ? lost.signal : kept.signal),
    clock,
    log,
    options: { pollMs: 5 },
  });
  await expect.poll(() => claims).toBeGreaterThan(1);
  // Whether the answer for the first still came is chance.
  expect(outbox.rows.slice(1).map(({ history }) => history[0]?.kind)).toEqual(objects.slice(1).map(() => 'retry'));
  await expect.poll(() => outbox.statuses()).toEqual(objects.map(() => 'confirmed'));
  await delivery.drain();
  expect(
    pacs
      .objects()
      .slice(1)
      .map(({ receipts }) => receipts),
  ).toEqual(objects.slice(1).map(() => 1));
});
