import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { freePort, runTool, startServer, temporaryDirectory, type RunningTool, type ToolResult } from './dcmtk.ts';
import { documentedCommands, guides, NOT_RUN, RUN_ELSEWHERE } from './documentedCommands.ts';

const documented = (await Promise.all((await guides()).map(documentedCommands))).flat();
const ran = new Set<string>();

let dir: string;
let remove: () => Promise<void>;
let agent: RunningTool;
let environment: NodeJS.ProcessEnv;
const site = { url: '', tlsAddress: '', dicomPort: 0 };

/** What the documents call by a placeholder or make too large for a test, and what this test puts there. Every one of them must occur. */
type Replacements = Record<string, string>;

/** Runs a command by its text in the documents. */
async function type(text: string, replacements: Replacements = {}, exitCode = 0): Promise<ToolResult> {
  expect(documented.map((command) => command.text)).toContain(text);
  ran.add(text);
  const result = await runTool('sh', ['-c', replacing(text, replacements)], {
    cwd: dir,
    env: environment,
    timeoutMs: 280_000,
  });
  expect(`${result.exitCode} ${result.stderr}`, text).toMatch(new RegExp(`^${exitCode} `));
  expect(result.stderr, text).not.toMatch(/unexpected error|\n\s+at /);
  return result;
}

function replacing(text: string, replacements: Replacements): string {
  let typed = text;
  for (const [from, to] of Object.entries(replacements)) {
    expect(typed).toContain(from);
    typed = typed.replace(from, to);
  }
  return typed;
}

/** Replaced in every phantom command: less of everything, so that it takes seconds. */
const SMALL = { 'npx odontoid phantom': 'npx odontoid phantom --rows 128' };

beforeAll(async () => {
  ({ dir, remove } = await temporaryDirectory());
  const [dicomPort, tlsPort, webPort] = [await freePort(), await freePort(), await freePort()];
  site.url = `http://127.0.0.1:${webPort}`;
  site.dicomPort = dicomPort;
  site.tlsAddress = `127.0.0.1:${tlsPort}`;
  for (const name of ['ca', 'ct1']) await makeCertificate(name);
  const config = {
    dataDir: join(dir, 'data'),
    receive: {
      port: dicomPort,
      tls: { host: '127.0.0.1', port: tlsPort, certFile: 'ca.pem', keyFile: 'ca.key', caFile: 'ct1.pem' },
      sources: ['CT1', 'QRSCP'].map((aeTitle) => ({ aeTitle, addresses: ['127.0.0.1'] })),
      stow: {},
      minFreeBytes: 0,
    },
    web: { port: webPort, dicomWeb: true },
    housekeeping: { lowWaterFreeBytes: 0 },
  };
  // JSON is YAML.
  await writeFile(join(dir, 'site.yaml'), JSON.stringify(config));
  await writeFile(join(dir, 'page.yaml'), 'worklist:\n  maxWaitMinutes: 47\n');
  await mkdir(join(dir, 'bin'));
  const start = `exec ${process.execPath} ${join(packageRoot, 'bin/odontoid.js')} "$@"\n`;
  await writeFile(join(dir, 'bin/odontoid'), `#!/bin/sh\n${start}`, { mode: 0o755 });
  await writeFile(join(dir, 'bin/npx'), `#!/bin/sh\ntest "$1" = odontoid && shift && ${start}`, { mode: 0o755 });
  environment = { PATH: `${join(dir, 'bin')}:${process.env['PATH']!}`, ODONTOID_CONFIG: join(dir, 'site.yaml') };
  const serve = 'odontoid serve --config FILE';
  ran.add(serve);
  agent = await startServer('sh', ['-c', `exec ${replacing(serve, { FILE: 'site.yaml' })}`], [dicomPort, webPort], {
    cwd: dir,
    env: environment,
  });
});
afterAll(async () => {
  await agent.stop();
  await remove();
});

/** Its own issuer, so the agent's certificate serves as `ca.pem` of those who call it. */
async function makeCertificate(name: string): Promise<void> {
  const made = await runTool(
    'openssl',
    `req -x509 -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.pem -subj /CN=${name} -addext subjectAltName=IP:127.0.0.1`.split(
      ' ',
    ),
    { cwd: dir },
  );
  expect(made.exitCode, made.stderr).toBe(0);
}

