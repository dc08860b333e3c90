import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { startLoopbackPacs, type LoopbackPacs } from '../../../src/demo/loopbackPacs.ts';
import { readHeader } from '../../../src/dicom/header.ts';
import { createLog } from '../../../src/base/log.ts';
import { createDimseScu } from '../../../src/pacs/dimseScu.ts';
import { generatePhantom } from '../../../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { writeIneligibleStudy, writePhantomStudy } from '../../../src/phantom/writePhantomStudy.ts';
import { addStudy, studyUid } from '../../browser/seededWorklist.ts';
import { instanceOf } from '../worklist/facts.ts';
import { startWeb } from './webFixture.ts';

const log = createLog('silent');
const clock = systemClock;

async function temporary(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'odontoid-admin-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function pacsIn(dir: string): Promise<LoopbackPacs> {
  const pacs = await startLoopbackPacs({ dir, port: 0, aeTitle: 'TESTPACS', clock, log });
  onTestFinished(() => pacs.close());
  return pacs;
}

const post = (url: string, body?: unknown): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  });

test('a destination and a source answer to an echo, or say what is wrong and what to do', async () => {
  const dir = await temporary();
  const pacs = await pacsIn(join(dir, 'pacs'));
  const config = configFrom({
    receive: {
      sources: [
        { aeTitle: 'CT1', addresses: ['10.0.0.5'], echo: { host: '127.0.0.1', port: pacs.port } },
        { aeTitle: 'CT2', addresses: ['10.0.0.6'] },
      ],
    },
    destinations: [
      { name: 'pacs', kind: 'dimse', aeTitle: 'TESTPACS', host: '127.0.0.1', port: pacs.port },
      { name: 'wrong-title', kind: 'dimse', aeTitle: 'OTHER', host: '127.0.0.1', port: pacs.port },
      { name: 'web', kind: 'dicomweb', url: 'http://user:secret@127.0.0.1:1/dicom-web' },
    ],
  });
  const scu = (aeTitle: string) =>
    createDimseScu(
      { name: aeTitle, aeTitle, host: '127.0.0.1', port: pacs.port, callingAeTitle: 'ODONTOID', timeoutMs: 2_000 },
      { clock, log },
    );
  const web = await startWeb({
    admin: {
      config,
      echoes: () => [
        { ...scu('TESTPACS'), name: 'pacs' },
        { ...scu('OTHER'), name: 'wrong-title' },
      ],
      echoSource: (source) => (source.echo === undefined ? null : () => scu('TESTPACS').echo()),
    },
  });
  const { url } = web;
  await addStudy(web, { id: 'a', outcome: 0.9, receipt: 'refused' });
  const found = (await (await post(`${url}/api/connections/destination/pacs/echo`)).json()) as Record<string, unknown>;
  expect(found).toMatchObject({ ok: true, error: null, ms: expect.any(Number) as number });
  expect(await (await post(`${url}/api/connections/destination/wrong-title/echo`)).json()).toMatchObject({
    ok: false,
    ms: null,
    error: expect.stringMatching(/check the AE title of the PACS/) as string,
  });
  expect(await (await post(`${url}/api/connections/source/CT1/echo`)).json()).toMatchObject({ ok: true });
  expect((await post(`${url}/api/connections/source/CT2/echo`)).status).toBe(400);
  expect((await post(`${url}/api/connections/destination/nowhere/echo`)).status).toBe(404);

  await web.access.audit.append({
    action: 'association.rejected',
    actor: 'STRANGER',
    address: '10.9.9.9',
    detail: { why: 'the calling AE title is not among the sources', count: 3 },
  });
  // The newest stands first, and two of one millisecond have no order.
  await clock.sleep(2);
  for (const count of [2, 5])
    await web.access.audit.append({
      action: 'context.refused',
      actor: 'CT1',
      address: '10.0.0.7',
      detail: {
        what: '1.3.12.2.1107.5.9.1',
        why: 'it is no Storage SOP class, and no private one that is listed',
        count,
      },
    });
  const { destinations, sources, rejections } = (await (await fetch(`${url}/api/connections`)).json()) as Record<
    string,
    Record<string, unknown>[]
  >;
  expect(destinations!.map(({ name, address, echo }) => [name, address, (echo as { ok: boolean } | null)?.ok])).toEqual(
    [
      ['pacs', `TESTPACS@127.0.0.1:${pacs.port}`, true],
      ['wrong-title', `OTHER@127.0.0.1:${pacs.port}`, false],
      // No credentials leave the agent.
      ['web', 'http://127.0.0.1:1/dicom-web', undefined],
    ],
  );
  expect(sources!.map(({ aeTitle, echoAddress }) => [aeTitle, echoAddress])).toEqual([
    ['CT1', `127.0.0.1:${pacs.port}`],
    ['CT2', null],
  ]);
  expect(rejections).toMatchObject([
    {
      kind: 'context',
      callingAeTitle: 'CT1',
      what: '1.3.12.2.1107.5.9.1',
      count: 7,
      advice: 'Nothing, unless it is a private class to be kept: then add it to receive.acceptedSopClasses.',
    },
    {
      kind: 'association',
      callingAeTitle: 'STRANGER',
      address: '10.9.9.9',
      why: 'the calling AE title is not among the sources',
      count: 3,
      advice: 'If it may send, add it to receive.sources.',
    },
  ]);
  expect((await web.access.audit.page({ action: 'peer.echoed' }, 10)).map(({ target }) => target)).toEqual([
    'CT1',
    'wrong-title',
    'pacs',
  ]);
});

