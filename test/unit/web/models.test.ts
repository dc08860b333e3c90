import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { caseRef } from '../../../src/case/caseRef.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { loadModelPackage } from '../../../src/infer/modelCard.ts';
import {
  createModelAdministration,
  type ModelAdministrationOptions,
} from '../../../src/models/createModelAdministration.ts';
import { putThreshold } from '../../../src/worklist/thresholds/thresholds.ts';
import { addStudy, studyUid } from '../../browser/seededWorklist.ts';
import { packageVariant } from '../infer/packageVariant.ts';
import { validatedHere } from '../worklist/validatedHere.ts';
import { findingsOf, instanceOf, manifestOf } from '../worklist/facts.ts';
import { addUser, PASSWORD, shiftedClock, Visitor } from './visitor.ts';
import { READY, startWeb, type WebUnderTest } from './webFixture.ts';

const COMPACT = 'models/compact';
const REASON = 'Approved by the board, minute 14';

interface Board {
  isChecking: boolean;
  checkedAtMs: number | null;
  wanted: { active: { version: string } | null; shadow: { version: string } | null };
  packages: {
    folder: string;
    state: string;
    problem: string | null;
    model: { name: string; version: string; sha256: string } | null;
    roles: string[];
    removable: boolean;
    source: string;
    thresholdQuestion: unknown;
  }[];
  history: {
    role: string;
    model: { version: string } | null;
    reason: string;
    by: string;
    inUseAtMs: number | null;
    failure: string | null;
    threshold: number | null;
  }[];
}