const json = (result: ToolResult): unknown => JSON.parse(result.stdout);
const studiesIn = async (folder: string): Promise<string[]> =>
  (await readdir(join(dir, folder))).filter((name) => name.startsWith('study-')).map((name) => `${folder}/${name}`);

test('a site is sized', async () => {
  expect((await type('odontoid sizing --per-day N', { N: '60' })).stdout).toContain('2 cores');
  const sized = await type(
    'odontoid sizing --per-day N --peak-hour N --slices N --analysed N --jpeg2000 SHARE --retention DAYS --years N --json',
    {
      'day N': 'day 2000',
      'hour N': 'hour 300',
      'slices N': 'slices 800',
      'analysed N': 'analysed 250',
      SHARE: '0.5',
      DAYS: '14',
      'years N': 'years 3',
    },
  );
  expect(json(sized)).toMatchObject({ load: { studiesInPeakHour: 300, jpeg2000Share: 0.5 }, size: { cores: 3 } });
});

test('phantoms and cohorts are made', async () => {
  const listed = await type('npx odontoid phantom --list-fractures');
  expect((await type('odontoid phantom --list-fractures')).stdout).toBe(listed.stdout);
  expect(json(listed)).toContain('dens-2@C2');

  const [one, cohort] = await Promise.all([
    type(
      'odontoid phantom --out DIR --seed N --count N --fracture TYPE@LEVEL --slices N --rows N --date YYYYMMDD --json',
      {
        YYYYMMDD: '20261129',
        'DIR --seed N --count N': 'one --seed 9000003 --count 1',
        'TYPE@LEVEL --slices N --rows N': 'burst@C5 --slices 48 --rows 256',
      },
    ),
    type('odontoid phantom --out DIR --cohort N --prevalence P --seed N --slices N --rows N --date YYYYMMDD --json', {
      YYYYMMDD: '20261128',
      'DIR --cohort N --prevalence P': 'cohort --cohort 8 --prevalence 0.5',
      '--seed N --slices N --rows N': '--seed 77000000 --slices 12 --rows 128',
    }),
    type('npx odontoid phantom --seed 7 --count 3 --fracture dens-2@C2 --out phantoms', SMALL),
    type('npx odontoid phantom --seed 7000000 --cohort 200 --slices 64 --out cohort', {
      ...SMALL,
      '200 --slices 64 --out cohort': '2 --slices 12 --out as-the-paper',
    }),
    type('npx odontoid phantom --cohort 200 --prevalence 0.36 --seed 77000000 --slices 48 --out cohort', {
      ...SMALL,
      '200 --prevalence 0.36': '2 --prevalence 0.36',
      '48 --out cohort': '12 --out for-evaluation',
    }),
    type('npx odontoid phantom --cohort 100 --prevalence 0.36 --seed 79000000 --slices 48 --out cohort', {
      ...SMALL,
      '100 --prevalence 0.36': '2 --prevalence 0.36',
      '48 --out cohort': '12 --out unseen',
    }),
  ]);
  expect(json(one)).toMatchObject({ studies: [{ slices: 48, fractures: ['burst@C5'], caseLabel: true }] });
  expect((json(cohort) as { studies: object[] }).studies).toHaveLength(8);
  expect(await studiesIn('phantoms')).toHaveLength(3);
  for (const folder of ['as-the-paper', 'for-evaluation', 'unseen'])
    expect((await readdir(join(dir, folder))).filter((name) => name.endsWith('.csv')).sort()).toEqual([
      'cases.csv',
      'labels.csv',
    ]);
});

