import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import type { Pacs, ResultObject } from '../../src/case/delivery.ts';
import { createDelivery, type DeliveryPorts } from '../../src/deliver/deliverResults.ts';
import { startLoopbackPacs, type LoopbackFaults, type LoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import { readHeader } from '../../src/dicom/header.ts';
import { createDimseScu, type DimseDestination } from '../../src/pacs/dimseScu.ts';
import { writeRejectionNote } from '../../src/report/rejectionNote.ts';
import { writeSrForm } from '../../src/report/srForm.ts';
import { claimed, openWorklist, studyUid, toInferred, type Worklist } from '../unit/worklist/fixture.ts';
import { writeSampleResults } from '../unit/pacs/sampleObjects.ts';
import { freePort, runTool, startServer, temporaryDirectory } from './dcmtk.ts';

/**
 * Archives as hospitals have them: what each takes, and what it must then get. Each is a real DCMTK storescp with a configuration file of its own.
 */
interface Archive {
  /** Names of presentation contexts in storescp's configuration. */
  takes: readonly string[];
  transferSyntaxes: readonly string[];
  /** What a test of the connection says before anything is sent. */
  probe: { takes: string } | { error: RegExp };
  /** The SR that arrives; null for none. */
  sr: { sopClassUid: string; name: string } | null;
  transferSyntaxUid: string;
  captures: boolean;
}

const EXPLICIT = '1.2.840.10008.1.2.1';
const IMPLICIT = '1.2.840.10008.1.2';
const COMPREHENSIVE_3D = { sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34', name: 'Comprehensive 3D SR' };
const COMPREHENSIVE = { sopClassUid: '1.2.840.10008.5.1.4.1.1.88.33', name: 'Comprehensive SR' };
const ENHANCED = { sopClassUid: '1.2.840.10008.5.1.4.1.1.88.22', name: 'Enhanced SR' };
const BASIC_TEXT = { sopClassUid: '1.2.840.10008.5.1.4.1.1.88.11', name: 'Basic Text SR' };
const BOTH = ['LocalEndianExplicit', 'LittleEndianImplicit'];
const CAPTURE = 'SecondaryCaptureImageStorage';

const ARCHIVES: Record<string, Archive> = {
  'takes every class': {
    probe: { takes: 'takes Comprehensive 3D SR; takes Secondary Capture' },
    takes: ['Comprehensive3DSRStorage', 'ComprehensiveSRStorage', 'EnhancedSRStorage', 'BasicTextSRStorage', CAPTURE],
    transferSyntaxes: BOTH,
    sr: COMPREHENSIVE_3D,
    transferSyntaxUid: EXPLICIT,
    captures: true,
  },
  'takes no Comprehensive 3D SR': {
    probe: { takes: 'takes Comprehensive SR; takes Secondary Capture' },
    takes: ['ComprehensiveSRStorage', 'EnhancedSRStorage', 'BasicTextSRStorage', CAPTURE],
    transferSyntaxes: BOTH,
    sr: COMPREHENSIVE,
    transferSyntaxUid: EXPLICIT,
    captures: true,
  },
  'takes Enhanced and Basic Text SR': {
    probe: { takes: 'takes Enhanced SR; takes Secondary Capture' },
    takes: ['BasicTextSRStorage', 'EnhancedSRStorage', CAPTURE],
    transferSyntaxes: BOTH,
    sr: ENHANCED,
    transferSyntaxUid: EXPLICIT,
    captures: true,
  },
  'takes Basic Text SR only': {
    probe: { takes: 'takes Basic Text SR; takes Secondary Capture' },
    takes: ['BasicTextSRStorage', CAPTURE],
    transferSyntaxes: BOTH,
    sr: BASIC_TEXT,
    transferSyntaxUid: EXPLICIT,
    captures: true,
  },
  'takes Implicit VR only': {
    probe: { takes: 'takes Comprehensive 3D SR in Implicit VR; takes Secondary Capture in Implicit VR' },
    takes: ['Comprehensive3DSRStorage', CAPTURE],
    transferSyntaxes: ['LittleEndianImplicit'],
    sr: COMPREHENSIVE_3D,
    transferSyntaxUid: IMPLICIT,
    captures: true,
  },
  'takes Basic Text SR in Implicit VR only': {
    probe: { takes: 'takes Basic Text SR in Implicit VR; takes Secondary Capture in Implicit VR' },
    takes: ['BasicTextSRStorage', CAPTURE],
    transferSyntaxes: ['LittleEndianImplicit'],
    sr: BASIC_TEXT,
    transferSyntaxUid: IMPLICIT,
    captures: true,
  },
  'takes no SR': {
    probe: { takes: 'takes no SR, so that the triage card stands for the report; takes Secondary Capture' },
    takes: [CAPTURE],
    transferSyntaxes: BOTH,
    sr: null,
    transferSyntaxUid: EXPLICIT,
    captures: true,
  },
  'takes reports and no pictures': {
    probe: { error: /takes no Secondary Capture.*destinations\[\]\.objects/ },
    takes: ['EnhancedSRStorage'],
    transferSyntaxes: BOTH,
    sr: ENHANCED,
    transferSyntaxUid: EXPLICIT,
    captures: false,
  },
  'takes nothing that we write': {
    probe: { error: /takes no SR class, and there is no triage card/ },
    takes: ['CTImageStorage'],
    transferSyntaxes: BOTH,
    sr: null,
    transferSyntaxUid: EXPLICIT,
    captures: false,
  },
};

const HOUR_MS = 3_600_000;
const log = createLog('silent');
let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
const stops: (() => Promise<void>)[] = [];
beforeEach(async () => {
  temporary = await temporaryDirectory();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await temporary.remove();
});

/** Starts the archive; what it has is in its folder, as Part 10 files. */
async function startArchive(
  { takes, transferSyntaxes }: Archive,
  change: Partial<DimseDestination> = {},
): Promise<{ pacs: Pacs; dir: string }> {
  const dir = join(temporary.dir, 'archive');
  await mkdir(dir);
  const configuration = join(temporary.dir, 'storescp.cfg');
  const contexts = [...takes, 'VerificationSOPClass'].map(
    (name, index) => `PresentationContext${index + 1} = ${name}\\Syntaxes`,
  );
  await writeFile(
    configuration,
    [
      '[[TransferSyntaxes]]',
      '[Syntaxes]',
      ...transferSyntaxes.map((name, index) => `TransferSyntax${index + 1} = ${name}`),
      '[[PresentationContexts]]',
      '[Contexts]',
      ...contexts,
      '[[Profiles]]',
      '[Default]',
      'PresentationContexts = Contexts',
      '',
    ].join('\n'),
  );
  const port = await freePort();
  const server = await startServer(
    'storescp',
    ['-xf', configuration, 'Default', '+B', '-od', dir, '-aet', 'ARCHIVE', String(port)],
    [port],
    { env: { TCP_NODELAY: '1' } },
  );
  stops.push(() => server.stop());
  const pacs = createDimseScu(
    {
      name: 'pacs',
      aeTitle: 'ARCHIVE',
      host: '127.0.0.1',
      port,
      callingAeTitle: 'ODONTOID',
      timeoutMs: 10_000,
      confirm: 'none',
      ...change,
    },
    { clock: systemClock, log },
  );
  return { pacs, dir };
}

async function heldIn(dir: string) {
  const held = await Promise.all((await readdir(dir)).map(async (name) => readHeader(await readFile(join(dir, name)))));
  return held.map(({ sopClassUid, sopInstanceUid, transferSyntaxUid }) => ({
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
  }));
}

/** Puts a study with a report, a card and a key slice into the outbox of a real worklist. */
async function reported(): Promise<{ worklist: Worklist; objects: ResultObject[] }> {
  const worklist = await openWorklist();
  await toInferred(worklist, 1, 0.9);
  const objects = await sampleResults(1);
  await worklist.store.apply(await claimed(worklist.store, 'report'), { type: 'reported', objects });
  return { worklist, objects };
}

function sampleResults(revision: number): Promise<ResultObject[]> {
  return writeSampleResults(
    join(temporary.dir, 'results'),
    `revision ${revision}`,
    2,
    {},
    {
      StudyInstanceUID: studyUid(1),
      PatientID: 'P-1',
      AccessionNumber: 'A-1',
    },
  );
}

const inSrClass =
  ({ store }: Worklist): NonNullable<DeliveryPorts['inSrClass']> =>
  async ({ id }, sopClassUid) => {
    const { report, predecessor } = await store.reportOfDelivery(id);
    return writeSrForm(join(temporary.dir, 'results'), report, sopClassUid, predecessor);
  };

/** Delivers until nothing waits. */
async function deliverAll(worklist: Worklist, pacs: Pacs, ports: Partial<DeliveryPorts> = {}): Promise<void> {
  const delivery = createDelivery({
    store: worklist.store,
    destinations: [pacs],
    clock: systemClock,
    log,
    inSrClass: inSrClass(worklist),
    options: { pollMs: 25 },
    ...ports,
  });
  const open = async () => (await rowOf(worklist)).deliveries.filter(({ status }) => /pending|sent/.test(status));
  await expect.poll(open, { interval: 20 }).toEqual([]);
  await delivery.drain();
}

const rowOf = async ({ query }: Worklist) => (await query.caseDetail(studyUid(1))).row;

test.each(Object.entries(ARCHIVES))('an archive that %s gets the best that it takes', async (_, archive) => {
  const { worklist, objects } = await reported();
  const { pacs, dir } = await startArchive(archive);
  if ('takes' in archive.probe) await expect(pacs.probe()).resolves.toMatchObject({ takes: archive.probe.takes });
  else await expect(pacs.probe()).rejects.toThrow(archive.probe.error);
  expect(await readdir(dir)).toEqual([]);
  await deliverAll(worklist, pacs);

  const held = await heldIn(dir);
  const reports = held.filter(({ sopClassUid }) => sopClassUid.includes('.88.'));
  expect(reports.map(({ sopClassUid }) => sopClassUid)).toEqual(archive.sr === null ? [] : [archive.sr.sopClassUid]);
  expect(held.length - reports.length).toBe(archive.captures ? 2 : 0);
  expect(new Set(held.map(({ transferSyntaxUid }) => transferSyntaxUid))).toEqual(
    held.length === 0 ? new Set() : new Set([archive.transferSyntaxUid]),
  );
  // Each class has a SOP Instance UID of its own.
  const isBest = archive.sr === COMPREHENSIVE_3D;
  for (const { sopInstanceUid } of reports) expect(sopInstanceUid === objects[0]!.sopInstanceUid).toBe(isBest);

  const { state, deliveries } = await rowOf(worklist);
  // storescp answers no query, and offers no commitment.
  for (const { status, receipt } of deliveries) expect(receipt).toBe(status === 'confirmed' ? 'accepted' : null);
  const arrived = deliveries.filter(({ kind, status }) => kind === 'sr' && status === 'confirmed');
  expect(arrived.map(({ sopClass, isLowerClass }) => [sopClass, isLowerClass])).toEqual(
    archive.sr === null ? [] : [[archive.sr.name, !isBest]],
  );
  const [original] = deliveries;
  if (archive.sr === null && archive.captures)
    expect(original).toMatchObject({ status: 'closed', lastStatus: 'no-sr-class' });
  else if (archive.sr === null) expect(original).toMatchObject({ status: 'refused', lastStatus: 'context-rejected' });
  else if (!isBest) expect(original).toMatchObject({ status: 'closed', lastStatus: 'other-class' });
  expect(state).toBe(archive.captures ? 'delivered' : 'reported');
});

test.each(['LocalEndianExplicit', 'LittleEndianImplicit'])(
  'an archive that cannot read UTF-8 gets ISO_IR 100, and a person is told what is lost (%s)',
  async (transferSyntax) => {
    const { worklist } = await reported();
    const { pacs, dir } = await startArchive(
      { ...ARCHIVES['takes every class']!, transferSyntaxes: [transferSyntax] },
      { characterSet: 'ISO_IR 100' },
    );
    await deliverAll(worklist, pacs);
    for (const name of await readdir(dir)) {
      // In the bytes of the archive's file: DCMTK's tools convert nothing.
      const { stdout } = await runTool('dcmdump', ['-Un', '+P', '0008,0005', '+P', '0010,0010', join(dir, name)]);
      expect(stdout).toContain('[ISO_IR 100]');
      expect((await readFile(join(dir, name))).includes(Buffer.from('M\xfcller^Zo\xeb', 'latin1'))).toBe(true);
    }
    const { state, deliveries } = await rowOf(worklist);
    expect(state).toBe('delivered');
    expect(deliveries.map(({ remark }) => remark)).toEqual(
      deliveries.map((): unknown => expect.stringContaining('Its character set lacks letters')),
    );
  },
);

test('a crash at either side of the record leaves one report, under the same UID', async () => {
  const { worklist } = await reported();
  const { pacs, dir } = await startArchive(ARCHIVES['takes Basic Text SR only']!);
  let crashes = 0;
  const written: string[] = [];
  const crashing: DeliveryPorts['store'] = {
    ...worklist.store,
    recordDelivery: async (id, outcome) => {
      if (outcome.kind !== 'other-class') return worklist.store.recordDelivery(id, outcome);
      written.push(outcome.object.sopInstanceUid);
      crashes += 1;
      // Once before the database knows of the new file, once after.
      if (crashes === 2) await worklist.store.recordDelivery(id, outcome);
      if (crashes <= 2) throw new Error('killed');
      return 'recorded';
    },
  };
  await deliverAll(worklist, pacs, { store: crashing });
  expect(crashes).toBe(2);
  expect(new Set(written).size).toBe(1);
  const reports = (await heldIn(dir)).filter(({ sopClassUid }) => sopClassUid.includes('.88.'));
  expect(reports.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([written[0]]);
  expect((await rowOf(worklist)).state).toBe('delivered');
});

test('a later report names the one that the archive has, in the class that it has', async () => {
  const { worklist } = await reported();
  const { pacs, dir } = await startArchive(ARCHIVES['takes Basic Text SR only']!);
  await deliverAll(worklist, pacs);
  const [first] = (await heldIn(dir)).filter(({ sopClassUid }) => sopClassUid.includes('.88.'));
  await toInferred(worklist, 1, 0.8, 4);
  await worklist.store.apply(await claimed(worklist.store, 'report'), {
    type: 'reported',
    objects: await sampleResults(2),
  });
  await deliverAll(worklist, pacs);
  const reports = (await heldIn(dir)).filter(({ sopClassUid }) => sopClassUid.includes('.88.'));
  expect(reports).toHaveLength(2);
  const later = reports.find(({ sopInstanceUid }) => sopInstanceUid !== first!.sopInstanceUid)!;
  const name = (await readdir(dir)).find((file) => file.includes(later.sopInstanceUid))!;
  const { stdout } = await runTool('dcmdump', ['-Un', '+P', '0040,a360', join(dir, name)]);
  expect(stdout).toContain(`[${first!.sopInstanceUid}]`);
  expect(stdout).toContain(`[${BASIC_TEXT.sopClassUid}]`);
});

test('an archive that wants it gets a rejection note for what a newer result replaces, once and after the result', async () => {
  const everything = { report: true, card: true, heatmaps: true, onlySuspected: false };
  const worklist = await openWorklist({ wishes: new Map([['pacs', { ...everything, rejectReplaced: true }]]) });
  const archive = ARCHIVES['takes Basic Text SR only']!;
  const { pacs, dir } = await startArchive({
    ...archive,
    takes: [...archive.takes, 'KeyObjectSelectionDocumentStorage'],
  });
  const results = join(temporary.dir, 'results');
  const written: string[] = [];
  const noteReplaced: DeliveryPorts['noteReplaced'] = async ({ id }) => {
    const found = await worklist.store.replacedBy(id);
    if (found === null) return;
    const note = await writeRejectionNote(results, found.report, found.replaced);
    written.push(note.sopInstanceUid);
    // The first time it dies before the note is on record.
    if (written.length === 1) throw new Error('killed');
    await worklist.store.addNote(id, note);
  };
  const deliverRevision = async (revision: number) => {
    await toInferred(worklist, 1, 0.9, 2 + revision);
    const objects = await sampleResults(revision);
    await worklist.store.apply(await claimed(worklist.store, 'report'), { type: 'reported', objects });
    await deliverAll(worklist, pacs, { noteReplaced });
    return (await heldIn(dir)).map(({ sopInstanceUid }) => sopInstanceUid);
  };
  const first = await deliverRevision(1);
  expect(written).toEqual([]);
  const second = await deliverRevision(2);
  const third = await deliverRevision(3);
  expect((await rowOf(worklist)).state).toBe('delivered');
  // Written again after the crash, as the same file.
  expect(written).toHaveLength(3);
  expect(written[0]).toBe(written[1]);
  const rejectedBy = async (uid: string) => {
    const name = (await readdir(dir)).find((file) => file.includes(uid))!;
    const { stdout } = await runTool('dcmdump', ['-Un', '+P', '0040,a375', join(dir, name)]);
    return [...stdout.matchAll(/\(0008,1155\) UI \[([\d.]+)\]/g)].map(([, rejected]) => rejected!).sort();
  };
  const isNote = (uid: string) => written.includes(uid);
  const added = (now: string[], before: string[]) => now.filter((uid) => !before.includes(uid) && !isNote(uid)).sort();
  expect(third.filter(isNote)).toHaveLength(2);
  expect(await rejectedBy(written[1]!)).toEqual(first.sort());
  expect(await rejectedBy(written[2]!)).toEqual(added(second, first));
});

describe('archives that take everything, with habits of their own', () => {
  async function startLoopback(
    faults: LoopbackFaults,
    change: Partial<DimseDestination> = {},
  ): Promise<{ pacs: Pacs; archive: LoopbackPacs }> {
    const dir = join(temporary.dir, 'loopback');
    const archive = await startLoopbackPacs({ dir, port: 0, aeTitle: 'HABITS', clock: systemClock, log });
    stops.push(() => archive.close());
    Object.assign(archive.faults, faults);
    const pacs = createDimseScu(
      {
        name: 'pacs',
        aeTitle: 'HABITS',
        host: '127.0.0.1',
        port: archive.port,
        callingAeTitle: 'ODONTOID',
        timeoutMs: 10_000,
        ...change,
      },
      { clock: systemClock, log },
    );
    return { pacs, archive };
  }

  test('one that answers 0xB000 has the result, and the warning is on record', async () => {
    const { worklist } = await reported();
    const { pacs } = await startLoopback({ warning: 0xb000 });
    await deliverAll(worklist, pacs);
    const { state, deliveries } = await rowOf(worklist);
    expect(state).toBe('delivered');
    expect(deliveries.map(({ lastStatus, remark }) => [lastStatus, remark])).toEqual(
      deliveries.map(() => ['0xB000', null]),
    );
  });

  test('one that files the study under another Patient ID has it, and a person is told', async () => {
    const { worklist } = await reported();
    const { pacs } = await startLoopback({ patientId: 'MERGED-7' });
    await deliverAll(worklist, pacs);
    const { state, deliveries } = await rowOf(worklist);
    expect(state).toBe('delivered');
    expect(deliveries.map(({ remark }) => remark)).toEqual(
      deliveries.map((): unknown => expect.stringContaining('another Patient ID')),
    );
    // The words are ours: another patient's number is not copied into the row.
    expect(JSON.stringify(deliveries)).not.toContain('MERGED-7');
  });

  test('one that accepts and never lists is sent to a few times, more and more rarely, and then only asked', async () => {
    const { worklist } = await reported();
    const { clock, store } = worklist;
    const { pacs, archive } = await startLoopback({ neverLists: true });
    const sends: number[] = [];
    const began = clock.now();
    let asked = 0;
    // One pass of the loop at each due time, over a month.
    while (clock.now() - began < 30 * 24 * HOUR_MS) {
      const before = archive.objects()[0]?.receipts ?? 0;
      const delivery = createDelivery({ store, destinations: [pacs], clock: systemClock, log, options: { pollMs: 5 } });
      await expect.poll(() => store.dueDeliveries('pacs', 10), { timeout: 10_000, interval: 5 }).toEqual([]);
      await delivery.drain();
      asked += 1;
      if ((archive.objects()[0]?.receipts ?? 0) > before) sends.push(clock.now() - began);
      clock.advance(24 * HOUR_MS);
    }
    expect(sends).toHaveLength(8);
    expect(asked).toBe(30);
    const { state, deliveries } = await rowOf(worklist);
    expect(state).toBe('reported');
    expect(deliveries[0]).toMatchObject({ status: 'sent', lastError: expect.stringContaining('Accepted 8 times') });
    // Once it lists, the next look finds it.
    archive.faults.neverLists = false;
    await deliverAll(worklist, pacs);
    expect((await rowOf(worklist)).state).toBe('delivered');
  });

  const receiptsOf = async (worklist: Worklist) => (await rowOf(worklist)).deliveries.map(({ receipt }) => receipt);

  test.each([
    ['after its response', {}],
    ['before its response', { reportsFirst: true }],
  ])('one that reports a commitment %s is not asked anything else', async (_, faults) => {
    const { worklist } = await reported();
    // A query would find nothing, so that only the commitment can be the receipt.
    const { pacs } = await startLoopback({ ...faults, neverLists: true }, { commitment: true });
    expect((await pacs.probe()).takes).toMatch(/; offers Storage Commitment; answers C-FIND$/);
    await deliverAll(worklist, pacs);
    expect((await rowOf(worklist)).state).toBe('delivered');
    expect(await receiptsOf(worklist)).toEqual(['committed', 'committed', 'committed']);
  });

  test('one that does not commit to a result gets it again', async () => {
    const { worklist, objects } = await reported();
    const { pacs, archive } = await startLoopback({ acceptAndLose: true }, { commitment: true });
    const report = await pacs.commit!(objects, '2.25.77');
    // 0x0112: no such object instance (PS3.3 C.14.1.1).
    expect([...report!.failed]).toEqual(objects.map(({ sopInstanceUid }) => [sopInstanceUid, 0x0112]));
    const { store, clock } = worklist;
    const delivery = createDelivery({ store, destinations: [pacs], clock: systemClock, log, options: { pollMs: 20 } });
    await expect
      .poll(async () => (await rowOf(worklist)).deliveries.map(({ lastError }) => lastError), { timeout: 10_000 })
      .toEqual(objects.map((): unknown => expect.stringContaining('Failure Reason 0x0112')));
    archive.faults.acceptAndLose = false;
    clock.advance(HOUR_MS);
    await expect.poll(async () => (await rowOf(worklist)).state, { timeout: 10_000 }).toBe('delivered');
    await delivery.drain();
    expect(archive.objects()).toHaveLength(objects.length);
  });

  test('one that does not report at once is looked up, and what it reports later counts, in part too', async () => {
    const { worklist, objects } = await reported();
    const { pacs } = await startLoopback({ neverReports: true }, { commitment: true });
    const transactions: string[] = [];
    const store: DeliveryPorts['store'] = {
      ...worklist.store,
      noteCommitmentAsked: async (asked) => {
        transactions.push(asked.transactionUid);
        await worklist.store.noteCommitmentAsked(asked);
      },
    };
    await deliverAll(worklist, pacs, { store });
    expect(await receiptsOf(worklist)).toEqual(['found', 'found', 'found']);

    const [first, second, third] = objects.map(({ sopInstanceUid }) => sopInstanceUid);
    const report = { committed: new Set([first!, second!]), failed: new Map([[third!, 0x0110]]) };
    expect(await worklist.store.takeCommitmentReport(transactions[0]!, report)).toBe('taken');
    const delivery = createDelivery({ store, destinations: [pacs], clock: systemClock, log, options: { pollMs: 20 } });
    const said = async () =>
      new Map((await rowOf(worklist)).deliveries.map((one) => [one.sopInstanceUid, [one.receipt, one.lastError]]));
    await expect.poll(said, { timeout: 10_000 }).toEqual(
      new Map<string, unknown[]>([
        [first!, ['committed', null]],
        [second!, ['committed', null]],
        [third!, ['found', expect.stringContaining('not committed (Failure Reason 0x0110)')]],
      ]),
    );
    await delivery.drain();
  }, 30_000);
});
