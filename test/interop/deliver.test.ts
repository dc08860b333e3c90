import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock as clock } from '../../src/base/clock.ts';
import { createDelivery } from '../../src/deliver/deliverResults.ts';
import { startLoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import { readHeader } from '../../src/dicom/header.ts';
import { derivedUid } from '../../src/dicom/uids.ts';
import { createLog } from '../../src/base/log.ts';
import { createDicomWeb } from '../../src/pacs/dicomWeb.ts';
import { createDimseScu, type DimseDestination } from '../../src/pacs/dimseScu.ts';
import { sendFiles } from '../../src/pacs/sendFiles.ts';
import type { Pacs, ResultObject } from '../../src/case/delivery.ts';
import { memoryOutbox } from '../unit/deliver/memoryOutbox.ts';
import {
  ACCESSION_NUMBER,
  dataSetBytes,
  PATIENT_ID,
  PATIENT_NAME,
  writeSampleResults,
} from '../unit/pacs/sampleObjects.ts';
import { freePort, runTool, startServer, temporaryDirectory, type RunningTool } from './dcmtk.ts';
import { startOrthanc, type Orthanc } from './orthanc.ts';

const log = createLog('silent');
const identity = { patientId: PATIENT_ID, accessionNumber: ACCESSION_NUMBER };
let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  temporary = await temporaryDirectory();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await temporary.remove();
});

function scuTo(aeTitle: string, port: number, change: Partial<DimseDestination> = {}): Pacs {
  return createDimseScu(
    { name: 'pacs', aeTitle, host: '127.0.0.1', port, callingAeTitle: 'ODONTOID', timeoutMs: 10_000, ...change },
    { clock, log },
  );
}

async function dcmtkServer(command: string, args: readonly string[], port: number, cwd: string): Promise<RunningTool> {
  await mkdir(cwd, { recursive: true });
  const server = await startServer(command, args, [port], { cwd, env: { TCP_NODELAY: '1' } });
  stops.push(() => server.stop());
  return server;
}

/** The data set bytes of every Part 10 file in `dir`, by SOP Instance UID. */
async function dataSetsIn(dir: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const name of await readdir(dir)) {
    const path = join(dir, name);
    const { sopInstanceUid } = readHeader(await readFile(path));
    found.set(sopInstanceUid, await dataSetBytes(path));
  }
  return found;
}