test('the tester says what the agent would do with a file, by its own rules, and keeps nothing', async () => {
  const dir = await temporary();
  const config = configFrom({
    receive: { sources: [{ aeTitle: 'CT1', addresses: ['10.0.0.0/24'] }] },
    destinations: [{ name: 'pacs', kind: 'dimse', aeTitle: 'P', host: '127.0.0.1', port: 104 }],
  });
  const web = await startWeb({ admin: { config } });
  const phantom = generatePhantom(drawPhantomParams(3, { rows: 64, columns: 64, slices: 5, fractures: 'none' }));
  const axial = await writePhantomStudy(phantom, { dir: join(dir, 'axial') });
  const scout = await writeIneligibleStudy(phantom, { dir: join(dir, 'scout'), uidSeed: 'scout' });
  const ask = async (
    body: string | Uint8Array<ArrayBuffer>,
    sender: Record<string, string> = {},
  ): Promise<{
    status: number;
    json: {
      accepted: boolean;
      analysed: boolean;
      file: Record<string, unknown> | null;
      steps: { step: string; outcome: string; code: string | null; text: string }[];
    };
  }> => {
    const query = new URLSearchParams({
      callingAeTitle: 'CT1',
      calledAeTitle: 'ODONTOID',
      address: '10.0.0.7',
      ...sender,
    });
    const response = await fetch(`${web.url}/api/routing-test?${query.toString()}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/dicom' },
      body,
    });
    return { status: response.status, json: (await response.json()) as never };
  };
  const slice = new Uint8Array(await readFile(axial.files[0]!.path));

  const good = await ask(slice);
  expect(good.json).toMatchObject({
    accepted: true,
    analysed: true,
    file: { modality: 'CT', studyInstanceUid: axial.studyInstanceUid },
  });
  expect(good.json.steps.map(({ step, outcome }) => [step, outcome])).toEqual([
    ['association', 'yes'],
    ['presentation', 'yes'],
    ['file', 'yes'],
    ['patient', 'yes'],
    ['selection', 'yes'],
    ['kind', 'yes'],
    ['slice', 'yes'],
    ['series', 'open'],
    ['destinations', 'yes'],
  ]);
  expect(good.json.steps.at(-1)!.text).toContain('pacs');
  // One slice cannot tell it: the step says when it is judged, and what is judged then.
  expect(good.json.steps.find(({ step }) => step === 'series')!.text).toMatch(
    /^Judged only when the series is whole\. It needs \d+ to \d+ such slices, evenly spaced/,
  );

  const localizer = await ask(new Uint8Array(await readFile(scout.files[0]!.path)));
  expect(localizer.json).toMatchObject({ accepted: true, analysed: false });
  expect(localizer.json.steps).toContainEqual({
    step: 'slice',
    outcome: 'no',
    code: 'localizer',
    text: 'It is kept with its study and not analysed: a localizer.',
  });

  const stranger = await ask(slice, { callingAeTitle: 'CT9' });
  expect(stranger.json.accepted).toBe(false);
  expect(stranger.json.steps[0]).toMatchObject({
    step: 'association',
    outcome: 'no',
    text: expect.stringContaining('1/1/3') as string,
  });
  expect((await ask(slice, { address: '192.168.1.1' })).json.accepted).toBe(false);

  const text = await ask('no DICOM at all');
  expect(text.json).toMatchObject({ accepted: false, file: null });
  expect(text.json.steps.at(-1)).toMatchObject({
    step: 'file',
    outcome: 'no',
    code: 'dicom-unreadable',
    text: expect.stringContaining('0xC000') as string,
  });

  // The same study on record with another patient.
  await web.store.recordInstances([
    {
      header: { ...readHeader(slice), patientId: 'ANOTHER', sopInstanceUid: '1.2.9' },
      path: 'x',
      sha256: 'ff',
      sizeBytes: 1,
      receivedAtMs: clock.now(),
      sourceAeTitle: 'CT1',
    },
  ]);
  const conflict = await ask(slice);
  expect(conflict.json.steps.at(-1)).toMatchObject({ step: 'patient', outcome: 'no', code: 'identity-conflict' });
  expect((await web.query.caseDetail(axial.studyInstanceUid)).instances.received).toBe(1);

  expect((await ask('')).status).toBe(400);
  const asForm = await fetch(`${web.url}/api/routing-test?callingAeTitle=A&calledAeTitle=B&address=c`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain' },
    body: 'x',
  });
  expect(asForm.status).toBe(415);
});

test('a file that is too large for the tester is refused while it is read', async () => {
  const web = await startWeb({ admin: { config: configFrom({ receive: { maxObjectBytes: 1_048_576 } }) } });
  const response = await fetch(`${web.url}/api/routing-test?callingAeTitle=A&calledAeTitle=B&address=127.0.0.1`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/dicom' },
    body: new Uint8Array(1_048_577),
  });
  expect(response.status).toBe(413);
});

test('what waits for a person is listed, and a retry makes it due', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'sound', outcome: 0.1, receipt: 'confirmed' });
  await addStudy(web, { id: 'refused', outcome: 0.9, receipt: 'refused', patientName: 'Doe^Refused' });
  await addStudy(web, { id: 'held', outcome: 0.2 });
  await web.store.recordInstances([instanceOf({ study: 'held', number: 9, patientId: 'ANOTHER' })]);
  const read = async () =>
    (await (await fetch(`${web.url}/api/troubles`)).json()) as Record<string, Record<string, unknown>[]>;
  const before = await read();
  expect(await (await fetch(`${web.url}/api/troubles/count`)).json()).toMatchObject({ waiting: 2 });
  expect(before['held']).toMatchObject([
    {
      studyInstanceUid: studyUid('held'),
      reason: expect.stringContaining('patient ID') as string,
      delivered: [],
      aside: [{ patientId: 'ANOTHER', objects: 1 }],
    },
  ]);
  expect(before['deliveries']).toMatchObject([
    {
      studyInstanceUid: studyUid('refused'),
      destination: 'PACS',
      refused: 2,
      waiting: 0,
      nextAttemptAtMs: null,
      error: 'SOP class not supported',
    },
  ]);
  expect(
    (await web.store.dueDeliveries('PACS', 100)).filter(
      ({ object }) => object.studyInstanceUid === studyUid('refused'),
    ),
  ).toEqual([]);

  expect((await post(`${web.url}/api/cases/${studyUid('refused')}/retry-deliveries`, { reason: 'x' })).status).toBe(
    400,
  );
  expect(
    await (
      await post(`${web.url}/api/cases/${studyUid('refused')}/retry-deliveries`, { reason: 'The PACS takes SC now' })
    ).json(),
  ).toEqual({ due: 2 });
  expect(
    (await web.store.dueDeliveries('PACS', 100)).filter(
      ({ object }) => object.studyInstanceUid === studyUid('refused'),
    ),
  ).toHaveLength(2);

  expect(
    (
      await post(`${web.url}/api/cases/${studyUid('held')}/release`, {
        use: 'first',
        reason: 'Typing error at the scanner',
      })
    ).status,
  ).toBe(204);
  expect((await read())['held']).toEqual([]);
  expect((await web.access.audit.page({ action: 'case.quarantineReleased' }, 10)).map(({ target }) => target)).toEqual([
    studyUid('held'),
  ]);

  const leave = (study: string) =>
    post(`${web.url}/api/cases/${studyUid(study)}/leave-as-is`, { reason: 'Images of a test object' });
  expect((await leave('sound')).status).toBe(404);
  for (const { id } of await web.store.dueDeliveries('PACS', 100))
    await web.store.recordDelivery(id, { kind: 'refused', status: '0122', reason: 'SOP class not supported' });
  expect((await read())['deliveries']).toMatchObject([{ refused: 2 }, { studyInstanceUid: studyUid('held') }]);
  expect((await leave('refused')).status).toBe(204);
  expect((await read())['deliveries']).toMatchObject([{ studyInstanceUid: studyUid('held') }]);
  expect((await web.access.audit.page({ action: 'case.leftAsIs' }, 10)).map(({ target }) => target)).toEqual([
    studyUid('refused'),
  ]);
});

test('a release names the patient that was shown, and is refused for another one', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'renamed', outcome: 0.8, patientId: 'TEMP-7', patientName: 'Unknown^Trauma' });
  const real = { patientId: 'MRN-4711', patientName: 'Lindqvist^Maja' };
  await web.store.recordInstances([instanceOf({ study: 'renamed', number: 9, ...real })]);
  const press = async (body: Record<string, unknown>) => {
    const response = await post(`${web.url}/api/cases/${studyUid('renamed')}/release`, {
      reason: 'ID replaced',
      ...body,
    });
    return [response.status, await response.text()];
  };
  for (const use of ['latest', 'same-patient']) {
    expect((await press({ use }))[0]).toBe(400);
    const [status, answer] = await press({ use, patient: { ...real, patientId: 'MRN-0815' } });
    expect([status, answer]).toEqual([409, expect.stringContaining('objects of another patient than the one shown')]);
  }
  expect((await press({ use: 'same-patient', patient: real, reason: 'x' }))[0]).toBe(400);
  expect((await press({ use: 'same-patient', patient: real }))[0]).toBe(204);
  expect((await press({ use: 'same-patient', patient: real }))[0]).toBe(404);
  const recorded = await web.access.audit.page({ action: 'case.quarantineReleased' }, 10);
  expect(recorded.map(({ target, actor }) => [target, actor])).toEqual([[studyUid('renamed'), 'web']]);
});

test('figures come from the times on record', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'a', outcome: 0.9, receipt: 'confirmed', arrivedMinutesAgo: 5 });
  await addStudy(web, { id: 'b', outcome: 0.1, arrivedMinutesAgo: 5 });
  await addStudy(web, { id: 'c', outcome: 'running', arrivedMinutesAgo: 5 });
  const { steps, latency } = (await (await fetch(`${web.url}/api/figures?hours=24&steps=12`)).json()) as {
    steps: { received: number; analysed: number; p50: number | null }[];
    latency: Record<string, { count: number; p50: number | null }>;
  };
  expect(steps).toHaveLength(12);
  expect(steps.reduce((sum, { received }) => sum + received, 0)).toBe(3);
  expect(steps.find(({ received }) => received > 0)).toMatchObject({ received: 3, analysed: 2, p50: 40 });
  expect(latency['total']).toMatchObject({ count: 1 });
  expect(latency['total']!.p50).toBeGreaterThanOrEqual(300);
  expect(latency['infer']!.count).toBe(2);
});
