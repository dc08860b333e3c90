import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assembleStudy } from '../../../src/assemble/assembleStudy.ts';
import { isGeometryWhole } from '../../../src/assemble/completeness.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import type { CaseManifest, StoredInstance } from '../../../src/case/case.ts';
import { readBeginning } from '../../../src/base/readBeginning.ts';
import { readStudyFolder } from '../../../src/cohort/readStudyFolder.ts';
import { readHeader } from '../../../src/dicom/header.ts';
import { openCtFile } from '../../../src/infer/decodePixels.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { generatePhantom } from '../../../src/phantom/generatePhantom.ts';
import { writePhantomStudy } from '../../../src/phantom/writePhantomStudy.ts';

const run = promisify(execFile);
/** Debian's own Python, where python3-pydicom lives. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = join(import.meta.dirname, '../dicom/enhancedCt.py');
const SLICES = 40;

/** What the script writes, by the name of the folder that it goes to. */
const WRITTEN: Record<string, object> = {
  explicit: { encoding: 'explicit' },
  'per-frame': { encoding: 'explicit', layout: 'per-frame' },
  implicit: { encoding: 'implicit', layout: 'per-frame' },
  'big-endian': { encoding: 'big-endian' },
  deflated: { encoding: 'deflated' },
  rle: { encoding: 'rle' },
  j2k: { encoding: 'j2k' },
  jp2: { encoding: 'jp2' },
  legacy: { encoding: 'explicit', legacy: true },
  concatenation: { encoding: 'explicit', parts: 3 },
  'part-missing': { encoding: 'explicit', parts: 3, dropParts: [2] },
  localizer: { encoding: 'explicit', localizer: true },
  'two-stacks': { encoding: 'explicit', twice: true },
  'one-without-position': { encoding: 'explicit', dropPosition: [17] },
  'none-with-position': { encoding: 'explicit', dropPosition: Array.from({ length: SLICES }, (_, index) => index) },
  sparse: { encoding: 'explicit', sparse: 1024, repeat: 28 },
};
/** DCMTK's converters on the first of these, which says that it is explicit. */
const CONVERTED: Record<string, [tool: string, ...args: string[]]> = {
  'jpeg-ls': ['dcmcjpls', '+el'],
  'jpeg-lossless': ['dcmcjpeg', '+e1'],
  'rle-dcmtk': ['dcmcrle', '-ot'],
};

let root: string;
let classic: CaseManifest;
const at = (name: string): string => join(root, name);
const instancesIn = async (name: string): Promise<StoredInstance[]> => {
  const { instances, unread } = await readStudyFolder(at(name), { receivedAtMs: 0, maxObjectBytes: 2 ** 32 });
  expect(unread).toEqual([]);
  return instances;
};
const assembled = async (name: string) => assembleStudy(await instancesIn(name), DEFAULT_SERIES_RULES);
async function manifestOf(name: string): Promise<CaseManifest> {
  const study = await assembled(name);
  if (study.type !== 'seriesChosen') throw new Error(study.reason);
  return study.manifest;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'odontoid-enhanced-'));
  const phantom = generatePhantom(drawPhantomParams(4712, { slices: SLICES, rows: 64, fractures: 'none' }));
  await writePhantomStudy(phantom, { dir: at('classic') });
  for (const name of [...Object.keys(WRITTEN), ...Object.keys(CONVERTED)]) await mkdir(at(name));
  const options = Object.entries(WRITTEN).map(([name, what]) => ({ ...what, slices: at('classic'), out: at(name) }));
  await writeFile(at('options.json'), JSON.stringify(options));
  await run(PYTHON, [SCRIPT, 'write', at('options.json')]);
  for (const [name, [tool, ...args]] of Object.entries(CONVERTED))
    await run(tool, [...args, at('explicit/explicit-1.dcm'), join(at(name), 'image.dcm')]);
  classic = await manifestOf('classic');
}, 120_000);
afterAll(() => rm(root, { recursive: true, force: true }));