describe('Orthanc', () => {
  let orthancDir: Awaited<ReturnType<typeof temporaryDirectory>>;
  let orthanc: Orthanc;
  let study = 0;
  let objects: ResultObject[];
  const users = { agent: 'a secret' };
  const headers = { Authorization: `Basic ${Buffer.from('agent:a secret').toString('base64')}` };

  beforeAll(async () => {
    orthancDir = await temporaryDirectory();
    orthanc = await startOrthanc({ dir: orthancDir.dir, dicomWeb: true, users });
  });
  afterAll(async () => {
    await orthanc.stop();
    await orthancDir.remove();
  });
  beforeEach(async () => {
    objects = await writeSampleResults(join(temporary.dir, 'results'), `orthanc ${++study}`);
  });

  const web = (change: object = {}): Pacs =>
    createDicomWeb(
      { name: 'web', url: orthanc.dicomWebUrl, headers: () => headers, timeoutMs: 10_000, ...change },
      { clock, log },
    );

  /** What Orthanc's own storage gives back. */
  async function heldBytes(object: ResultObject): Promise<Buffer> {
    const found = (await (
      await fetch(`${orthanc.httpUrl}/tools/find`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ Level: 'Instance', Query: { SOPInstanceUID: object.sopInstanceUid } }),
      })
    ).json()) as string[];
    expect(found).toHaveLength(1);
    const file = Buffer.from(
      await (await fetch(`${orthanc.httpUrl}/instances/${found[0]!}/file`, { headers })).arrayBuffer(),
    );
    return withExplicitLengths(file);
  }

  /** Data set bytes with explicit lengths of sequences: what comes by C-STORE, Orthanc parses and writes anew, and that is all it may change. */
  async function withExplicitLengths(file: Buffer): Promise<Buffer> {
    const [from, to] = [join(temporary.dir, 'from.dcm'), join(temporary.dir, 'to.dcm')];
    await writeFile(from, file);
    expect(await runTool('dcmconv', ['+e', from, to])).toMatchObject({ exitCode: 0 });
    return dataSetBytes(to);
  }

  const ways: [string, () => Pacs][] = [
    ['DIMSE', () => scuTo('ORTHANC', orthanc.dicomPort)],
    ['DICOMweb', () => web()],
  ];

  test.each(ways)('%s: echo, store, held, and the same bytes come out', async (_, connect) => {
    const pacs = connect();
    await expect(pacs.echo()).resolves.toBeGreaterThan(0);
    expect((await pacs.probe()).takes).toMatch(/takes Comprehensive 3D SR.*answers C-FIND|answers STOW-RS and QIDO-RS/);
    expect(await pacs.store(objects)).toEqual(objects.map(() => ({ kind: 'stored', status: '0x0000' })));
    expect(await pacs.filedUnder!(objects[0]!.studyInstanceUid)).toMatch(/-4711$/);
    const [sr, ...captures] = objects;
    const asked = [...captures.map((object) => object.sopInstanceUid), derivedUid('never sent')];
    expect(await pacs.holds(sr!.studyInstanceUid, captures[0]!.seriesInstanceUid, asked)).toEqual(
      new Set(asked.slice(0, -1)),
    );
    expect(await pacs.holds(derivedUid('unknown study'), sr!.seriesInstanceUid, [sr!.sopInstanceUid])).toEqual(
      new Set(),
    );
    for (const object of objects)
      expect((await heldBytes(object)).equals(await withExplicitLengths(await readFile(object.path)))).toBe(true);
    // A second time the same: still stored, still once.
    expect((await pacs.store(objects)).map((outcome) => outcome.kind)).toEqual(objects.map(() => 'stored'));
    for (const object of objects)
      expect((await heldBytes(object)).equals(await withExplicitLengths(await readFile(object.path)))).toBe(true);
  });

  test('the patient keeps the accented and Japanese name in Orthanc', async () => {
    await scuTo('ORTHANC', orthanc.dicomPort).store(objects);
    const found = (await (
      await fetch(`${orthanc.httpUrl}/tools/find`, {
        method: 'POST',
        headers,
        body: JSON.stringify({
          Level: 'Study',
          Expand: true,
          Query: { StudyInstanceUID: objects[0]!.studyInstanceUid },
        }),
      })
    ).json()) as { PatientMainDicomTags: Record<string, string> }[];
    expect(found[0]!.PatientMainDicomTags).toMatchObject({ PatientID: PATIENT_ID, PatientName: PATIENT_NAME });
  });

  test.each(ways)('%s: delivered by the loop', async (_, connect) => {
    const outbox = memoryOutbox(100);
    const pacs = connect();
    outbox.enqueue(pacs.name, objects, identity);
    const delivery = createDelivery({ store: outbox.store, destinations: [pacs], clock, log });
    await expect.poll(() => outbox.statuses(), { timeout: 20_000 }).toEqual(objects.map(() => 'confirmed'));
    await delivery.drain();
  });

  test('a query longer than a page is read to its end', async () => {
    const many = await writeSampleResults(join(temporary.dir, 'many'), `many ${++study}`, 230, {
      Rows: 4,
      Columns: 4,
      PixelData: new ArrayBuffer(48),
    });
    const captures = many.slice(1);
    const outcomes = await sendFiles(
      {
        name: 'orthanc',
        aeTitle: 'ORTHANC',
        host: '127.0.0.1',
        port: orthanc.dicomPort,
        callingAeTitle: 'ODONTOID',
        timeoutMs: 10_000,
      },
      captures.map((object) => object.path),
      { clock },
      { associations: 2 },
    );
    expect(outcomes.every(({ outcome }) => outcome.kind === 'stored')).toBe(true);
    const uids = captures.map((object) => object.sopInstanceUid);
    expect((await web().holds(many[0]!.studyInstanceUid, captures[0]!.seriesInstanceUid, uids)).size).toBe(uids.length);
    expect(
      (await scuTo('ORTHANC', orthanc.dicomPort).holds(many[0]!.studyInstanceUid, captures[0]!.seriesInstanceUid, uids))
        .size,
    ).toBe(uids.length);
  });

  test('wrong credentials and a wrong address are told apart', async () => {
    await expect(web({ headers: () => ({}) }).echo()).rejects.toThrow(/HTTP 401: .*check auth/);
    await expect(web({ url: `${orthanc.httpUrl}/nowhere` }).echo()).rejects.toThrow(/HTTP 404: .*check url/);
    expect((await web({ headers: () => ({}) }).store(objects))[0]).toMatchObject({
      kind: 'unreachable',
      reason: expect.stringMatching(/check auth/),
    });
  });

  test('a wrong called AE title is told', async () => {
    const strictDir = await temporaryDirectory();
    const strict = await startOrthanc({ dir: strictDir.dir, configuration: { DicomCheckCalledAet: true } });
    stops.push(
      () => strict.stop(),
      () => strictDir.remove(),
    );
    await expect(scuTo('NOTME', strict.dicomPort).echo()).rejects.toThrow(/it is not called "NOTME"/);
    await expect(scuTo('ORTHANC', strict.dicomPort).echo()).resolves.toBeGreaterThan(0);
  });

  test('an Orthanc that is stopped and started again gets its results', async () => {
    const port = await freePort();
    const dir = join(temporary.dir, 'restarted');
    const pacs = scuTo('ORTHANC', port);
    const outbox = memoryOutbox(200);
    outbox.enqueue(pacs.name, objects, identity);
    const delivery = createDelivery({ store: outbox.store, destinations: [pacs], clock, log });
    await expect.poll(() => outbox.rows[0]!.history.length, { timeout: 10_000 }).toBeGreaterThan(1);
    expect(outbox.statuses()).toEqual(objects.map(() => 'pending'));
    const late = await startOrthanc({ dir, dicomPort: port });
    stops.push(() => late.stop());
    await expect.poll(() => outbox.statuses(), { timeout: 20_000 }).toEqual(objects.map(() => 'confirmed'));
    await delivery.drain();
    expect(await late.get('/instances')).toHaveLength(objects.length);
  });
});

