import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import { createLog } from '../../src/base/log.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import type { LoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import { dateTimeOf } from '../../src/dicom/dateTimes.ts';
import { generatePhantom } from '../../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../../src/phantom/phantomParams.ts';
import { runTool } from '../interop/dcmtk.ts';
import { agentConfig, send, SMALL, testPacs, until, worklist, type ApiRow } from './agentUnderTest.ts';
import { hospitalStudy, MAKERS, PARTS, type HospitalObject, type Maker, type Part } from './hospitalStudy.ts';

/** More of them: HOSPITAL_STUDIES=100 npx vitest run --project pipeline test/pipeline/hospitalStudies.test.ts */
const STUDIES = Number(process.env['HOSPITAL_STUDIES'] ?? 5);
const SCORE_TOLERANCE = 1e-4;

/** How DCMTK writes the slices in each syntax. */
const SYNTAXES: Readonly<Record<string, readonly string[]>> = {
  'implicit little endian': ['dcmconv', '+ti'],
  'explicit big endian': ['dcmconv', '+tb'],
  deflated: ['dcmconv', '+td'],
  RLE: ['dcmcrle'],
  'JPEG lossless': ['dcmcjpeg', '+e1'],
  'JPEG-LS': ['dcmcjpls', '+el'],
};

const phantom = generatePhantom(
  drawPhantomParams(640, { ...SMALL, slices: 30, fractures: [{ fracture: 'burst@C5', grade: 'obvious' as const }] }),
);

let dir: string;
let pacs: LoopbackPacs;
let agent: Agent;
let made = 0;
let reference: number;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-hospital-'));
  pacs = await testPacs(dir);
  agent = await startAgent(configFrom(agentConfig(dir, pacs)), {
    clock: systemClock,
    log: createLog('error'),
    environment: {},
  });
  const { objects, paths } = await written({ maker: 'ge', parts: ['axialBone'] });
  await send(agent.dicomPort, paths);
  reference = (await delivered(objects)).probability!;
});
afterAll(async () => {
  await agent.close();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
});

/** Writes one more study; the objects and their files in the same order. */
async function written(wish: {
  maker: Maker;
  parts: readonly Part[];
  syntax?: string | null;
}): Promise<{ objects: HospitalObject[]; paths: string[] }> {
  made += 1;
  const objects = hospitalStudy({
    phantom,
    key: `study ${made}`,
    patientId: `HOSPITAL-${made}`,
    studyDateTime: dateTimeOf(systemClock.now()),
    maker: wish.maker,
    parts: wish.parts,
  });
  const folder = join(dir, `study-${made}`);
  await mkdir(folder);
  const paths = objects.map(({ sopInstanceUid }) => join(folder, `${sopInstanceUid}.dcm`));
  await Promise.all(paths.map((path, index) => writeFile(path, objects[index]!.bytes)));
  const [tool, ...options] = SYNTAXES[wish.syntax ?? ''] ?? [];
  if (tool !== undefined) {
    const bone = paths.filter((_path, index) => objects[index]!.part === 'axialBone');
    const made = await Promise.all(bone.map((path) => runTool(tool, [...options, path, path])));
    expect(new Set(made.map(({ exitCode }) => exitCode))).toEqual(new Set([0]));
  }
  return { objects, paths };
}

/** The row of the study when everything of it is on record and its current result is in the PACS. */
async function delivered(objects: readonly HospitalObject[]): Promise<ApiRow> {
  const { studyInstanceUid } = objects[0]!;
  await until('all objects are on record', async () => {
    const known = await agent.store.knownPaths();
    return objects.every(({ sopInstanceUid }) => [...known].some((path) => path.includes(sopInstanceUid)));
  });
  return until('the result is delivered', async () =>
    (await worklist(agent.url)).find((row) => row.studyInstanceUid === studyInstanceUid && row.state === 'delivered'),
  );
}

function reportsOf({ studyInstanceUid }: ApiRow): number {
  return pacs.objects().filter((object) => object.studyInstanceUid === studyInstanceUid && object.modality === 'SR')
    .length;
}