/** A server whose desk has an installed package 9.0.0 beside the shipped one. */
async function withPackages(
  over: Partial<ModelAdministrationOptions> = {},
  { validated = true, ...options }: Parameters<typeof startWeb>[0] & { validated?: boolean } = {},
) {
  const models: { desk: ReturnType<typeof createModelAdministration> | null } = { desk: null };
  const desk = () => models.desk!;
  const web: WebUnderTest = await startWeb({
    ...options,
    admin: {
      models: {
        board: () => desk().board(),
        card: (sha) => desk().card(sha),
        testScores: (sha) => desk().testScores(sha),
        comparison: () => desk().comparison(),
        use: () => desk().use(),
        decide: (decision) => desk().decide(decision),
        install: (upload) => desk().install(upload),
        remove: (removal) => desk().remove(removal),
      },
    },
  });
  const installedDir = join(web.folder, 'models');
  models.desk = createModelAdministration({
    places: { installedDir, configuredDir: join(process.cwd(), COMPACT), shippedDir: join(process.cwd(), 'models') },
    store: web.store,
    verify: () => Promise.resolve('cpu'),
    serving: () => [],
    uploads: { mostBytes: 50_000_000, keepFreeBytes: 0 },
    onDecided: () => undefined,
    clock: systemClock,
    ...over,
  });
  const sha256 = await packageVariant(join(installedDir, 'nine'), '9.0.0');
  const shipped = (await loadModelPackage(COMPACT)).identity;
  if (validated)
    for (const model of [shipped, { ...shipped, version: '9.0.0', sha256 }]) await validatedHere(web.database, model);
  const board = async (): Promise<Board> => {
    for (;;) {
      const answer = (await (await fetch(`${web.url}/api/models`)).json()) as Board;
      if (!answer.isChecking && answer.checkedAtMs !== null) return answer;
      await systemClock.sleep(10);
    }
  };
  const decide = async (body: object) => {
    const response = await fetch(`${web.url}/api/models/activations`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  return { web, installedDir, sha256, shipped, board, decide, desk };
}

const FILES = ['model.json', 'sliceEncoder.onnx', 'caseClassifier.onnx'];

/** The files of a package as one body, and the query that names them. */
async function bodyOf(dir: string, names: readonly string[] = FILES) {
  const bytes = await Promise.all(names.map((name) => readFile(join(dir, name))));
  return {
    files: names.map((name, index) => `${name}:${bytes[index]!.length}`).join(','),
    body: Buffer.concat(bytes),
  };
}

async function upload(url: string, { files, body }: { files: string; body: Uint8Array<ArrayBuffer> }) {
  const response = await fetch(`${url}/api/models/packages?files=${encodeURIComponent(files)}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    body,
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

const discard = async (web: WebUnderTest, folder: string) =>
  (await fetch(`${web.url}/api/models/packages/${folder}`, { method: 'DELETE' })).status;

test('the scores of a package’s own test are there at the first question', async () => {
  const { desk, shipped, sha256 } = await withPackages();
  expect(await desk().testScores(shipped.sha256)).toMatchObject({ of: 'synthetic phantoms' });
  expect(await desk().testScores(sha256)).toBeNull();
});

test('the list tells the packages of this machine, at once, and which are damaged', async () => {
  const { web, installedDir, sha256, shipped, board } = await withPackages();
  const first = (await (await fetch(`${web.url}/api/models`)).json()) as Board;
  expect(first).toMatchObject({ isChecking: true, checkedAtMs: null, packages: [] });
  const whole = await board();
  expect(whole.packages.map(({ model, state, source, roles }) => [model?.version, state, source, roles])).toEqual([
    ['9.0.0', 'verified', 'installed', []],
    [shipped.version, 'verified', 'shipped', ['active']],
  ]);
  expect(whole.wanted).toMatchObject({ active: shipped, shadow: null });

  await writeFile(join(installedDir, 'nine', 'caseClassifier.onnx'), 'rotten');
  await fetch(`${web.url}/api/models`);
  const damaged = (await board()).packages.find(({ folder }) => folder === 'nine');
  expect(damaged).toMatchObject({
    state: 'damaged',
    model: null,
    problem: expect.stringContaining('is not the one that model.json describes') as string,
  });
  expect((await fetch(`${web.url}/api/models/${sha256}/card`)).status).toBe(404);
});

test('the card is that of the manifest, figures with their intervals', async () => {
  const { web, shipped } = await withPackages();
  const card = (await (await fetch(`${web.url}/api/models/${shipped.sha256}/card`)).json()) as {
    intendedUse: string;
    deviations: { name: string }[];
    figures: { name: string; of: string; value: number; low: number; high: number; positives: number }[];
    operatingPoints: { name: string }[];
  };
  const manifest = JSON.parse(await readFile(join(COMPACT, 'model.json'), 'utf8')) as {
    intendedUse: string;
    trainingData: { deviations: Record<string, string> };
    metrics: { values: { value: number; low: number; high: number; grade: string; positives: number }[] };
  };
  expect(card.intendedUse).toBe(manifest.intendedUse);
  expect(card.deviations.map(({ name }) => name)).toEqual(Object.keys(manifest.trainingData.deviations));
  const [stated] = manifest.metrics.values;
  expect(card.figures[0]).toMatchObject({
    value: stated!.value,
    low: stated!.low,
    high: stated!.high,
    positives: stated!.positives,
    of: `grade ${stated!.grade}`,
  });
  expect((await fetch(`${web.url}/api/models/nonsense/card`)).status).toBe(400);
});

test('an activation is checked, installed, written down with who and why, and its end is told', async () => {
  const checked: string[] = [];
  const { web, decide, board, shipped, installedDir } = await withPackages({
    verify: (dir) => Promise.resolve(checked.push(dir)),
  });
  const done = await decide({ role: 'active', sha256: shipped.sha256, reason: REASON });
  expect(done).toMatchObject({
    status: 201,
    json: { role: 'active', model: shipped, reason: REASON, by: 'web', inUseAtMs: null, failure: null },
  });
  expect(checked).toEqual([join(process.cwd(), COMPACT)]);
  // What judges lies in the data folder.
  expect(
    (await loadModelPackage(join(installedDir, `${shipped.name}-${shipped.version}-${shipped.sha256.slice(0, 12)}`)))
      .identity,
  ).toEqual(shipped);
  const activation = (await web.store.modelInForce('active')).wanted!;
  await web.store.noteModelFailed(activation, 'The golden case differs.');
  expect((await board()).history[0]).toMatchObject({ failure: 'The golden case differs.', inUseAtMs: null });
  await web.store.noteModelInUse(activation, activation.threshold!);
  expect((await board()).history[0]).toMatchObject({ failure: null, inUseAtMs: expect.any(Number) as number });
  const [entry] = await web.access.audit.page({ action: 'model.activated' }, 5);
  expect(entry).toMatchObject({
    actor: 'web',
    address: '127.0.0.1',
    target: `${shipped.name}@${shipped.version}`,
    detail: { role: 'active', reason: REASON },
  });
});

test('a shadow is set and ended; the active package is not its own shadow, and the active role is never empty', async () => {
  const { decide, board, sha256, shipped } = await withPackages();
  expect((await decide({ role: 'active', sha256: shipped.sha256, reason: REASON })).status).toBe(201);
  expect(await decide({ role: 'shadow', sha256: shipped.sha256, reason: REASON })).toMatchObject({
    status: 400,
    json: { message: expect.stringContaining('cannot be its own shadow') as string },
  });
  expect((await decide({ role: 'shadow', sha256, reason: REASON })).json).toMatchObject({
    role: 'shadow',
    threshold: null,
  });
  expect((await board()).packages.map(({ model, roles }) => [model!.version, roles])).toEqual([
    ['9.0.0', ['shadow']],
    [shipped.version, ['active']],
  ]);
  expect((await decide({ role: 'active', sha256: null, reason: REASON })).status).toBe(400);
  expect((await decide({ role: 'shadow', sha256: null, reason: REASON })).status).toBe(201);
  expect((await board()).wanted.shadow).toBeNull();
});

test('a threshold that the site has set is asked about, and one person sets none where it takes two', async () => {
  const { web, decide, board, sha256, shipped } = await withPackages({}, { secondPerson: true });
  await web.database.db
    .transaction()
    .execute((trx) =>
      putThreshold(trx, systemClock.now(), { modelName: shipped.name, value: 0.61, reason: 'ours', by: 'ada' }),
    );
  expect((await board()).packages[0]).toMatchObject({ thresholdQuestion: { inForce: 0.61, ownSources: [] } });
  const unsaid = await decide({ role: 'active', sha256, reason: REASON });
  expect([unsaid.status, unsaid.json['error']]).toEqual([409, 'threshold-unsaid']);
  expect((await board()).history).toEqual([]);
  expect((await decide({ role: 'active', sha256, reason: REASON, threshold: 0.5 })).status).toBe(400);
  expect((await decide({ role: 'active', sha256, reason: REASON, threshold: 'keep' })).json).toMatchObject({
    threshold: null,
  });
  expect((await decide({ role: 'active', sha256, reason: REASON, threshold: 'default' })).json).toMatchObject({
    threshold: (await loadModelPackage(COMPACT)).defaultThreshold,
  });
});

test('a package that does not pass its check changes nothing, and the answer says why', async () => {
  const { decide, board, sha256 } = await withPackages({
    verify: () => Promise.reject(new TriageError('model-invalid', 'The golden case differs by 0.2.')),
  });
  const refused = await decide({ role: 'active', sha256, reason: REASON });
  expect(refused).toMatchObject({
    status: 422,
    json: { error: 'model-refused', message: expect.stringContaining('The golden case differs by 0.2.') as string },
  });
  expect(await decide({ role: 'active', sha256: 'ab'.repeat(32), reason: REASON })).toMatchObject({
    status: 404,
    json: { message: expect.stringContaining('odontoid model install') as string },
  });
  expect((await decide({ role: 'active', sha256, reason: 'too short' })).status).toBe(400);
  expect((await board()).history).toEqual([]);
});

test('while one package is checked no other is taken, and the list still answers', async () => {
  let end = (): void => undefined;
  const checking = new Promise<void>((resolve) => {
    end = resolve;
  });
  const { web, decide, sha256, shipped } = await withPackages({ verify: () => checking });
  const first = decide({ role: 'active', sha256, reason: REASON });
  let isDeciding = false;
  while (!isDeciding)
    isDeciding = ((await (await fetch(`${web.url}/api/models`)).json()) as { isDeciding: boolean }).isDeciding;
  expect(await decide({ role: 'active', sha256: shipped.sha256, reason: REASON })).toMatchObject({
    status: 409,
    json: { error: 'model-check-running' },
  });
  end();
  expect((await first).status).toBe(201);
});

test('an activation asks for an admin and a recent sign-in', async () => {
  const clock = shiftedClock();
  const { web, sha256 } = await withPackages({}, { clock, signIn: { signIn: 'local' } });
  await addUser(web, 'ada', 'admin');
  const ada = new Visitor(web.url);
  await ada.signIn('ada');
  clock.advance(11 * 60_000);
  const late = await ada.ask('POST', '/api/models/activations', { role: 'active', sha256, reason: REASON });
  expect([late.status, late.json['error']]).toEqual([403, 'sign-in-again']);
  await ada.ask('POST', '/api/session/confirm', { password: 'axis and atlas, seven' });
  await ada.session();
  const now = await ada.ask('POST', '/api/models/activations', { role: 'active', sha256, reason: REASON });
  expect(now).toMatchObject({ status: 201, json: { by: 'ada' } });
});

test('a package that was never validated here takes a second person, whose password is checked', async () => {
  const { web, board, sha256, shipped } = await withPackages({}, { signIn: { signIn: 'local' }, validated: false });
  await addUser(web, 'ada', 'admin');
  await addUser(web, 'grace', 'reader');
  const ada = new Visitor(web.url);
  await ada.signIn('ada');
  const activate = (second?: object, role = 'active') =>
    ada.ask('POST', '/api/models/activations', { role, sha256, reason: REASON, ...(second && { second }) });
  const refused = async (second?: object) => {
    const { status, json } = await activate(second);
    return [status, json['error']];
  };
  expect(await refused()).toEqual([409, 'second-signature']);
  expect(await refused({ name: 'grace', password: 'guessed' })).toEqual([409, 'second-signature']);
  expect(await refused({ name: 'nobody', password: PASSWORD })).toEqual([409, 'second-signature']);
  expect(await refused({ name: 'ada', password: PASSWORD })).toEqual([400, 'command-invalid']);
  expect((await web.store.modelInForce('active')).wanted).toBeNull();
  // A shadow judges nobody.
  expect((await activate(undefined, 'shadow')).status).toBe(201);
  const done = await activate({ name: 'grace', password: PASSWORD });
  expect(done).toMatchObject({ status: 201, json: { by: 'ada', approvedBy: 'grace' } });
  // Ada is still the one who is signed in, and the wrong passwords are on record.
  expect(await ada.session()).toMatchObject({ user: { name: 'ada' } });
  const audit = await web.database.db.selectFrom('audit_log').select(['action', 'actor']).execute();
  expect(audit.filter(({ action }) => action === 'sign-in.failed').map(({ actor }) => actor)).toEqual([
    'grace',
    'unknown',
  ]);

  // Once it was validated, one person is enough.
  await validatedHere(web.database, { ...shipped, version: '9.0.0', sha256 });
  expect((await activate()).json['approvedBy']).toBeNull();
  await board();
});

test('every screen can ask whether the network in use was validated here', async () => {
  const { web } = await withPackages({}, { validated: false });
  const asked = async () => (await (await fetch(`${web.url}/api/network`)).json()) as { validatedAtMs: number | null };
  const { sha256 } = READY.model!;
  expect(await asked()).toMatchObject({ model: { sha256 }, validatedAtMs: null });
  await validatedHere(web.database, READY.model!, 1_234);
  expect(await asked()).toMatchObject({ model: { sha256 }, validatedAtMs: 1_234 });
});

test('the comparison names cases by their reference, and says which can still be opened', async () => {
  const { web, decide, sha256, shipped } = await withPackages();
  const asked = () => fetch(`${web.url}/api/models/comparison`);
  expect((await asked()).status).toBe(404);
  await decide({ role: 'active', sha256: shipped.sha256, reason: REASON });
  await decide({ role: 'shadow', sha256, reason: REASON });
  await addStudy(web, { id: 'flipped', outcome: 0.9 });
  const scored = (study: string, active: number) => ({
    studyInstanceUid: studyUid(study),
    revision: 1,
    manifest: manifestOf([1, 2].map((number) => instanceOf({ study, number }))),
    findings: findingsOf(active, { model: shipped }),
  });
  const shadow = { name: shipped.name, version: '9.0.0', sha256 };
  await web.store.saveShadowScore(shadow, scored('flipped', 0.9), {
    findings: findingsOf(0.1, { model: shadow }),
    seconds: 2,
  });
  await web.store.saveShadowScore(shadow, scored('gone', 0.1), {
    findings: findingsOf(0.9, { model: shadow }),
    seconds: 2,
  });
  const comparison = (await (await asked()).json()) as Record<string, unknown>;
  expect(comparison).toMatchObject({ cases: 2, flipsTotal: 2, agreement: { cases: 2, share: { value: 0 } } });
  expect(comparison['flips']).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        caseRef: caseRef(studyUid('flipped')),
        present: true,
        active: { decision: 'suspected', probability: 0.9 },
      }),
      expect.objectContaining({ caseRef: caseRef(studyUid('gone')), present: false }),
    ]),
  );
  expect(JSON.stringify(comparison)).not.toContain(studyUid('flipped'));
});

test('an uploaded package is checked, installed and on record, and judges nothing', async () => {
  const checked: string[] = [];
  const { web, installedDir, shipped, board } = await withPackages({
    verify: (dir) => Promise.resolve(checked.push(dir)),
  });
  const source = join(web.folder, 'source');
  const sha256 = await packageVariant(source, '10.0.0');
  await writeFile(join(source, 'notes.txt'), 'not part of the package');
  const whole = await bodyOf(source, [...FILES, 'notes.txt', 'testScores.json']);
  const model = { name: shipped.name, version: '10.0.0', sha256 };
  expect(await upload(web.url, whole)).toEqual({ status: 201, json: { model, wasThere: false } });
  const folder = `${shipped.name}-10.0.0-${sha256.slice(0, 12)}`;
  expect((await loadModelPackage(join(installedDir, folder))).identity).toEqual(model);
  expect((await readdir(installedDir)).sort()).toEqual(['nine', folder].sort());
  // Neither what the manifest does not name, nor the test scores of another package.
  expect((await readdir(join(installedDir, folder))).sort()).toEqual([...FILES].sort());
  // It was checked where it is not taken for a package.
  expect(checked).toHaveLength(1);
  expect(checked[0]).toMatch(/models\/\.upload-/);
  expect((await board()).packages.find(({ model: one }) => one?.version === '10.0.0')).toMatchObject({
    source: 'installed',
    state: 'verified',
    roles: [],
    removable: true,
  });
  expect((await web.store.modelInForce('active')).wanted).toBeNull();
  expect(await upload(web.url, whole)).toEqual({ status: 201, json: { model, wasThere: true } });
  expect(await web.access.audit.page({ action: 'model.installed' }, 5)).toMatchObject([
    { actor: 'web', address: '127.0.0.1', target: `${shipped.name}@10.0.0`, detail: { sha256 } },
  ]);
});

test('an upload that is wrong in any one thing installs nothing, leaves nothing, and is told why', async () => {
  const { web, installedDir } = await withPackages({
    verify: async (dir) => {
      if ((await loadModelPackage(dir)).identity.version === '66.0.0')
        throw new TriageError('model-invalid', `The golden case of ${dir} differs by 0.2.`);
    },
  });
  const source = join(web.folder, 'source');
  await packageVariant(source, '10.0.0');
  const whole = await bodyOf(source);
  const golden = join(web.folder, 'golden');
  await packageVariant(golden, '66.0.0');
  const taken = join(web.folder, 'taken');
  await packageVariant(taken, '9.0.0', { licence: 'MIT' });
  const before = await readdir(installedDir);
  for (const [what, sent, status, words] of [
    [
      'other bytes',
      { ...whole, body: whole.body.map((byte, at) => (at === 40_000 ? byte ^ 1 : byte)) },
      422,
      /^Nothing was installed: The model file \w+\.onnx is not the one/,
    ],
    ['a file that is missing', await bodyOf(source, FILES.slice(0, 2)), 422, /caseClassifier\.onnx cannot be read/],
    ['no manifest', await bodyOf(source, FILES.slice(1)), 422, /No readable model package in the upload/],
    [
      'a golden case that differs',
      await bodyOf(golden),
      422,
      /^Nothing was installed: The golden case of the upload differs by 0\.2\.$/,
    ],
    ['a version that is taken', await bodyOf(taken), 409, /a version of its own/],
    ['fewer bytes', { ...whole, body: whole.body.subarray(0, -1) }, 400, /ended before the files were whole/],
    ['more bytes', { ...whole, body: Buffer.concat([whole.body, Buffer.of(0)]) }, 400, /More came/],
    [
      'a name that leads out',
      { ...whole, files: whole.files.replace('sliceEncoder', '../sliceEncoder') },
      400,
      /names and sizes/,
    ],
    [
      'a hidden name',
      { ...whole, files: whole.files.replace('sliceEncoder', '.sliceEncoder') },
      400,
      /names and sizes/,
    ],
    [
      'a name twice',
      { ...whole, files: whole.files.replace('sliceEncoder', 'Model').replace('.onnx', '.json') },
      400,
      /one name/,
    ],
    ['too many bytes', { ...whole, files: 'model.json:50000001' }, 413, /web\.modelUploadMaxBytes allows 50000000/],
  ] as const) {
    const answer = await upload(web.url, sent);
    expect(answer, what).toMatchObject({ status, json: { message: expect.stringMatching(words) as string } });
    expect(JSON.stringify(answer.json), what).not.toContain(installedDir);
    expect(await readdir(installedDir), what).toEqual(before);
  }
  expect(await web.access.audit.page({ action: 'model.installed' }, 5)).toEqual([]);
});

test('a disk without room, and a site that installs on the command line, take no upload', async () => {
  const tight = await withPackages({ uploads: { mostBytes: 50_000_000, keepFreeBytes: 2 ** 60 } });
  const whole = await bodyOf(COMPACT);
  expect(await upload(tight.web.url, whole)).toMatchObject({
    status: 422,
    json: { message: expect.stringContaining('receive.minFreeBytes') as string },
  });
  const closed = await withPackages({ uploads: { mostBytes: 0, keepFreeBytes: 0 } });
  expect(await upload(closed.web.url, whole)).toMatchObject({
    status: 413,
    json: { message: expect.stringContaining('odontoid model install DIR') as string },
  });
});

test('of an upload whose sender goes away nothing stays, and what a dead process left goes with the next one', async () => {
  const { web, installedDir } = await withPackages();
  await mkdir(join(installedDir, '.upload-dead'));
  const gone = new AbortController();
  const sent = fetch(`${web.url}/api/models/packages?files=model.json:1000`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    signal: gone.signal,
    duplex: 'half',
    body: new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) }),
  }).catch(() => 'gone');
  const uploads = async () => (await readdir(installedDir)).filter((name) => name.startsWith('.upload-'));
  const until = async (holds: (names: string[]) => boolean) => {
    while (!holds(await uploads())) await systemClock.sleep(5);
  };
  await until((names) => names.length === 1 && names[0] !== '.upload-dead');
  const whole = await bodyOf(COMPACT);
  expect(await upload(web.url, whole)).toMatchObject({ status: 409, json: { error: 'model-check-running' } });
  gone.abort();
  expect(await sent).toBe('gone');
  await until((names) => names.length === 0);
  expect((await upload(web.url, whole)).status).toBe(201);
});

test('a package is removed, unless it judges, scores, is loaded, or is what the agent goes back to', async () => {
  const loaded: { name: string; version: string; sha256: string }[] = [];
  const { web, decide, board, sha256, installedDir, shipped } = await withPackages({ serving: () => loaded });
  const nine = { name: shipped.name, version: '9.0.0', sha256 };
  const removable = async () => (await board()).packages.find(({ model }) => model?.version === '9.0.0')!.removable;
  expect(await discard(web, '..')).toBe(404);
  expect(await discard(web, encodeURIComponent('../models/nine'))).toBe(404);
  expect(await discard(web, 'compact')).toBe(404);

  loaded.push(nine);
  expect([await removable(), await discard(web, 'nine')]).toEqual([false, 409]);
  loaded.pop();
  await decide({ role: 'shadow', sha256, reason: REASON });
  // The shadow is the copy under the name that the agent looks for.
  await rm(join(installedDir, 'nine'), { recursive: true });
  const folder = `${shipped.name}-9.0.0-${sha256.slice(0, 12)}`;
  expect([await removable(), await discard(web, folder)]).toEqual([false, 409]);
  await decide({ role: 'shadow', sha256: null, reason: REASON });
  await decide({ role: 'active', sha256, reason: REASON });
  expect([await removable(), await discard(web, folder)]).toEqual([false, 409]);
  await web.store.noteModelInUse((await web.store.modelInForce('active')).wanted!, 0.3);
  // The next one has not loaded yet: the agent may have to go back.
  await decide({ role: 'active', sha256: shipped.sha256, reason: REASON });
  expect([await removable(), await discard(web, folder)]).toEqual([false, 409]);
  await web.store.noteModelInUse((await web.store.modelInForce('active')).wanted!, 0.3);
  // A damaged one that nobody needs goes too.
  await writeFile(join(installedDir, folder, 'caseClassifier.onnx'), 'rotten');
  expect(await discard(web, folder)).toBe(204);
  await expect(stat(join(installedDir, folder))).rejects.toMatchObject({ code: 'ENOENT' });
  expect((await readdir(installedDir)).filter((name) => name.startsWith('.'))).toEqual([]);
  expect(await web.access.audit.page({ action: 'model.removed' }, 5)).toMatchObject([
    { actor: 'web', target: folder, detail: { sha256: null } },
  ]);
  expect(await discard(web, folder)).toBe(404);
});
