import { createServer, type Server } from 'node:https';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import type { DestinationEntry } from '../../../src/answers/adminAnswers.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { createLeaseKeeper } from '../../../src/base/leaseKeeper.ts';
import { createLog } from '../../../src/base/log.ts';
import { adaptersOf, startDelivery } from '../../../src/compose/destinations.ts';
import { createDestinationAdministration } from '../../../src/compose/liveDestinations.ts';
import { openSources } from '../../../src/compose/liveSources.ts';
import { openLiveValues } from '../../../src/compose/liveValues.ts';
import { createSettingsAdministration } from '../../../src/compose/settings.ts';
import { settleDestinations } from '../../../src/compose/settleDestinations.ts';
import type { Foundation } from '../../../src/compose/agentPorts.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { createAuditLog } from '../../../src/worklist/audit/audit.ts';
import { createCaseStore } from '../../../src/worklist/cases/caseStore.ts';
import { authority, type Authority } from '../../interop/authority.ts';
import { freePort, startServer, temporaryDirectory } from '../../interop/dcmtk.ts';
import { openWorklist, studyUid, temporaryFolder, toReported, type Worklist } from '../worklist/fixture.ts';

let hospital: Authority;

beforeAll(async () => {
  const { dir, remove } = await temporaryDirectory();
  hospital = await authority(dir, 'hospital');
  return remove;
});

const because = (reason: string) => ({ reason, by: { name: 'ada', address: '10.9.9.9' } });

type DimseEntry = Extract<DestinationEntry, { kind: 'dimse' }>;
type WebEntry = Extract<DestinationEntry, { kind: 'dicomweb' }>;

const entry = (name: string, over: Partial<DimseEntry> = {}): DimseEntry => ({
  name,
  kind: 'dimse',
  aeTitle: name.toUpperCase(),
  host: `${name}.example`,
  port: 104,
  callingAeTitle: 'ODONTOID',
  timeoutMs: 30_000,
  confirm: 'find',
  commitment: false,
  retrieve: 'move',
  objects: ['report', 'card', 'heatmaps'],
  decisions: 'all',
  rejectReplaced: false,
  characterSet: 'ISO_IR 192',
  state: 'active',
  ...over,
});

const webEntry = (name: string, over: Partial<WebEntry> = {}): WebEntry => ({
  name,
  kind: 'dicomweb',
  url: 'https://web.example/dicom-web',
  auth: { kind: 'none' },
  timeoutMs: 30_000,
  confirm: 'find',
  objects: ['report', 'card', 'heatmaps'],
  decisions: 'all',
  rejectReplaced: false,
  characterSet: 'ISO_IR 192',
  state: 'active',
  ...over,
});

/** What `entry` is in the file and in the database. */
const kept = (name: string, over: object = {}) => ({
  name,
  kind: 'dimse',
  aeTitle: name.toUpperCase(),
  host: `${name}.example`,
  port: 104,
  ...over,
});

const OF_FILE = [{ ...kept('main'), kind: 'dimse' as const, formerNames: ['old-main'] }];

async function site(ofFile: Parameters<typeof configFrom>[0] = { destinations: OF_FILE }) {
  const worklist = await openWorklist();
  const { database, clock, query } = worklist;
  const ofFiles = configFrom(ofFile);
  const ports = { clock, log: createLog('silent'), environment: {} };
  const start = async () => {
    const values = await openLiveValues(ofFiles, database, ports);
    const { config } = values;
    const store = createCaseStore(database, clock, {
      get destinations() {
        return config.destinations.filter(({ state }) => state !== 'retired').map(({ name }) => name);
      },
    });
    const foundation = { config, values, database, query, store, ports };
    const sources = await openSources(foundation);
    const settings = createSettingsAdministration(foundation, sources);
    const names = () => config.destinations.map(({ name }) => name);
    return { foundation, values, store, settings, names, destinations: createDestinationAdministration(foundation) };
  };
  return { ...worklist, start, audit: createAuditLog(database, clock) };
}