test('a folder is analysed, and cohorts are split and measured', async () => {
  const [study] = await studiesIn('one');
  expect((await type('npx odontoid analyse DIR', { DIR: study! })).stdout).toContain('possible fracture');
  const analysed = await type('odontoid analyse DIR --out DIR --model NAME@VERSION --threshold T --json', {
    'DIR --out DIR --model NAME@VERSION --threshold T': `${study!} --out results --model odontoid-compact --threshold 0.5`,
  });
  expect(json(analysed)).toMatchObject({ threshold: 0.5, model: { name: 'odontoid-compact' } });

  await type('npx odontoid split cohort --folds 7 --seed 1 --out split.json', { 'folds 7': 'folds 4' });
  await type('npx odontoid split cohort --shares 70,10,20 --out split.json', { '70,10,20': '50,25,25' });
  await type('npx odontoid split rsna-2022 --shares 70,15,15 --seed 1 --out split.json', {
    'rsna-2022': 'cohort',
    '70,15,15': '50,25,25',
  });
  const split = await type('odontoid split DIR --out FILE --folds N --seed N --json', {
    'DIR --out FILE --folds N --seed N': 'cohort --out split.json --folds 4 --seed 2',
  });
  expect(Object.keys((json(split) as { parts: object }).parts)).toEqual(['fold-1', 'fold-2', 'fold-3', 'fold-4']);

  const shipped = join(packageRoot, 'models/compact');
  await type('npx odontoid evaluate cohort --html report.html --json report.json', { cohort: 'for-evaluation' });
  await type('npx odontoid evaluate cohort --model DIR/package', {
    'cohort --model DIR/package': `unseen --model ${shipped}`,
  });
  await type(
    'odontoid evaluate DIR --model NAME@VERSION --threshold T --split FILE --part NAME --html FILE --json FILE --test-scores FILE --test-of WORDS',
    {
      'DIR --model NAME@VERSION --threshold T': `cohort --model ${shipped} --threshold 0.5`,
      '--split FILE --part NAME': '--split split.json --part fold-2',
      '--html FILE --json FILE': '--html part.html --json part.json',
      '--test-scores FILE --test-of WORDS': '--test-scores scores.json --test-of phantoms',
    },
  );
  // Phantoms of 12 slices are not analysed, and have no score.
  const { model } = JSON.parse(await readFile(join(dir, 'part.json'), 'utf8')) as { model: { sha256: string } };
  expect(JSON.parse(await readFile(join(dir, 'scores.json'), 'utf8'))).toEqual({
    ...{ of: 'phantoms', modelSha256: model.sha256 },
    ...{ fractures: [], others: [] },
  });
  await type('npx odontoid validate DIR --model NAME@VERSION --html validation.html', {
    'DIR --model NAME@VERSION': `for-evaluation --model ${shipped}`,
  });
  await type(
    'odontoid validate DIR --model NAME@VERSION --threshold T --sensitivity S --scans-per-day N --flags-per-day N --prevalence P --split FILE --part NAME --by NAME --html FILE --json FILE',
    {
      'DIR --model NAME@VERSION --threshold T --sensitivity S': `cohort --model ${shipped} --threshold 0.5 --sensitivity 0.9`,
      '--scans-per-day N --flags-per-day N --prevalence P': '--scans-per-day 40 --flags-per-day 9 --prevalence 0.1',
      '--split FILE --part NAME --by NAME': '--split split.json --part fold-2 --by ada',
      '--html FILE --json FILE': '--html validation.html --json validation.json',
    },
  );
  expect(JSON.parse(await readFile(join(dir, 'validation.json'), 'utf8'))).toMatchObject({ record: { by: 'ada' } });
  for (const name of ['report', 'part']) {
    expect(await readFile(join(dir, `${name}.html`), 'utf8')).toMatch(/^<!doctype html>/i);
    expect(JSON.parse(await readFile(join(dir, `${name}.json`), 'utf8'))).toMatchObject({ evaluation: {}, cases: {} });
  }
});

