import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { seededRandom } from '../../src/base/random.ts';
import { loadModelPackage } from '../../src/infer/modelCard.ts';
import { migrate, openDatabase } from '../../src/worklist/db/database.ts';
import { odontoid } from './odontoidCommand.ts';

const DAY_MS = 86_400_000;
const MODEL_DIR = join(packageRoot, 'models/compact');

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-recalibration-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A site of the shipped package whose readers judged 300 scans: of those with a score of p, p/2 have a fracture. */
async function seedVerdicts(file: string): Promise<void> {
  await mkdir(dirname(file));
  const { name, version, sha256 } = (await loadModelPackage(MODEL_DIR)).identity;
  await migrate(file);
  const worklist = await openDatabase(file);
  const random = seededRandom('verdicts');
  for (let scan = 0; scan < 300; scan++) {
    const probability = random.between(0.02, 0.98);
    const fracture = random.chance(probability / 2);
    const decision = probability >= 0.32 ? ('suspected' as const) : ('not-suspected' as const);
    const [study, atMs] = [`1.2.826.${scan}`, Date.now() - (scan % 90) * DAY_MS];
    await worklist.db
      .insertInto('scan_history')
      .values({
        study_instance_uid: study,
        source_ae_title: 'CT1',
        scanner: 'Scanner Works X',
        arrived_at: atMs,
        scored_at: atMs,
        probability,
        model_sha256: sha256,
        decision,
        stat: 0,
        read_at: atMs,
      })
      .execute();
    await worklist.db
      .insertInto('verdicts')
      .values({
        study_instance_uid: study,
        revision: 1,
        verdict: (decision === 'suspected') === fracture ? 'agree' : 'disagree',
        fracture: fracture ? 'yes' : 'no',
        model_name: name,
        model_version: version,
        model_sha256: sha256,
        probability,
        threshold: 0.32,
        threshold_version: 1,
        created_at: atMs,
        created_by: 'rita',
      })
      .execute();
  }
  await worklist.close();
}

it('a site’s verdicts make a version of the package that is installed, audited and activated like any other', async () => {
  const config = join(dir, 'site.yaml');
  const database = join(dir, 'data', 'odontoid.sqlite');
  await writeFile(config, JSON.stringify({ dataDir: join(dir, 'data') }));
  const run = (...args: string[]) => odontoid([...args, '--config', config], { cwd: dir });
  const nothing = await run('model', 'recalibrate', '--reason', 'too many false flags');
  expect([nothing.exitCode, nothing.stderr]).toEqual([1, expect.stringContaining('no case was ever received')]);

  await seedVerdicts(database);
  const words = ['--reason', 'too many false flags', '--by', 'ada'];
  const made = await run('model', 'recalibrate', ...words, '--json');
  expect(made.exitCode, made.stderr).toBe(0);
  const told = JSON.parse(made.stdout) as { model: { version: string }; intercept: { high: number }; cases: number };
  expect(told).toMatchObject({ model: { name: 'odontoid-compact' }, cases: 300 });
  expect(told.model.version).toMatch(/\+site\.1$/);
  // Half as many fractures as said: lower on the logit scale, beyond chance.
  expect(told.intercept.high).toBeLessThan(-0.5);

  const wanted = `odontoid-compact@${told.model.version}`;
  expect((await run('model', 'card', wanted)).stdout).toContain('then on 300 verdicts of a site');
  const alone = await run('model', 'activate', wanted, ...words);
  expect([alone.exitCode, alone.stderr]).toEqual([2, expect.stringContaining('never validated at this site')]);
  const signed = await run('model', 'activate', wanted, ...words, '--second', 'grace');
  expect(signed.exitCode, signed.stderr).toBe(0);

  const worklist = await openDatabase(database);
  const audit = await worklist.db
    .selectFrom('audit_log')
    .select(['action', 'actor', 'target', 'detail'])
    .orderBy('seq')
    .execute();
  await worklist.close();
  expect(audit.map(({ action, actor, target }) => [action, actor, target])).toEqual([
    ['model.recalibrated', 'ada', wanted],
    ['model.activated', 'ada', expect.stringContaining(wanted)],
  ]);
  expect(JSON.parse(audit[0]!.detail)).toMatchObject({ cases: 300, reason: 'too many false flags' });
});