it('adds destinations to those of the file, changes one, stays after a start, and takes it back, all on record', async () => {
  const { start, audit } = await site();
  const { destinations, names, settings, values } = await start();
  await destinations.set(entry('night'), null, because('the new PACS'));
  await destinations.set(entry('ward', { port: 11112, decisions: 'suspected' }), null, because('for the ward'));
  expect(names()).toEqual(['main', 'night', 'ward']);
  await destinations.set(entry('night', { state: 'paused', objects: ['report'] }), 'night', because('it is moved'));
  expect(values.config.destinations[1]).toMatchObject({ name: 'night', state: 'paused', objects: ['report'] });

  const again = await start();
  expect(again.names()).toEqual(['main', 'night', 'ward']);
  expect(again.destinations.ofPage()).toEqual([
    entry('night', { state: 'paused', objects: ['report'] }),
    entry('ward', { port: 11112, decisions: 'suspected' }),
  ]);
  const { settings: shown } = await settings.list();
  expect(shown.find(({ key }) => key === 'destinations')).toMatchObject({
    ofPage: [
      JSON.stringify(kept('night', { objects: ['report'], state: 'paused' })),
      JSON.stringify(kept('ward', { port: 11112, decisions: 'suspected' })),
    ],
    typed: null,
  });
  await again.destinations.takeBack('night', because('it is gone'));
  await again.destinations.takeBack('ward', because('it is gone too'));
  expect(again.names()).toEqual(['main']);
  const entries = await audit.page({ action: 'setting.changed' }, 9);
  expect(entries.map(({ target, detail }) => [target, detail['reason']])).toEqual(
    ['it is gone too', 'it is gone', 'it is moved', 'for the ward', 'the new PACS'].map((why) => ['destinations', why]),
  );
  expect(entries[0]!.detail['after']).toBeNull();
  expect(entries.at(-1)).toMatchObject({
    actor: 'ada',
    address: '10.9.9.9',
    detail: { before: null, after: JSON.stringify([kept('night')]) },
  });
});

/** The folder whose files the page may name, when nothing else is configured. */
const SECRETS = join(process.cwd(), 'data', 'secrets');
const bearer = (token: object) => ({ auth: { kind: 'bearer' as const, token } });

const REFUSED: [wanted: DestinationEntry, replaces: string | null, message: string | RegExp][] = [
  [entry('main'), null, 'The configuration file has a destination main.'],
  [entry('old-main'), null, 'The configuration file has a destination old-main.'],
  [entry('night'), null, 'There is a destination night already.'],
  [entry('Night Shift'), null, /^name: lower-case letters, digits and dashes/],
  [entry('ward', { aeTitle: 'SEVENTEENLETTERSX' }), null, /^aeTitle: an AE title has 1 to 16/],
  [entry('ward', { host: '' }), null, /^host: is too short/],
  [entry('ward', { port: 0 }), null, /^port: is too small/],
  [entry('ward', { objects: [] }), null, /^objects: is too short/],
  [entry('ward', { tls: { caFile: '/etc/shadow' } }), null, `tls.caFile: the page names files of ${SECRETS} only`],
  [entry('ward', { tls: { caFile: `${SECRETS}/../odontoid.sqlite` } }), null, /tls\.caFile: the page names files of/],
  [entry('ward', { tls: { caFile: `${SECRETS}/deeper/ca.pem` } }), null, /tls\.caFile: the page names files of/],
  [entry('ward', { tls: { certFile: `${SECRETS}/ward.pem` } }), null, 'name both certFile and keyFile, or neither'],
  [webEntry('web', { url: 'ftp://web.example' }), null, /^url: /],
  [webEntry('web', { url: 'https://ada:pw@web.example' }), null, 'url: no credentials stand in it'],
  [webEntry('web', { url: 'http://web.example', tls: { caFile: `${SECRETS}/ca.pem` } }), null, 'tls is of no use for'],
  [webEntry('web', bearer({ file: '/etc/passwd' })), null, 'auth.token: the page names files of'],
  [webEntry('web', bearer({ env: 'DATABASE_PASSWORD' })), null, 'auth.token: a variable is named in the'],
  [webEntry('web', bearer({})), null, /^auth\.token: name either env or file/],
  [
    webEntry('web', {
      auth: { kind: 'basic', username: 'ada', password: { file: 'password' } },
    }),
    null,
    'auth.password: the page names files of',
  ],
  [
    webEntry('web', {
      auth: {
        kind: 'oauth2',
        tokenUrl: 'https://id.example/token',
        clientId: 'odontoid',
        clientSecret: { file: '/etc/hostname' },
        scope: '',
        clientAuth: 'basic',
      },
    }),
    null,
    'auth.clientSecret: the page names files of',
  ],
  [entry('ward'), 'nobody', 'nobody is no destination that was set on this page.'],
  [entry('main'), 'main', 'main is no destination that was set on this page.'],
];

