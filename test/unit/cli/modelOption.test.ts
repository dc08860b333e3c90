import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeDatabase, onDatabase } from '../../../src/cli/modelDatabase.ts';
import { withModel } from '../../../src/cli/modelOption.ts';
import { dataPaths } from '../../../src/compose/places.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { loadModelPackage } from '../../../src/infer/modelCard.ts';
import { installModelPackage } from '../../../src/infer/modelPackages.ts';

const shipped = resolve('models/compact');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-model-option-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const config = () => configFrom({ dataDir: join(dir, 'data') });
const judgedBy = async (wanted?: string) => (await withModel(config(), wanted)).infer.modelDir;

it('a command judges by the package that --model names, else by the active one, else by the configured one', async () => {
  expect(await judgedBy()).toBe(shipped);

  const folder = join(dir, 'next');
  await cp(shipped, folder, { recursive: true });
  const manifest = join(folder, 'model.json');
  await writeFile(manifest, (await readFile(manifest, 'utf8')).replace(/"version": "[^"]+"/, '"version": "99.0.0"'));
  const next = await loadModelPackage(folder);
  const installed = await installModelPackage(next, dataPaths(config()).models);
  expect(await judgedBy()).toBe(shipped);
  expect(await judgedBy(folder)).toBe(folder);
  expect(await judgedBy(`${next.identity.name}@99.0.0`)).toBe(installed.dir);

  await makeDatabase(config());
  await onDatabase(
    config(),
    (store) =>
      store.activateModel({ role: 'active', model: next.identity, threshold: null, reason: 'trial', by: 'ada' }),
    () => Promise.reject(new Error('no database')),
  );
  expect(await judgedBy()).toBe(installed.dir);
  expect(await judgedBy(shipped)).toBe(shipped);
  await expect(judgedBy('nobody@1')).rejects.toMatchObject({ code: 'not-found' });
});