const WHOLE = [
  'explicit',
  'per-frame',
  'implicit',
  'big-endian',
  'deflated',
  'rle',
  'j2k',
  'jp2',
  'legacy',
  'concatenation',
  'localizer',
  ...Object.keys(CONVERTED),
];
describe.each(WHOLE)('the scan as Enhanced CT, %s', (name) => {
  it('has the geometry and the pixels of the same scan as single images', async () => {
    const manifest = await manifestOf(name);
    const geometry = ({ slices, sliceSpacingMm, coverageMm, gaps }: CaseManifest) => ({
      positionsMm: slices.map(({ positionMm }) => positionMm),
      sliceSpacingMm,
      coverageMm,
      gaps,
    });
    expect(geometry(manifest)).toEqual(geometry(classic));
    for (const [index, { path, frameNumber }] of manifest.slices.entries()) {
      expect(frameNumber).toBeGreaterThan(0);
      const single = await (await openCtFile(join(at('classic'), classic.slices[index]!.path))).slice();
      expect(await (await openCtFile(join(at(name), path))).slice(frameNumber)).toEqual(single);
    }
  });
});

it('is what pydicom reads', async () => {
  const names = ['explicit', 'big-endian', 'deflated', 'rle', 'legacy'];
  const files = await Promise.all(names.map(async (name) => join(at(name), (await readdir(at(name)))[0]!)));
  const { stdout } = await run(PYTHON, [SCRIPT, 'read', ...files], { maxBuffer: 2 ** 26 });
  const read = JSON.parse(stdout) as { position: number[]; sum: number }[][];
  for (const [index, file] of files.entries()) {
    const images = await openCtFile(file);
    const [{ header }] = (await instancesIn(names[index]!)) as [StoredInstance];
    expect(images.frames).toBe(read[index]!.length);
    expect(header.frames!.positionsMm).toEqual(read[index]!.flatMap(({ position }) => position));
    for (const number of [1, 13, SLICES]) {
      const { hu } = await images.stored(number);
      expect(hu.reduce((sum, value) => sum + value, 0)).toBe(read[index]![number - 1]!.sum);
    }
  }
});

it('keeps a record of about 30 bytes a frame', async () => {
  const { bytes, fileBytes } = await readBeginning(join(at('sparse'), 'sparse.dcm'), 2 ** 23);
  const { frames } = readHeader(bytes, fileBytes);
  expect(frames!.kindOf).toHaveLength(28 * SLICES);
  expect(JSON.stringify(frames).length / (28 * SLICES)).toBeLessThan(40);
});

it('reads one frame of a file of over 2 GB in little memory', async () => {
  const file = join(at('sparse'), 'sparse.dcm');
  expect((await stat(file)).size).toBeGreaterThan(2 * 1024 ** 3);
  const before = process.resourceUsage().maxRSS;
  const { hu } = await (await openCtFile(file)).stored(28 * SLICES);
  expect(hu.length).toBe(1024 ** 2);
  expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(100);
});

describe('what the frames are', () => {
  it('a localizer among them is left out, with its reason', async () => {
    const study = await assembled('localizer');
    expect(study.type === 'seriesChosen' && study.manifest.series.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^Chosen: 40 slices, .* 1 image left out \(a localizer\)$/),
    ]);
  });

  it('two reconstructions in one object are two stacks, and each has its name', async () => {
    const study = await assembled('two-stacks');
    expect(study.type === 'seriesChosen' && study.manifest.series).toMatchObject([
      {
        chosen: false,
        instances: SLICES,
        reason: 'Kernel SOFT, stack 1: eligible, but kernel BONE, stack 2 is better: bone kernel',
      },
      { chosen: true, instances: SLICES, reason: expect.stringMatching(/^Kernel BONE, stack 2: chosen: 40/) as string },
    ]);
  });

  it('a frame without a position is a missing slice; with none the reason is true', async () => {
    const one = await manifestOf('one-without-position');
    expect(one.slices).toHaveLength(SLICES - 1);
    expect(one.gaps.map(({ missingSlices }) => missingSlices)).toEqual([1]);
    expect(one.series[0]!.reason).toContain('1 image left out (images without a usable position)');
    expect(await assembled('none-with-position')).toMatchObject({
      reasonCode: 'no-geometry',
      reason: 'Only images without a usable position: no thin axial CT series of the neck',
    });
  });

  it('a concatenation waits for all of its parts, and says how many came', async () => {
    expect(isGeometryWhole(await instancesIn('concatenation'), DEFAULT_SERIES_RULES).whole).toBe(true);
    expect((await manifestOf('concatenation')).cutShort).toBeUndefined();
    expect(isGeometryWhole(await instancesIn('part-missing'), DEFAULT_SERIES_RULES)).toEqual({
      whole: false,
      why: '2 of 3 parts of a concatenated image came',
    });
    expect((await manifestOf('part-missing')).cutShort).toEqual({ came: 2, stated: 3, of: 'parts' });
  });
});