test('the folds of a cross-validation become tables', async () => {
  await mkdir(join(dir, 'trained/results'), { recursive: true });
  for (const variant of ['paper', 'wider'])
    for (const fold of [1, 2])
      await writeFile(join(dir, `trained/results/${variant}-${fold}.json`), foldResults(variant, fold));
  await type('npx odontoid crossval DIR/results --html cv.html', { DIR: 'trained' });
  expect((await type('odontoid crossval DIR/results', { DIR: 'trained' })).stdout).toMatch(/Table 2[\s\S]*Table 3/);
  await type('odontoid crossval DIR --baseline VARIANT --threshold T --partial --html FILE --json FILE', {
    'DIR --baseline VARIANT --threshold T': 'trained/results --baseline wider --threshold 0.4',
    '--html FILE --json FILE': '--html cv.html --json cv.json',
  });
  expect(JSON.parse(await readFile(join(dir, 'cv.json'), 'utf8'))).toMatchObject({ baseline: 'wider', threshold: 0.4 });
});

/** Results of a fold as docs/evaluation.md describes them. */
function foldResults(variant: string, fold: number): string {
  const cases = Array.from({ length: 12 }, (_, index) => ({
    id: `${fold}-${index}`,
    split: index < 8 ? 'test' : 'validation',
    label: index % 2,
    score: (index + (index % 2) * 6) / 20,
    sliceLabels: [index % 2, 0],
    sliceScores: [(index + 3) / 20, 0.1],
  }));
  return JSON.stringify({ schema: 1, kind: 'fold-results', variant, units: 128, fold, folds: 2, cases });
}