it('refuses what the file would refuse, names that are taken and what names files, and records nothing of it', async () => {
  const { start, audit } = await site();
  const { destinations, names } = await start();
  await destinations.set(entry('night'), null, because('first'));
  for (const [wanted, replaces, message] of REFUSED)
    await expect(destinations.set(wanted, replaces, because('a try')), String(message)).rejects.toThrow(message);
  expect(names()).toEqual(['main', 'night']);
  expect(await audit.page({ action: 'setting.changed' }, 9)).toHaveLength(1);
});

it('says what is wrong with one that is tried, and sets nothing', async () => {
  const { start } = await site();
  const { destinations, names } = await start();
  const port = await freePort();
  const nobody = await destinations.try(entry('night', { host: '127.0.0.1', port }));
  expect(nobody).toMatchObject({ ok: false, error: expect.stringContaining('nothing listens there') as string });
  await expect(destinations.try(entry('night', { port: 70_000 }))).rejects.toThrow('port: is too large');
  expect(names()).toEqual(['main']);
});

it('changes nothing where the site keeps its settings in files, and there the page’s do not count', async () => {
  const { start, database } = await site();
  const { destinations } = await start();
  await destinations.set(entry('night'), null, because('by day'));
  const ofFiles = configFrom({ destinations: OF_FILE, web: { settings: 'files' } });
  const values = await openLiveValues(ofFiles, database, { clock: systemClock });
  expect(values.config.destinations.map(({ name }) => name)).toEqual(['main']);
  const readOnly = createDestinationAdministration({
    values,
    ports: { clock: systemClock, log: createLog('silent'), environment: {} },
  });
  expect(readOnly.mayChange).toBe(false);
  await expect(readOnly.set(entry('ward'), null, because('no'))).rejects.toThrow(/web\.settings/);
  await expect(readOnly.takeBack('night', because('no'))).rejects.toThrow(/night is no destination/);
});

it('leaves the last word on a name to the file', async () => {
  const { start, database } = await site();
  await (await start()).destinations.set(entry('night', { port: 1 }), null, because('by day'));
  const ofFiles = configFrom({ destinations: [...OF_FILE, { ...kept('night'), kind: 'dimse', port: 2 }] });
  const values = await openLiveValues(ofFiles, database, { clock: systemClock });
  expect(values.config.destinations.map(({ name, ...one }) => [name, one.kind === 'dimse' && one.port])).toEqual([
    ['main', 104],
    ['night', 2],
  ]);
  // It can still be taken back, and goes to another site.
  expect(values.now().destinations?.map(({ name }) => name)).toEqual(['night']);
});

it('is not taken back while a rule of the page sends to it, and the rule follows a new name', async () => {
  const { start } = await site();
  const { destinations, settings, values } = await start();
  await destinations.set(entry('night'), null, because('first'));
  await settings.set(
    'selection',
    '- name: necks\n  do: accept\n  when: {}\n  destinations: [main, night]',
    because('b'),
  );
  await expect(destinations.takeBack('night', because('no'))).rejects.toThrow('necks: there is no destination night');
  await destinations.set(entry('day'), 'night', because('a better name'));
  expect(values.config.selection[0]!.destinations).toEqual(['main', 'day']);
  // The former name may be given anew, to something else.
  await destinations.set(entry('night', { port: 4242 }), null, because('another one'));
  expect(values.config.destinations.map(({ name, formerNames }) => [name, formerNames])).toEqual([
    ['main', ['old-main']],
    ['day', []],
    ['night', []],
  ]);
});

