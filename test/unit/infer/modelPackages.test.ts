import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadModelPackage } from '../../../src/infer/modelCard.ts';
import {
  findModelPackages,
  installModelPackage,
  installedPackageDir,
  pickModelPackage,
} from '../../../src/infer/modelPackages.ts';

const SHIPPED_DIR = path.resolve('models');
const COMPACT = path.join(SHIPPED_DIR, 'compact');

describe('model packages on this machine', () => {
  let dir: string;
  let installedDir: string;
  beforeEach(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'odontoid-packages-'));
    installedDir = path.join(dir, 'data/models');
  });
  afterEach(async () => rm(dir, { recursive: true }));

  /** The shipped package with other words in its manifest. */
  async function variant(name: string, change: Record<string, unknown>): Promise<string> {
    const folder = path.join(dir, name);
    await cp(COMPACT, folder, { recursive: true });
    const file = path.join(folder, 'model.json');
    await writeFile(file, JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), ...change }));
    return folder;
  }
  const find = () => findModelPackages({ installedDir, configuredDir: COMPACT, shippedDir: SHIPPED_DIR });

  it('installs the files that the manifest names, byte for byte, once', async () => {
    const folder = await variant('v2', { version: '2.0.0' });
    await writeFile(path.join(folder, 'notes.txt'), 'not part of the package');
    const source = await loadModelPackage(folder);
    const installed = await installModelPackage(source, installedDir);
    expect(installed).toEqual({ dir: installedPackageDir(installedDir, source.identity), wasThere: false });
    expect((await readdir(installed.dir)).sort()).toEqual(
      ['model.json', ...Object.values(source.card.files).map((file) => file.path)].sort(),
    );
    expect((await loadModelPackage(installed.dir)).identity).toEqual(source.identity);
    expect(await installModelPackage(source, installedDir)).toEqual({ dir: installed.dir, wasThere: true });
    expect(await readdir(installedDir)).toEqual([path.basename(installed.dir)]);
  });

  it('installs the scores of its test with a package, and no other package’s', async () => {
    const source = await loadModelPackage(COMPACT);
    const { dir: installed } = await installModelPackage(source, installedDir);
    expect((await loadModelPackage(installed)).testScores?.scores).toMatchObject({ of: 'synthetic phantoms' });
    // Another package with the file of this one.
    expect((await loadModelPackage(await variant('v2', { version: '2.0.0' }))).testScores).toBeNull();
  });

  it('installs a package that lies there under a name of its own, where the agent looks for it', async () => {
    const source = await loadModelPackage(await variant('data/models/by-hand', { version: '2.0.0' }));
    expect(await installModelPackage(source, installedDir)).toEqual({
      dir: installedPackageDir(installedDir, source.identity),
      wasThere: false,
    });
    expect((await find()).filter(({ identity }) => identity?.version === '2.0.0')).toHaveLength(1);
  });

  it('refuses other contents under a name and version that are installed, and says so', async () => {
    await installModelPackage(await loadModelPackage(await variant('first', { version: '2.0.0' })), installedDir);
    const other = await loadModelPackage(await variant('second', { version: '2.0.0', licence: 'MIT' }));
    await expect(installModelPackage(other, installedDir)).rejects.toMatchObject({
      code: 'model-conflict',
      message: expect.stringContaining('a version of its own') as string,
    });
    expect(await readdir(installedDir)).toHaveLength(1);
  });

  it('puts a sound copy in the place of a damaged one, and clears away a copy that was cut short', async () => {
    const source = await loadModelPackage(await variant('v2', { version: '2.0.0' }));
    const { dir: place } = await installModelPackage(source, installedDir);
    await writeFile(path.join(place, 'caseClassifier.onnx'), 'damaged');
    await cp(place, path.join(installedDir, '.incoming-left'), { recursive: true });
    expect((await find()).find((found) => found.dir === place)).toMatchObject({
      source: 'installed',
      identity: null,
      problem: expect.stringContaining('is not the one that model.json describes') as string,
    });
    expect(await installModelPackage(source, installedDir)).toEqual({ dir: place, wasThere: false });
    expect((await loadModelPackage(place)).identity).toEqual(source.identity);
    expect(await readdir(installedDir)).toEqual([path.basename(place)]);
  });

  it('lists what is installed and shipped, each package once, and finds one by its name and version', async () => {
    expect((await find()).map(({ source }) => source)).toEqual(['shipped']);
    const shipped = await loadModelPackage(COMPACT);
    await installModelPackage(shipped, installedDir);
    await installModelPackage(await loadModelPackage(await variant('v2', { version: '99.0.0' })), installedDir);
    const found = await find();
    expect(found.map(({ source, identity }) => [source, identity?.version])).toEqual([
      ['installed', shipped.identity.version],
      ['installed', '99.0.0'],
    ]);
    expect(pickModelPackage(found, `${shipped.identity.name}@99.0.0`).identity.version).toBe('99.0.0');
    expect(() => pickModelPackage(found, shipped.identity.name)).toThrow(/may mean .*99\.0\.0/);
    expect(() => pickModelPackage(found, 'nobody')).toThrow(/no model package nobody here.*99\.0\.0/);
  });

  it('refuses names that would reach outside the folder of packages, and another kind, in one clear line', async () => {
    for (const [change, message] of [
      [{ name: '../../etc' }, /name: lower-case letters/],
      [{ name: '..' }, /name: lower-case letters/],
      [{ version: '1/0' }, /version: letters, digits/],
      [
        { kind: 'mosaic' },
        /kind: this version of Odontoid runs packages of the kinds "slice-sequence", "volume", and "vertebra-sequence" only, not "mosaic"/,
      ],
    ] as const) {
      const error = await loadModelPackage(await variant('bad', change)).catch((thrown: unknown) => thrown as Error);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).not.toContain('\n');
      await rm(path.join(dir, 'bad'), { recursive: true });
    }
  });
});
