import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { odontoid } from './odontoidCommand.ts';

const SLICES = 40;
/** Root may read everything, so a closed file is read as nobody. */
const AS_NOBODY = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];

interface Analysis {
  studyInstanceUid: string | null;
  decision: string;
  reasonCode: string | null;
  reason: string | null;
  series: { instances: number; code: string }[];
  unread: { file: string; reason: string }[];
}

let root: string;
let study: string;
let names: string[];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'odontoid-analyse-'));
  const made = await odontoid(
    ['phantom', '--out', 'cohort', '--seed', '11', '--rows', '64', '--slices', String(SLICES)],
    { cwd: root },
  );
  expect(made.exitCode).toBe(0);
  study = join(root, 'cohort/study-000011');
  names = (await readdir(study)).sort();
  // For the user nobody.
  for (const folder of [root, join(root, 'cohort'), study]) await chmod(folder, 0o755);
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function analyse(folder: string, under: readonly string[] = []) {
  const { exitCode, stdout, stderr } = await odontoid(['analyse', folder, '--json'], {
    cwd: root,
    under,
    env: { HOME: root },
  });
  return { exitCode, stderr, answer: JSON.parse(stdout) as Analysis };
}

test('a study of links is the study that they lead to, all of them or a part', async () => {
  for (const linked of [SLICES, 18]) {
    const folder = join(root, `links-${linked}`);
    await mkdir(folder);
    for (const [index, name] of names.entries())
      if (index < linked) await symlink(join(study, name), join(folder, name));
      else await copyFile(join(study, name), join(folder, name));
    const { exitCode, answer } = await analyse(folder);
    expect([exitCode, answer.unread, answer.series.map(({ instances }) => instances)]).toEqual([0, [], [SLICES]]);
  }
});

test('a closed file and a closed folder are named, and the rest is judged', async () => {
  const folder = join(root, 'closed');
  await cp(study, folder, { recursive: true });
  await mkdir(join(folder, 'locked'));
  await chmod(folder, 0o755);
  await chmod(join(folder, names[9]!), 0);
  await chmod(join(folder, 'locked'), 0);
  const { exitCode, stderr, answer } = await analyse(folder, AS_NOBODY);
  expect([exitCode, answer.unread]).toEqual([
    0,
    [
      { file: names[9], reason: 'permission denied' },
      { file: 'locked', reason: 'permission denied' },
    ],
  ]);
  expect(answer.series.map(({ instances }) => instances)).toEqual([SLICES - 1]);
  expect(stderr).toContain(`not read: ${names[9]}: permission denied`);
  await chmod(join(folder, 'locked'), 0o700);
});

test('a study that is not eligible has its series with their reasons', async () => {
  const folder = join(root, 'few');
  await mkdir(folder);
  for (const name of names.slice(0, 5)) await copyFile(join(study, name), join(folder, name));
  const { exitCode, answer } = await analyse(folder);
  expect([exitCode, answer.decision, answer.reasonCode]).toEqual([0, 'not-analysed', answer.series[0]?.code]);
  expect(answer.series).toMatchObject([{ instances: 5, chosen: false }]);
});

test('JSON comes also when nothing is readable, or too much is', async () => {
  await mkdir(join(root, 'notes'));
  await writeFile(join(root, 'notes/readme.txt'), 'nothing of ours');
  const nothing = await analyse(join(root, 'notes'));
  expect([nothing.exitCode, nothing.answer]).toEqual([
    1,
    expect.objectContaining({
      studyInstanceUid: null,
      decision: 'not-analysed',
      reasonCode: 'nothing-readable',
      series: [],
      unread: [
        {
          file: 'readme.txt',
          reason: 'Not a DICOM file: there is no "DICM" at byte 128, and it begins with no data set.',
        },
      ],
    }),
  ]);
  expect(nothing.stderr).toContain('holds no readable DICOM object');

  await odontoid(['phantom', '--out', 'cohort', '--seed', '12', '--rows', '64', '--slices', '3'], { cwd: root });
  const two = await analyse(join(root, 'cohort'));
  expect([two.exitCode, two.answer.reasonCode]).toEqual([2, 'several-studies']);
  expect(two.stderr).toContain('holds 2 studies');
});