it('refuses a change of what somebody else has changed meanwhile', async () => {
  const { start } = await site();
  const [one, other] = [await start(), await start()];
  const both = await Promise.allSettled([
    one.destinations.set(entry('night'), null, because('one')),
    other.destinations.set(entry('ward'), null, because('other')),
  ]);
  const names = (await start()).names();
  const refused = both.filter(({ status }) => status === 'rejected');
  // Whether or not they met, nothing of what was accepted is lost.
  expect(names).toHaveLength(3 - refused.length);
  for (const outcome of refused)
    expect(outcome).toMatchObject({ reason: { message: expect.stringContaining('Look at it again') as string } });
});

it('goes to another site as the same YAML, which the configuration file takes too', async () => {
  const one = await (await site()).start();
  await one.destinations.set(entry('night', { commitment: true }), null, because('a'));
  await one.settings.set('selection', '- name: necks\n  do: accept\n  when: {}\n  destinations: [night]', because('b'));
  const yaml = one.settings.exported();
  expect(parse(yaml)).toMatchObject({ destinations: [kept('night', { commitment: true })] });
  expect(configFrom(parse(yaml) as object).destinations).toMatchObject([entry('night', { commitment: true })]);

  const target = await site({});
  const other = await target.start();
  await expect(other.settings.imported(yaml.replace('port: 104', 'port: 0'), because('c'))).rejects.toThrow(
    'destinations.0.port: is too small',
  );
  const web =
    '{destinations: [{name: web, kind: dicomweb, url: "http://h", auth: {kind: bearer, token: {file: /etc/passwd}}}]}';
  await expect(other.settings.imported(web, because('c'))).rejects.toThrow('auth.token: the page names files of');
  const proxy = '{url: "http://proxy.example", username: ada, password: {file: /etc/passwd}}';
  await expect(
    other.settings.imported(
      `{destinations: [{name: web, kind: dicomweb, url: "http://h", proxy: ${proxy}}]}`,
      because('c'),
    ),
  ).rejects.toThrow('proxy.password: the page names files of');
  const twice = JSON.stringify({ destinations: [kept('night'), kept('night', { port: 4242 })] });
  await expect(other.settings.imported(twice, because('c'))).rejects.toThrow('two of them are called night');
  expect(other.names()).toEqual([]);
  // Rules and the destinations that they name come together.
  expect((await other.settings.imported(yaml, because('c'))).sort()).toEqual(['destinations', 'selection']);
  expect(other.settings.exported()).toBe(yaml);
  await expect(other.settings.imported('destinations: []', because('d'))).rejects.toThrow(
    'there is no destination night',
  );
  await other.settings.imported('{destinations: [], selection: []}', because('d'));
  expect((await target.start()).names()).toEqual([]);
});

it('gives the form all that was imported, and keeps what of it the form leaves', async () => {
  const { destinations, settings } = await (await site({})).start();
  const chosen = { characterSet: 'ISO_IR 100', timeoutMs: 45_000 };
  const imported = { destinations: [kept('night', { ...chosen, formerNames: ['day'] })] };
  await settings.imported(JSON.stringify(imported), because('as at home'));
  const [shown] = destinations.ofPage();
  expect(shown).toMatchObject(chosen);
  await destinations.set({ ...(shown as DimseEntry), port: 4242 }, 'night', because('it is moved'));
  expect(parse(settings.exported())).toEqual({
    destinations: [{ ...kept('night', { ...chosen, formerNames: ['day'] }), port: 4242 }],
  });
});

/** A site whose folder of secrets holds what `files` says. */
async function siteWithFiles(files: Readonly<Record<string, string>> = {}) {
  const secretsDir = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(secretsDir, name), text);
  return { ...(await site({ web: { secretsDir } })), secretsDir };
}