test('the running agent is asked, and gets a study', async () => {
  expect((await type('odontoid --version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect((await type('npx odontoid doctor --config ...', { '...': 'site.yaml' })).stdout).toMatch(/ok +provider/);
  const doctor = json(await type('odontoid doctor --config FILE --json', { FILE: 'site.yaml' }));
  expect((doctor as { ok: boolean }[]).filter(({ ok }) => !ok)).toEqual([]);
  const all = json(await type('odontoid config show --changed --config FILE --json', { FILE: 'site.yaml' }));
  expect(all).toContainEqual(expect.objectContaining({ key: 'receive.port', value: site.dicomPort, origin: 'file' }));
  const imported = await type('odontoid config import FILE --reason TEXT --by NAME --config FILE --json', {
    'import FILE --reason TEXT --by NAME --config FILE': 'import page.yaml --reason Rounds --by ada --config site.yaml',
  });
  expect(json(imported)).toEqual({ keys: ['worklist.maxWaitMinutes'] });
  const exported = await type('odontoid config export --config FILE', { FILE: 'site.yaml' });
  expect(exported.stdout).toBe('worklist:\n  maxWaitMinutes: 47\n');
  const init =
    'odontoid init --out FILE --ae-title AE --source AE@ADDRESS --destination NAME=AE@HOST:PORT --data-dir DIR';
  await type(init, { FILE: 'first.yaml', 'AE@ADDRESS': 'CT1@10.20.1.7', 'NAME=AE@HOST:PORT': 'pacs=A@pacs:104' });
  expect(
    (await type(init, { FILE: 'site.yaml', 'AE@ADDRESS': 'CT1@::1', 'NAME=AE@HOST:PORT': 'b=B@h:1' }, 2)).stderr,
  ).toBe('odontoid: site.yaml is there already and is left as it is. Move it away, or name another file with --out.\n');
  expect(json(await type('odontoid health --config FILE --json', { FILE: 'site.yaml' }))).toMatchObject({ ok: true });
  const certificates = { 'ca FILE': 'ca ca.pem', 'cert FILE': 'cert ct1.pem', 'key FILE': 'key ct1.key' };
  const echo = await type(
    'odontoid echo AE@host:port --calling AE --timeout-ms N --tls --tls-ca FILE --tls-cert FILE --tls-key FILE --json',
    {
      ...certificates,
      'AE@host:port --calling AE --timeout-ms N': `ODONTOID@${site.tlsAddress} --calling CT1 --timeout-ms 20000`,
    },
  );
  expect(json(echo)).toMatchObject({ ok: true });
  await type(
    'odontoid echo ODONTOID@host:2762 --calling CT1 --tls --tls-ca ca.pem --tls-cert ct1.pem --tls-key ct1.key',
    { 'host:2762': site.tlsAddress },
  );
  const [study] = await studiesIn('one');
  const sent = await type(
    'odontoid send DIR --to AE@host:port --calling AE --associations N --tls --tls-ca FILE --tls-cert FILE --tls-key FILE --json',
    {
      ...certificates,
      'DIR --to AE@host:port': `${study!} --to ODONTOID@${site.tlsAddress}`,
      '--calling AE --associations N': '--calling CT1 --associations 2',
    },
  );
  expect(json(sent)).toEqual({ sent: 48, failed: [] });
  const ledger = json(await type('odontoid ledger --config FILE --json', { FILE: 'site.yaml' }));
  expect(ledger).toMatchObject({ received: 1, lost: [], files: 48, balances: true });
});

test('a study is fetched from an archive', async () => {
  const port = await freePort();
  await mkdir(join(dir, 'archive'));
  const lines = [
    ...[`NetworkTCPPort = ${port}`, 'MaxPDUSize = 16384', 'MaxAssociations = 16'],
    ...['HostTable BEGIN', `agent = (ODONTOID, 127.0.0.1, ${site.dicomPort})`, 'HostTable END'],
    ...['VendorTable BEGIN', 'VendorTable END'],
    ...['AETable BEGIN', `QRSCP ${join(dir, 'archive')} RW (200, 1024mb) ANY`, 'AETable END', ''],
  ];
  await writeFile(join(dir, 'dcmqrscp.cfg'), lines.join('\n'));
  const archive = await startServer('dcmqrscp', ['-c', 'dcmqrscp.cfg', '--disable-host-lookup'], [port], {
    cwd: dir,
    env: { TCP_NODELAY: '1' },
  });
  const [study] = await studiesIn('one');
  const files = (await readdir(join(dir, study!))).filter((name) => name.endsWith('.dcm')).slice(0, 3);
  const sending = ['-aec', 'QRSCP', '127.0.0.1', String(port), ...files.map((name) => `${study!}/${name}`)];
  expect((await runTool('storescu', sending, { cwd: dir })).exitCode).toBe(0);
  const dump = await runTool('dcmdump', ['+P', '0008,0050', '+P', '0020,000d', `${study!}/${files[0]!}`], { cwd: dir });
  const [, accession, uid] = /\[(.*?)\][\s\S]*\[(.*?)\]/.exec(dump.stdout)!;
  const from = `QRSCP@127.0.0.1:${port}`;
  await type('odontoid pull --from pacs --accession A123', { pacs: from, A123: accession! });
  const pulled = await type(
    'odontoid pull --from NAME --study UID --limit N --all-modalities --timeout-ms N --config FILE --json',
    {
      'NAME --study UID --limit N': `${from} --study ${uid!} --limit 2`,
      'timeout-ms N --config FILE': 'timeout-ms 60000 --config site.yaml',
    },
  );
  expect(json(pulled)).toMatchObject({ studies: [{ completed: 3, failed: 0, problem: null }] });
  await archive.stop();
});

test('accounts and tokens are given and taken away', async () => {
  await type('odontoid user add NAME --role admin', { NAME: 'ada' });
  const added = await type('odontoid user add NAME --role reader', { NAME: 'ben' });
  expect(added.stdout).toMatch(new RegExp(`^${site.url}/set-up#`));
  await type('odontoid user role NAME --role reader', { NAME: 'ada' });
  await type('odontoid user disable NAME', { NAME: 'ben' });
  await type('odontoid user enable NAME', { NAME: 'ben' });
  expect((await type('odontoid user reset NAME', { NAME: 'ben' })).stdout).not.toBe(added.stdout);
  expect(json(await type('odontoid user list --json'))).toMatchObject([
    { name: 'ada', role: 'reader' },
    { name: 'ben', role: 'reader', disabledAtMs: null },
  ]);

  const token = (await type('odontoid token add prometheus --days 365')).stdout.trim();
  const metrics = await type('curl -H "Authorization: Bearer odontoid_..." http://127.0.0.1:8080/metrics', {
    curl: 'curl --silent --show-error --fail',
    'odontoid_...': token,
    'http://127.0.0.1:8080': site.url,
  });
  expect(metrics.stdout).toMatch(/^odontoid_/m);
  await type('odontoid token add NAME --sender --days N', { 'NAME --sender --days N': 'reports --sender --days 7' });
  await type('odontoid token revoke prometheus');
  expect(json(await type('odontoid token list --json'))).toMatchObject([{ name: 'reports' }]);
  await type('odontoid token revoke NAME', { NAME: 'reports' });
});

test('a machine sends an object by STOW-RS', async () => {
  const [study] = await studiesIn('phantoms');
  const [file] = (await readdir(join(dir, study!))).sort();
  const head = '--part\r\nContent-Type: application/dicom\r\n\r\n';
  const object = await readFile(join(dir, study!, file!));
  await writeFile(join(dir, 'body'), Buffer.concat([Buffer.from(head), object, Buffer.from('\r\n--part--\r\n')]));
  const token = (await type('odontoid token add gateway --sender')).stdout.trim();
  const answer = await type(
    `curl -H "Authorization: Bearer odontoid_..." -H 'Content-Type: multipart/related; type="application/dicom"; boundary=part' --data-binary @body https://odontoid.example/dicom-web/studies`,
    {
      curl: 'curl --silent --show-error --fail',
      'odontoid_...': token,
      'https://odontoid.example': site.url,
    },
  );
  expect((json(answer) as { '00081199': { Value: unknown[] } })['00081199'].Value).toHaveLength(1);
});

test('a viewer searches what the agent holds, and fetches it', async () => {
  const token = (await type('odontoid token add viewer')).stdout.trim();
  const quiet = { curl: 'curl --silent --show-error --fail', 'odontoid_...': token, 'http://127.0.0.1:8080': site.url };
  const found = await type(
    `curl -H "Authorization: Bearer odontoid_..." 'http://127.0.0.1:8080/dicom-web/studies?PatientID=P1&limit=5'`,
    { ...quiet, 'P1&': '*&' },
  );
  const [study] = json(found) as { '0020000D': { Value: [string] }; '00201208': { Value: [number] } }[];
  const metadata = await type(
    'curl -H "Authorization: Bearer odontoid_..." http://127.0.0.1:8080/dicom-web/studies/UID/metadata',
    { ...quiet, UID: study!['0020000D'].Value[0] },
  );
  expect(json(metadata)).toHaveLength(study!['00201208'].Value[0]);
  await type('odontoid token revoke NAME', { NAME: 'viewer' });
});

test('a package is tried as a shadow, compared, and activated', async () => {
  const next = join(dir, 'next');
  await cp(join(packageRoot, 'models/compact'), next, { recursive: true });
  const manifest = await readFile(join(next, 'model.json'), 'utf8');
  await writeFile(join(next, 'model.json'), manifest.replace(/"version": "[\d.]+"/, '"version": "2.0.0"'));
  await type('odontoid model verify DIR', { DIR: 'next' });
  expect(json(await type('odontoid model verify DIR --json', { DIR: 'next' }))).toMatchObject({ ok: true });
  await type('odontoid model install DIR', { DIR: 'next' });
  expect(json(await type('odontoid model install DIR --json', { DIR: 'next' }))).toMatchObject({ wasThere: true });
  const named = { 'NAME[@VERSION]': 'odontoid-compact@2.0.0' };
  expect((await type('odontoid model card NAME[@VERSION]', named)).stdout).toMatch(/^# .* 2\.0\.0\n/);
  await type('odontoid model card NAME@VERSION --json', { 'NAME@VERSION': 'odontoid-compact@2.0.0' });

  await type('odontoid model activate odontoid-compact@2.0.0 --shadow --reason "trial for four weeks"');
  const compared = json(
    await type('odontoid model compare --shadow NAME@VERSION --active NAME@VERSION --json', {
      '--shadow NAME@VERSION': '--shadow odontoid-compact@2.0.0',
      '--active NAME@VERSION': `--active odontoid-compact@${/"version": "([\d.]+)"/.exec(manifest)![1]!}`,
    }),
  );
  expect(compared).toMatchObject({ shadow: { version: '2.0.0' } });
  expect((await type('odontoid model compare')).stdout).toContain('2.0.0');
  await type('odontoid model activate none --shadow --reason "trial over"');
  await type(
    'odontoid model activate NAME@VERSION --reason TEXT --shadow --threshold keep --by NAME --second NAME --wait SECONDS --json',
    {
      'NAME@VERSION --reason TEXT': 'odontoid-compact@2.0.0 --reason once-more',
      '--by NAME --second NAME --wait SECONDS': '--by ada --second grace --wait 200',
    },
  );
  await type(
    'odontoid model activate odontoid-compact@2.0.0 --reason "approved by the AI board, minute 14" --second grace --wait 60',
    {
      '--wait 60': '--wait 200',
    },
  );
  expect((await type('odontoid model list')).stdout).toMatch(/2\.0\.0.*active/);
  expect(json(await type('odontoid model list --json'))).toMatchObject({ active: { model: { version: '2.0.0' } } });
});

test('the database is copied, lost and brought back, and the audit shows what is missing', async () => {
  await type('odontoid backup --to /mnt/other-machine/odontoid', { '/mnt/other-machine/odontoid': 'elsewhere' });
  await type('age-keygen -o odontoid-backup.key');
  const [recipient] = /age1\w+/.exec(await readFile(join(dir, 'odontoid-backup.key'), 'utf8'))!;
  await type(
    'odontoid backup --to /mnt/vault --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
    {
      '/mnt/vault': 'vault',
      age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p: recipient,
    },
  );
  await type('odontoid backup --to DIR --recipient KEY --config FILE --json', {
    'DIR --recipient KEY --config FILE': `later --recipient ${recipient} --config site.yaml`,
  });
  await type('odontoid user add NAME --role reader', { NAME: 'cleo' });
  const [, head] = /(\d+:[0-9a-f]{64})/.exec((await type('odontoid audit verify')).stdout)!;
  expect(json(await type('odontoid audit verify --noted SEQ:HASH --json', { 'SEQ:HASH': head! }))).toMatchObject({
    whole: true,
  });
  await type('odontoid audit verify --noted 5120:9f3c...', { '5120:9f3c...': head! });
  await type('odontoid audit export --format dicom > audit.xml');
  expect(await readFile(join(dir, 'audit.xml'), 'utf8')).toContain('<AuditMessage>');
  const exported = await type('odontoid audit export --from 5120', { 5120: '2' });
  expect((await type('odontoid audit export --format csv --from SEQ', { SEQ: '2' })).stdout).toContain('user.added');
  expect(exported.stdout).toContain('user.added');

  await agent.stop();
  await rm(join(dir, 'data/odontoid.sqlite'));
  const [backup] = await readdir(join(dir, 'elsewhere'));
  await type('odontoid restore /mnt/other-machine/odontoid/worklist-20261129T031500Z.sqlite', {
    '/mnt/other-machine/odontoid/worklist-20261129T031500Z.sqlite': `elsewhere/${backup!}`,
  });
  const [later] = await readdir(join(dir, 'later'));
  await type('odontoid restore FILE --identity KEYFILE --config FILE --json', {
    'FILE --identity KEYFILE --config FILE': `later/${later!} --identity odontoid-backup.key --config site.yaml`,
  });
  const migrate = 'odontoid migrate --from sqlite --config FILE --json';
  expect(json(await type(migrate, { ' --from sqlite': '', FILE: 'site.yaml' }))).toMatchObject({ applied: [] });
  const short = await type('odontoid audit verify --noted SEQ:HASH', { 'SEQ:HASH': head! }, 1);
  expect(short.stdout).toContain('NOT WHOLE');
});

test('every documented command was run here or by another test, or is listed with what keeps it from being run', () => {
  const listed = [...Object.keys(RUN_ELSEWHERE), ...Object.keys(NOT_RUN)];
  const left = documented.map(({ text }) => text).filter((text) => !ran.has(text));
  expect(left.filter((text) => !listed.some((start) => text.startsWith(start)))).toEqual([]);
  expect(listed.filter((start) => !left.some((text) => text.startsWith(start)))).toEqual([]);
  for (const file of Object.values(RUN_ELSEWHERE)) expect(existsSync(join(packageRoot, file)), file).toBe(true);
  expect(Object.keys(NOT_RUN).length).toBeLessThanOrEqual(8);
});