/** Passes everything on to `port`, until `limitBytes` have come from clients: then it stops for good reading from that one, and calls `onLimit`. */
async function relayTo(port: number, limitBytes: number, onLimit: () => void): Promise<number> {
  let left = limitBytes;
  const relay = createServer((client) => {
    const onward = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, onward],
      [onward, client],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
    onward.pipe(client);
    client.on('data', (bytes) => {
      const isReached = left > 0 && left <= bytes.length;
      left -= bytes.length;
      onward.write(bytes);
      if (!isReached) return;
      client.pause();
      onLimit();
    });
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  stops.push(() => new Promise<void>((resolve) => relay.close(() => resolve())));
  return (relay.address() as AddressInfo).port;
}

test.each(['DIMSE', 'DICOMweb'])(
  '%s: an Orthanc that is killed in the middle of a send has each result once in the end',
  async (way) => {
    const objects = await writeSampleResults(join(temporary.dir, 'results'), `killed ${way}`);
    const options = { dir: join(temporary.dir, 'killed'), dicomWeb: true, dicomPort: await freePort() };
    const first = await startOrthanc(options);
    stops.push(() => first.stop());
    let killed: Promise<void> | undefined;
    // The report and the first picture are through, half of the second is.
    const port = await relayTo(way === 'DIMSE' ? first.dicomPort : first.httpPort, 300_000, () => {
      killed = first.server.stop('SIGKILL');
    });
    const pacs =
      way === 'DIMSE'
        ? scuTo('ORTHANC', port)
        : createDicomWeb(
            { name: 'pacs', url: `http://127.0.0.1:${port}/dicom-web`, headers: () => ({}), timeoutMs: 10_000 },
            { clock, log },
          );
    const outbox = memoryOutbox(200);
    outbox.enqueue(pacs.name, objects, identity);
    const delivery = createDelivery({ store: outbox.store, destinations: [pacs], clock, log });
    await expect.poll(() => killed !== undefined, { timeout: 20_000 }).toBe(true);
    await killed;
    expect(outbox.statuses()).not.toContain('confirmed');
    const again = await startOrthanc({ ...options, httpPort: first.httpPort });
    stops.push(() => again.stop());
    await expect.poll(() => outbox.statuses(), { timeout: 20_000 }).toEqual(objects.map(() => 'confirmed'));
    await delivery.drain();
    const held = (await again.get('/instances?expand')) as { MainDicomTags: { SOPInstanceUID: string } }[];
    expect(held.map(({ MainDicomTags }) => MainDicomTags.SOPInstanceUID).sort()).toEqual(
      objects.map(({ sopInstanceUid }) => sopInstanceUid).sort(),
    );
  },
);

describe('DCMTK', () => {
  test('storescp keeps the bytes as they are; it cannot be queried, so "confirm: none" is for it', async () => {
    const port = await freePort();
    const out = join(temporary.dir, 'out');
    await dcmtkServer('storescp', ['+B', '-od', out, '-aet', 'STORESCP', String(port)], port, out);
    const objects = await writeSampleResults(join(temporary.dir, 'results'), '1');
    const pacs = scuTo('STORESCP', port);
    await expect(pacs.echo()).resolves.toBeGreaterThan(0);
    expect(await pacs.store(objects)).toEqual(objects.map(() => ({ kind: 'stored', status: '0x0000' })));
    const kept = await dataSetsIn(out);
    expect(kept.size).toBe(objects.length);
    for (const object of objects)
      expect(kept.get(object.sopInstanceUid)?.equals(await dataSetBytes(object.path))).toBe(true);
    await expect(
      pacs.holds(objects[0]!.studyInstanceUid, objects[0]!.seriesInstanceUid, [objects[0]!.sopInstanceUid]),
    ).rejects.toThrow(/C-FIND.*does not support the SOP class.*confirm: none/);
    await expect(pacs.probe()).rejects.toThrow(/C-FIND.*does not support the SOP class.*confirm: none/);
    const trusting = scuTo('STORESCP', port, { confirm: 'none' });
    expect(
      await trusting.holds(objects[0]!.studyInstanceUid, objects[0]!.seriesInstanceUid, [objects[0]!.sopInstanceUid]),
    ).toEqual(new Set([objects[0]!.sopInstanceUid]));
  });

  test('a storescp that takes our SOP classes in another transfer syntax only refuses by name', async () => {
    const port = await freePort();
    const out = join(temporary.dir, 'out');
    const profile = join(temporary.dir, 'storescp.cfg');
    await writeFile(
      profile,
      [
        '[[TransferSyntaxes]]',
        '[Compressed]',
        'TransferSyntax1 = JPEGLossless:Non-hierarchical-1stOrderPrediction',
        '[[PresentationContexts]]',
        '[Ours]',
        'PresentationContext1 = Comprehensive3DSRStorage\\Compressed',
        'PresentationContext2 = SecondaryCaptureImageStorage\\Compressed',
        '[[Profiles]]',
        '[Default]',
        'PresentationContexts = Ours',
        '',
      ].join('\n'),
    );
    await dcmtkServer('storescp', ['-xf', profile, 'Default', '--ignore', '-aet', 'STORESCP', String(port)], port, out);
    const objects = await writeSampleResults(join(temporary.dir, 'results'), '1', 1);
    expect(await scuTo('STORESCP', port).store(objects)).toMatchObject(
      objects.map(({ sopClassUid }) => ({
        kind: 'refused',
        status: 'context-rejected',
        reason: expect.stringMatching(
          new RegExp(
            `${sopClassUid.replaceAll('.', '\\.')} in transfer syntax 1\\.2\\.840\\.10008\\.1\\.2\\.1 .*does not support the transfer syntax`,
          ),
        ),
      })),
    );
  });

  test.each([
    ['refuses the association', ['--refuse'], /rejected the association/],
    ['aborts in the middle', ['--abort-during'], /abort|cut/],
    ['aborts after the last byte', ['--abort-after'], /abort|cut/],
    ['sleeps longer than the limit', ['--sleep-during', '5'], /no answer to the request within 1000 ms/],
  ])('a storescp that %s: nothing is called stored', async (_, faults, reason) => {
    const port = await freePort();
    await dcmtkServer(
      'storescp',
      ['--ignore', ...faults, '-aet', 'STORESCP', String(port)],
      port,
      join(temporary.dir, 'out'),
    );
    const objects = await writeSampleResults(join(temporary.dir, 'results'), '1');
    const outcomes = await scuTo('STORESCP', port, { timeoutMs: 1_000 }).store(objects);
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(objects.map(() => 'unreachable'));
    expect(outcomes[0]).toMatchObject({ reason: expect.stringMatching(reason) });
  });

  test('dcmqrscp: stored and found by C-FIND; an unknown calling AE title is told', async () => {
    const port = await freePort();
    const dir = join(temporary.dir, 'qr');
    await mkdir(join(dir, 'db'), { recursive: true });
    const configuration = join(dir, 'dcmqrscp.cfg');
    await writeFile(
      configuration,
      [
        'NetworkTCPPort = ' + String(port),
        'MaxPDUSize = 16384',
        'MaxAssociations = 16',
        'HostTable BEGIN',
        'agent = (ODONTOID, 127.0.0.1, 104)',
        'HostTable END',
        'VendorTable BEGIN',
        'VendorTable END',
        'AETable BEGIN',
        `QRSCP ${join(dir, 'db')} RW (200, 1024mb) agent`,
        'AETable END',
        '',
      ].join('\n'),
    );
    await dcmtkServer('dcmqrscp', ['-c', configuration, '--require-find', '--disable-host-lookup'], port, dir);
    const objects = await writeSampleResults(join(temporary.dir, 'results'), '1');
    const pacs = scuTo('QRSCP', port);
    await expect(pacs.echo()).resolves.toBeGreaterThan(0);
    expect(await pacs.store(objects)).toEqual(objects.map(() => ({ kind: 'stored', status: '0x0000' })));
    const captures = objects.slice(1).map((object) => object.sopInstanceUid);
    expect(
      await pacs.holds(objects[1]!.studyInstanceUid, objects[1]!.seriesInstanceUid, [
        ...captures,
        derivedUid('never sent'),
      ]),
    ).toEqual(new Set(captures));
    expect(await pacs.holds(objects[0]!.studyInstanceUid, objects[0]!.seriesInstanceUid, captures)).toEqual(new Set());
    const [outcome] = await scuTo('QRSCP', port, { callingAeTitle: 'STRANGER' }).store(objects);
    expect(outcome).toMatchObject({
      kind: 'unreachable',
      reason: expect.stringMatching(/rejected the association|abort|cut/),
    });
  });

  test('the demo PACS answers DCMTK: echo, store, find at each level', async () => {
    const pacs = await startLoopbackPacs({ dir: join(temporary.dir, 'pacs'), port: 0, aeTitle: 'DEMO', clock, log });
    stops.push(() => pacs.close());
    const objects = await writeSampleResults(join(temporary.dir, 'results'), '1');
    const peer = ['-aec', 'DEMO', '127.0.0.1', String(pacs.port)];
    const [echoed, stored] = [
      await runTool('echoscu', peer),
      await runTool('storescu', ['-R', ...peer, ...objects.map((object) => object.path)]),
    ];
    expect([echoed.exitCode, stored.exitCode]).toEqual([0, 0]);
    expect(pacs.objects().map((object) => object.sopInstanceUid)).toEqual(
      objects.map((object) => object.sopInstanceUid),
    );
    const study = objects[0]!.studyInstanceUid;
    const find = async (level: string, ...keys: string[]): Promise<string> => {
      const result = await runTool('findscu', [
        '-S',
        '-v',
        '-k',
        `QueryRetrieveLevel=${level}`,
        ...keys.flatMap((key) => ['-k', key]),
        ...peer,
      ]);
      expect(result.exitCode).toBe(0);
      return result.stdout + result.stderr;
    };
    const answers = (text: string): number =>
      text.match(/Find Response: \d+ \(Pending\)|Find Response \d+/g)?.length ?? 0;
    expect(answers(await find('STUDY', 'StudyInstanceUID', 'PatientName'))).toBe(1);
    expect(answers(await find('SERIES', `StudyInstanceUID=${study}`, 'SeriesInstanceUID'))).toBe(2);
    expect(
      answers(
        await find(
          'IMAGE',
          `StudyInstanceUID=${study}`,
          `SeriesInstanceUID=${objects[1]!.seriesInstanceUid}`,
          'SOPInstanceUID',
        ),
      ),
    ).toBe(2);
    expect(
      await find('IMAGE', `StudyInstanceUID=${study}`, `SOPInstanceUID=${objects[0]!.sopInstanceUid}`, 'SOPClassUID'),
    ).toContain('=Comprehensive3DSRStorage');
    expect(answers(await find('STUDY', 'StudyInstanceUID=1.2.3'))).toBe(0);
  });
});