it('tests a DICOMweb service with token and authority of files, and shows of them no more than the names', async () => {
  const { start, secretsDir, audit } = await siteWithFiles({ '.hidden': 'x', token: 'open sesame\n' });
  await mkdir(join(secretsDir, 'folder'));
  const { certFile, keyFile } = await hospital.issue('pacs');
  await copyFile(hospital.caFile, join(secretsDir, 'ca.pem'));
  const [cert, key] = await Promise.all([certFile, keyFile].map((path) => readFile(path)));
  const asked: unknown[] = [];
  const server: Server = createServer({ cert, key } as object, ({ headers, method }, response) => {
    asked.push(headers.authorization);
    const isLetIn = headers.authorization === 'Bearer open sesame';
    // Its STOW-RS answers OPTIONS only.
    response.writeHead(isLetIn ? 200 : 401, { 'content-type': 'application/dicom+json', allow: 'POST' });
    response.end(method === 'GET' ? '[]' : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;

  const { destinations, settings, names } = await start();
  const files = ['ca.pem', 'token'].map((name) => join(secretsDir, name));
  expect(await destinations.files()).toEqual({ folder: secretsDir, files });
  const [caFile, token] = files as [string, string];
  const web = webEntry('web', { url, ...bearer({ file: token }), tls: { caFile } });
  expect(await destinations.try({ ...web, tls: undefined })).toMatchObject({
    ok: false,
    error: expect.stringContaining('of no authority that is trusted') as string,
  });
  expect(asked).toEqual([]);
  expect(await destinations.try({ ...web, ...bearer({ file: caFile }) })).toMatchObject({ ok: false });
  expect(await destinations.try(web)).toMatchObject({ ok: true });
  expect(await destinations.try({ ...web, ...bearer({ file: join(secretsDir, 'lost') }) })).toMatchObject({
    ok: false,
    error: expect.stringContaining('cannot be read') as string,
  });

  await destinations.set(web, null, because('the cloud'));
  expect(names()).toEqual(['web']);
  expect(destinations.ofPage()).toEqual([web]);
  const imported = settings.exported();
  expect(configFrom(parse(imported) as object).destinations).toMatchObject([web]);
  const all = [
    imported,
    JSON.stringify(await settings.list()),
    JSON.stringify(await audit.page({}, 99)),
    JSON.stringify(destinations.ofPage()),
  ].join('\n');
  expect(all).toContain(token);
  expect(all).not.toContain('sesame');
});

it('keeps a proxy that was imported, which the form does not ask for', async () => {
  const { start, secretsDir } = await siteWithFiles();
  const { destinations, settings, values } = await start();
  const proxy = {
    url: 'http://proxy.example',
    username: 'ada',
    password: { file: join(secretsDir, 'proxy') },
  };
  const { tls, ...web } = webEntry('web');
  expect(tls).toBeUndefined();
  await settings.imported(JSON.stringify({ destinations: [{ ...web, proxy }] }), because('as at home'));
  expect(destinations.ofPage()).toEqual([web]);
  await destinations.set({ ...web, timeoutMs: 5_000 }, 'web', because('it is slow'));
  expect(values.config.destinations).toMatchObject([{ name: 'web', timeoutMs: 5_000, proxy }]);
  // It may become one by DIMSE, and a lost secret keeps nobody from starting.
  expect((await start()).names()).toEqual(['web']);
  await destinations.set(entry('web'), 'web', because('by DIMSE now'));
  expect(values.config.destinations).toMatchObject([{ name: 'web', kind: 'dimse', aeTitle: 'WEB' }]);
});

it('tests a PACS by DICOM TLS, with its authority and a certificate of the agent, and keeps it by the names of the files', async () => {
  const { start, secretsDir } = await siteWithFiles();
  const [pacs, agent] = [await hospital.issue('pacs'), await hospital.issue('agent')];
  const at = (name: string) => join(secretsDir, name);
  await copyFile(hospital.caFile, at('ca.pem'));
  await copyFile(agent.certFile, at('agent.pem'));
  await copyFile(agent.keyFile, at('agent.key'));
  const port = await freePort();
  const own = ['+tls', pacs.keyFile, pacs.certFile, '+cf', hospital.caFile];
  const storescp = await startServer('storescp', [...own, '--ignore', String(port)], [port]);
  onTestFinished(() => storescp.stop());

  const { destinations, settings } = await start();
  const tls = { caFile: at('ca.pem'), certFile: at('agent.pem'), keyFile: at('agent.key') };
  const where = { host: '127.0.0.1', port, confirm: 'none' as const };
  expect(await destinations.try(entry('night', { ...where, tls: { caFile: at('ca.pem') } }))).toMatchObject({
    ok: false,
    error: expect.stringContaining('set tls.certFile') as string,
  });
  expect(await destinations.try(entry('night', { ...where, tls }))).toMatchObject({ ok: true });
  await destinations.set(entry('night', { ...where, tls }), null, because('TLS only'));
  expect(parse(settings.exported())).toMatchObject({ destinations: [{ name: 'night', tls }] });
  // A change leaves out what the form no longer says.
  await destinations.set(entry('night', where), 'night', because('without'));
  expect(settings.exported()).not.toContain('tls');
  await rm(tls.keyFile);
  expect(await destinations.try(entry('night', { ...where, tls }))).toMatchObject({
    ok: false,
    error: expect.stringContaining('cannot be read') as string,
  });
});

const waitingAt = async ({ query }: Pick<Worklist, 'query'>, study: number) =>
  (await query.caseDetail(studyUid(study))).row.deliveries
    .map(({ destination, kind, status, lastStatus }) => `${destination} ${kind} ${lastStatus ?? status}`)
    .sort();

it('gives what is written from then on to it, and leaves nothing waiting for a name that is gone', async () => {
  const { start, ...worklist } = await site();
  const { foundation, destinations, store } = await start();
  await destinations.set(entry('night'), null, because('first'));
  await toReported({ ...worklist, store }, 1, 0.9);
  expect(await waitingAt(worklist, 1)).toEqual(
    ['main sc', 'main sr', 'night sc', 'night sr'].map((one) => `${one} pending`),
  );
  await destinations.set(entry('day'), 'night', because('a better name'));
  await settleDestinations(foundation);
  expect(await waitingAt(worklist, 1)).toEqual(
    ['day sc', 'day sr', 'main sc', 'main sr'].map((one) => `${one} pending`),
  );
  // As if the agent was killed before anything of it was settled: the next start does it.
  await destinations.takeBack('day', because('gone'));
  await settleDestinations((await start()).foundation);
  expect(await waitingAt(worklist, 1)).toEqual([
    'day sc retired',
    'day sr retired',
    'main sc pending',
    'main sr pending',
  ]);
  await toReported({ ...worklist, store }, 2, 0.9);
  expect(await waitingAt(worklist, 2)).toEqual(['main sc pending', 'main sr pending']);
});

it('takes nothing from a destination of the file that has got its former name', async () => {
  const { start, database, ...worklist } = await site();
  const { foundation, destinations } = await start();
  await destinations.set(entry('night'), null, because('first'));
  await destinations.set(entry('day'), 'night', because('a better name'));
  const ofFiles = configFrom({ destinations: [{ ...kept('night'), kind: 'dimse' }] });
  const { config } = await openLiveValues(ofFiles, database, { clock: systemClock });
  const store = createCaseStore(database, worklist.clock, { destinations: ['night', 'day'] });
  await toReported({ ...worklist, database, store }, 1, 0.9);
  const before = await waitingAt(worklist, 1);
  await settleDestinations({ ...foundation, config, store });
  expect(await waitingAt(worklist, 1)).toEqual(before);
});

it('is served, retired and forgotten by a running delivery', async () => {
  const { start, ...worklist } = await site({});
  const { foundation, destinations, store } = await start();
  const parts: (() => Promise<void> | void)[] = [];
  const releasers = { push: (_name: string, release: () => Promise<void> | void) => void parts.push(release) };
  const ports = { ...foundation.ports, clock: systemClock };
  const running = {
    ...foundation,
    ports,
    leases: createLeaseKeeper(store, { leaseMs: 60_000, ...ports }),
    releasers,
    paths: { results: '' },
  };
  startDelivery(running as unknown as Foundation, adaptersOf(running));
  onTestFinished(async () => {
    for (const release of parts) await release();
    await running.leases.close();
  });
  await destinations.set(entry('dead', { host: '127.0.0.1', port: await freePort() }), null, because('first'));
  await toReported({ ...worklist, store }, 1, 0.9);
  // Its file is not there; what counts is that somebody has tried.
  await expect.poll(async () => (await worklist.query.caseDetail(studyUid(1))).row.deliveries[0]!.attempts).toBe(1);
  await destinations.takeBack('dead', because('gone'));
  await expect.poll(() => waitingAt(worklist, 1)).toEqual(['dead sc retired', 'dead sr retired']);
});
