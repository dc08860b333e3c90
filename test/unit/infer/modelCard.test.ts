import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadModelPackage } from '../../../src/infer/modelCard.ts';
import { noByteMayChange } from './noByteMayChange.ts';

const SHIPPED = path.resolve('models/compact');

describe('loadModelPackage', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'odontoid-model-'));
    await cp(SHIPPED, dir, { recursive: true });
  });
  afterEach(async () => rm(dir, { recursive: true }));

  const change = async (edit: (card: Record<string, Record<string, unknown>>) => void): Promise<void> => {
    const file = path.join(dir, 'model.json');
    const card = JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<string, unknown>>;
    edit(card);
    await writeFile(file, JSON.stringify(card));
  };

  it('loads the shipped package; its digest is that of the manifest, which names all others', async () => {
    const loaded = await loadModelPackage(dir);
    expect(loaded.identity).toMatchObject({ name: loaded.card.name, version: loaded.card.version });
    expect(loaded.identity.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(loaded.defaultThreshold).toBe(
      loaded.card.operatingPoints.find((point) => point.name === 'default')?.threshold,
    );
    expect(
      Object.entries(loaded.card.files).map(([name, { sizeBytes }]) => loaded.graphs[name]!.length === sizeBytes),
    ).toEqual([true, true]);
    await change((card) => Object.assign(card, { version: '9.9.9' }));
    expect((await loadModelPackage(dir)).identity.sha256).not.toBe(loaded.identity.sha256);
  });

  it('refuses a package with any byte of a graph changed, added or taken away', async () => {
    for (const name of ['sliceEncoder.onnx', 'caseClassifier.onnx']) await noByteMayChange(dir, name);
    await expect(loadModelPackage(dir)).resolves.toBeDefined();
  });

  it('refuses a manifest with a key that it does not know, or without one that it needs, and names it', async () => {
    await change((card) => Object.assign(card['input']!, { resampling: 'nearest' }));
    await expect(loadModelPackage(dir)).rejects.toMatchObject({
      code: 'model-invalid',
      message: expect.stringContaining('resampling') as string,
    });
    await change((card) => {
      delete card['input']!['resampling'];
      delete card['input']!['cropRule'];
    });
    await expect(loadModelPackage(dir)).rejects.toMatchObject({
      code: 'model-invalid',
      message: expect.stringContaining('input.cropRule') as string,
    });
  });

  it('refuses a manifest that reaches outside its folder, has no default operating point, or is of another kind', async () => {
    for (const edit of [
      (card: Record<string, Record<string, unknown>>) =>
        Object.assign(card['files']!['sliceEncoder'] as object, { path: '../sliceEncoder.onnx' }),
      (card: Record<string, Record<string, unknown>>) => Object.assign(card, { operatingPoints: [] }),
      (card: Record<string, Record<string, unknown>>) => Object.assign(card, { kind: 'volume' }),
      (card: Record<string, Record<string, unknown>>) => Object.assign(card, { schema: 2 }),
    ]) {
      await cp(path.join(SHIPPED, 'model.json'), path.join(dir, 'model.json'));
      await change(edit);
      await expect(loadModelPackage(dir)).rejects.toMatchObject({ code: 'model-invalid' });
    }
  });

  it('says what to do when there is no package, no JSON, or a file is missing', async () => {
    await expect(loadModelPackage(path.join(dir, 'nowhere'))).rejects.toMatchObject({
      code: 'model-invalid',
      message: expect.stringContaining('model.json') as string,
    });
    await rm(path.join(dir, 'caseClassifier.onnx'));
    await expect(loadModelPackage(dir)).rejects.toMatchObject({
      code: 'model-invalid',
      message: expect.stringContaining('caseClassifier.onnx') as string,
    });
    await writeFile(path.join(dir, 'model.json'), '{');
    await expect(loadModelPackage(dir)).rejects.toMatchObject({ code: 'model-invalid' });
  });
});
