import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelInput } from '../../../src/preprocess/modelInput.ts';
import { inputOf } from '../../../training/caseTensors.ts';
import { packageRoot } from '../../../src/base/packageRoot.ts';

/** The paper's section 2.1, by hand: gross bone, standard bone, soft tissue, in the order of the network's channels. */
const PAPER = [
  { centerHu: 400, widthHu: 650 },
  { centerHu: 500, widthHu: 1800 },
  { centerHu: 80, widthHu: 300 },
];
const read = (path: string): string => readFileSync(resolve(packageRoot, path), 'utf8');
const profiles = readdirSync(resolve(packageRoot, 'training/profiles')).map((name) => join('training/profiles', name));
const ofSlices = profiles.filter((path) =>
  [undefined, 'slice-sequence'].includes((JSON.parse(read(path)) as { kind?: string }).kind),
);

describe('the windows of training, of the package and of the agent are one, and in one order', () => {
  it.each(ofSlices)('the tensors that training reads by %s', (path) => {
    expect(inputOf(resolve(packageRoot, path)).input.windowsHu).toEqual(PAPER);
  });

  it('what training writes into a package', () => {
    const [, windows] = /^WINDOWS_HU = (\[.*\])$/m.exec(read('training/odontoid_training/profile.py'))!;
    expect(JSON.parse(windows!)).toEqual(PAPER);
    expect(read('training/odontoid_training/package.py')).toContain('"windowsHu": WINDOWS_HU');
  });

  it('the shipped package, and the rest of its input as its profile says', () => {
    const { input, trainingData } = JSON.parse(read('models/compact/model.json')) as {
      input: Record<string, unknown>;
      trainingData: { profile: string };
    };
    expect(input['windowsHu']).toEqual(PAPER);
    const { kind, ...trained } = inputOf(resolve(packageRoot, `training/profiles/${trainingData.profile}.json`)).input;
    expect(kind).toBe('slice-sequence');
    expect(input).toMatchObject(trained);
  });

  it('values of the channels, by hand', () => {
    // 155 HU everywhere: no bone to crop to, and another grey in each window.
    const rows = 32;
    const { input } = inputOf(resolve(packageRoot, 'training/profiles/compact.json'));
    if (input.kind !== 'slice-sequence') throw new Error('The profile compact is of slices.');
    const { tensor, fullFrame } = modelInput(
      { hu: new Float32Array(rows * rows).fill(155), rows, columns: rows },
      { ...input, sizePixels: rows },
    );
    expect(fullFrame).toBe(true);
    const channel = (index: number): number => tensor[index * rows * rows + (rows * rows) / 2 + 5]!;
    expect(channel(0)).toBeCloseTo((155 - 75) / 650, 6);
    expect(channel(1)).toBeCloseTo((155 + 400) / 1800, 6);
    expect(channel(2)).toBeCloseTo((155 + 70) / 300, 6);
  });
});