const companions = fc.subarray(PARTS.filter((part) => part !== 'axialBone'));
const study = fc.record({
  maker: fc.constantFrom(...(Object.keys(MAKERS) as Maker[])),
  companions,
  syntax: fc.constantFrom(null, ...Object.keys(SYNTAXES)),
  /** Sorts the objects. */
  order: fc.nat(),
  way: fc.oneof(
    fc.record({ kind: fc.constant('together' as const) }),
    fc.record({ kind: fc.constant('associations' as const), count: fc.integer({ min: 2, max: 4 }) }),
    fc.record({ kind: fc.constant('late' as const), count: fc.integer({ min: 1, max: 3 }) }),
  ),
});

function shuffled<Item>(items: readonly Item[], order: number): Item[] {
  const random = seededRandom('order', order);
  return items
    .map((item) => ({ item, key: random.between(0, 1) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

function dealt<Item>(items: readonly Item[], hands: number): Item[][] {
  return Array.from({ length: hands }, (_, hand) => items.filter((_item, index) => index % hands === hand)).filter(
    (hand) => hand.length > 0,
  );
}

it('any company, order, associations and transfer syntax: the same decision and score, and one report', async () => {
  await fc.assert(
    fc.asyncProperty(study, async ({ maker, companions: parts, syntax, order, way }) => {
      const { objects, paths } = await written({ maker, parts: ['axialBone', ...parts], syntax });
      const isBone = (path: string): boolean => objects[paths.indexOf(path)]!.part === 'axialBone';
      const mixed = shuffled(paths, order);
      let row: ApiRow;
      if (way.kind === 'late') {
        await send(agent.dicomPort, mixed.filter(isBone));
        const bone = objects.filter(({ part }) => part === 'axialBone');
        await delivered(bone);
        const late = mixed.filter((path) => !isBone(path));
        for (const hand of dealt(late, way.count)) await send(agent.dicomPort, hand);
        row = await delivered(objects);
      } else {
        const hands = way.kind === 'together' ? [mixed] : dealt(mixed, way.count);
        for (const hand of hands) expect(new Set(await send(agent.dicomPort, hand))).toEqual(new Set(['stored']));
        row = await delivered(objects);
      }
      expect(row.decision).toBe('suspected');
      expect(Math.abs(row.probability! - reference)).toBeLessThanOrEqual(SCORE_TOLERANCE);
      const current = row.deliveries.filter(({ kind, revision }) => kind === 'sr' && revision === row.revision);
      expect(current).toHaveLength(1);
      if (way.kind !== 'associations') expect([row.revision, reportsOf(row)]).toEqual([1, 1]);
    }),
    { numRuns: STUDIES, seed: 20_261_129, endOnFailure: true },
  );
}, 3_600_000);

/** Overwrites the middle of a JPEG with end-of-image markers; the header, and the length of the fragment, stay right. */
async function damage(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes.fill(Buffer.from([0xff, 0xd9]), bytes.length >> 1, (bytes.length >> 1) + 4_000);
  await writeFile(path, bytes);
}

async function reportText(objects: readonly HospitalObject[]): Promise<string> {
  const { studyInstanceUid } = await delivered(objects);
  const report = pacs
    .objects()
    .find((object) => object.studyInstanceUid === studyInstanceUid && object.modality === 'SR');
  return (await runTool('dsrdump', ['-Ec', '+Pl', report!.path])).stdout;
}

it('one damaged slice among many is left out, and of a damaged series the next one is analysed: the report says so', async () => {
  const wish = { maker: 'ge', parts: ['axialBone', 'axialSoft'], syntax: 'JPEG lossless' } as const;
  const [one, series] = [await written(wish), await written(wish)];
  const boneOf = ({ objects, paths }: typeof one) =>
    paths.filter((_path, index) => objects[index]!.part === 'axialBone');
  await damage(boneOf(one)[14]!);
  for (const path of boneOf(series)) await damage(path);
  for (const { paths } of [one, series]) await send(agent.dicomPort, paths);
  const text = await reportText(one.objects);
  expect((await delivered(one.objects)).decision).toBe('suspected');
  expect(text).toContain('1 of 30 slices cannot be read and was left out');
  expect(await reportText(series.objects)).toMatch(
    /another series was chosen first and could not be analysed: 30 of 30 slices cannot be read/i,
  );
}, 300_000);
