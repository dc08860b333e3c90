import { copyFile, cp, mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { complaintsOfSchema } from '../unit/auditTrail/auditSchema.ts';
import { runTool, type ToolResult } from './dcmtk.ts';
import { writeHeadCt } from './headCt.ts';

/** The shape that docs/command-line.md promises. */
interface Analysis {
  decision: 'suspected' | 'not-suspected' | 'not-analysed';
  reason: string | null;
  probability: number | null;
  threshold: number | null;
  slices: { sopInstanceUid: string; score: number }[];
  keySlices: { sopInstanceUid: string; sliceIndex: number; score: number }[];
  model: { name: string; version: string; sha256: string };
  files: string[];
  seconds: Record<string, number>;
  unread: { file: string; reason: string }[];
}

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-cli-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Free ports: the usual ones may be taken on this machine. */
const env = { ...process.env, ODONTOID__RECEIVE__PORT: '0', ODONTOID__WEB__PORT: '0' };

/** The command as a user runs it, from the build. */
function odontoid(...args: string[]): Promise<ToolResult> {
  const command = [join(packageRoot, 'bin/odontoid.js'), ...args];
  return runTool(process.execPath, command, { cwd: dir, env, timeoutMs: 180_000 });
}
async function json<T>(...args: string[]): Promise<T> {
  const result = await odontoid(...args);
  expect(result.stderr).not.toMatch(/unexpected error/);
  return JSON.parse(result.stdout) as T;
}

describe('odontoid', () => {
  it('has help for every command, and says what to do for a wrong one', async () => {
    const help = await odontoid('--help');
    expect(help.exitCode).toBe(0);
    for (const command of [
      'init',
      'config',
      'serve',
      'demo',
      'migrate',
      'phantom',
      'analyse',
      'split',
      'evaluate',
      'crossval',
      'send',
      'echo',
      'doctor',
      'health',
      'user',
      'token',
      'audit',
      'model',
    ]) {
      expect(help.stdout).toContain(command);
      const own = await odontoid(command, '--help');
      expect(own.exitCode).toBe(0);
      expect(own.stdout).toContain('Usage: odontoid');
    }
    const wrong = await odontoid('analyze');
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain('analyse');
  });

  it('lets whoever is on the machine mend accounts and tokens, and finds a changed byte of the audit', async () => {
    const config = join(dir, 'access.yaml');
    await writeFile(config, `dataDir: ${join(dir, 'access')}\nweb: { publicUrl: "https://odontoid.example" }\n`);
    const early = await odontoid('user', 'list', '--config', config);
    expect([early.exitCode, early.stderr]).toEqual([1, expect.stringContaining('odontoid')]);
    await odontoid('migrate', '--config', config);
    const added = await odontoid('user', 'add', 'Ann', '--role', 'admin', '--config', config);
    expect(added.stdout).toMatch(/^https:\/\/odontoid\.example\/set-up#[\w-]{43}\n$/);
    expect((await odontoid('user', 'add', 'ann', '--config', config)).exitCode).toBe(1);
    expect((await odontoid('user', 'add', 'ben', '--role', 'owner', '--config', config)).exitCode).toBe(2);
    expect((await odontoid('user', 'reset', 'nobody', '--config', config)).stderr).toContain('odontoid user list');
    expect((await odontoid('user', 'disable', 'ann', '--config', config)).exitCode).toBe(0);
    expect(await json('user', 'list', '--json', '--config', config)).toMatchObject([
      { name: 'ann', role: 'admin', hasPassword: false, disabledAtMs: expect.any(Number) as number },
    ]);
    const token = await odontoid('token', 'add', 'prometheus', '--days', '30', '--config', config);
    expect(token.stdout).toMatch(/^odontoid_[\w-]{43}\n$/);
    expect(JSON.stringify(await json('token', 'list', '--json', '--config', config))).not.toContain(
      token.stdout.trim(),
    );
    expect((await odontoid('token', 'revoke', 'prometheus', '--config', config)).exitCode).toBe(0);

    const whole = await json<{ whole: boolean; head: { seq: number; hash: string } }>(
      'audit',
      'verify',
      '--json',
      '--config',
      config,
    );
    expect(whole).toMatchObject({ whole: true, head: { seq: 4 } });
    const csv = await odontoid('audit', 'export', '--from', '3', '--config', config);
    expect(csv.stdout.split('\r\n').map((line) => line.split(',')[2])).toEqual([
      '"action"',
      '"token.added"',
      '"token.revoked"',
      undefined,
    ]);
    const dicom = (await odontoid('audit', 'export', '--format', 'dicom', '--config', config)).stdout
      .trimEnd()
      .split('\n');
    expect(dicom).toHaveLength(5);
    expect(dicom.at(-1)).toContain('csd-code="audit.exported"');
    expect(await complaintsOfSchema(dicom)).toEqual([]);
    const file = join(dir, 'access', 'odontoid.sqlite');
    const bytes = await readFile(file);
    const at = bytes.lastIndexOf('token.revoked');
    bytes[at] = bytes[at]! ^ 1;
    await writeFile(file, bytes);
    const changed = await odontoid('audit', 'verify', '--config', config);
    expect([changed.exitCode, changed.stdout]).toEqual([
      1,
      expect.stringContaining('NOT WHOLE at entry 4: it was changed'),
    ]);
  });

  it('phantom lists fractures that it then takes, and the same seed gives the same bytes', async () => {
    const names = await json<string[]>('phantom', '--list-fractures');
    expect(names).toContain('dens-2@C2');
    for (const out of ['a', 'b']) {
      const written = await json<{ studies: { folder: string; fractures: string[]; slices: number }[] }>(
        'phantom',
        '--seed',
        '41',
        '--count',
        '1',
        '--fracture',
        'dens-2@C2',
        '--slices',
        '30',
        '--out',
        join(dir, out),
        '--json',
      );
      expect(written.studies[0]).toMatchObject({ fractures: ['dens-2@C2'], slices: 30 });
    }
    const labels = await readFile(join(dir, 'a/labels.csv'), 'utf8');
    expect(labels).toBe(await readFile(join(dir, 'b/labels.csv'), 'utf8'));
    const [folder] = (await readdir(join(dir, 'a'))).filter((name) => name !== 'labels.csv');
    for (const file of await readdir(join(dir, 'a', folder!))) {
      expect(
        (await readFile(join(dir, 'a', folder!, file))).equals(await readFile(join(dir, 'b', folder!, file))),
      ).toBe(true);
    }
    const unknown = await odontoid('phantom', '--fracture', 'dens-9@C2', '--out', join(dir, 'c'));
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stderr).toContain('dens-');
  });

  it('analyse gives the documented document and writes SR, SC and pictures', async () => {
    const burst = ['--seed', '9000003', '--fracture', 'burst@C5', '--slices', '48', '--rows', '256'];
    await json('phantom', ...burst, '--out', join(dir, 'burst'), '--json');
    const [folder] = (await readdir(join(dir, 'burst'))).filter((name) => name.startsWith('study-'));
    const analysis = await json<Analysis>(
      'analyse',
      join(dir, 'burst', folder!),
      '--out',
      join(dir, 'results'),
      '--json',
    );
    expect(analysis.decision).toBe('suspected');
    expect(analysis.reason).toBeNull();
    expect(analysis.probability).toBeGreaterThan(analysis.threshold!);
    expect(analysis.probability).toBeLessThanOrEqual(1);
    expect(analysis.slices.length).toBeGreaterThan(20);
    expect(
      analysis.slices.every(
        ({ score, sopInstanceUid }) => score >= 0 && score <= 1 && sopInstanceUid.startsWith('2.25.'),
      ),
    ).toBe(true);
    expect(analysis.keySlices.length).toBeGreaterThan(0);
    expect(analysis.model.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(analysis.seconds['total']).toBeGreaterThan(0);
    for (const file of analysis.files.filter((name) => name.endsWith('.dcm'))) {
      const verdict = await runTool('dciodvfy', ['-new', file]);
      expect(`${verdict.stdout}${verdict.stderr}`).not.toMatch(/^Error/m);
    }
    expect(analysis.files.some((name) => name.endsWith('.png'))).toBe(true);
  });

  it('a real head CT that claims to be a neck is not scored', async () => {
    await writeHeadCt(join(dir, 'head'));
    const analysis = await json<Analysis>(
      'analyse',
      join(dir, 'head/series'),
      '--out',
      join(dir, 'head-results'),
      '--json',
    );
    expect(analysis.decision).toBe('not-analysed');
    expect(analysis.reason).toMatch(/Outside tested range/);
    expect(analysis.probability).toBeNull();
    expect(analysis.slices).toEqual([]);
    expect(analysis.files.some((name) => name.endsWith('.dcm'))).toBe(true);
  });

  it('names each file of a folder that is not DICOM', async () => {
    const folder = join(dir, 'rubbish');
    await mkdir(folder);
    const [source] = (await readdir(join(dir, 'head/series'))).sort();
    await writeFile(join(folder, 'notes.txt'), 'not DICOM at all, but long enough to look into: '.repeat(8));
    await writeFile(join(folder, 'empty.dcm'), '');
    await copyFile(join(dir, 'head/series', source!), join(folder, 'cut.dcm'));
    await truncate(join(folder, 'cut.dcm'), 300);
    const result = await odontoid('analyse', folder);
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toBe('');
    for (const name of ['notes.txt', 'empty.dcm', 'cut.dcm']) expect(result.stderr).toContain(name);
    expect(result.stderr).not.toMatch(/\n\s+at /);

    const missing = await odontoid('analyse', join(dir, 'nowhere'));
    expect(missing.exitCode).toBe(1);
    expect(missing.stderr).toContain('is not a folder');
  });

  it('a series with one slice cut short is not scored, and the slice is named', async () => {
    const [folder] = (await readdir(join(dir, 'burst'))).filter((name) => name.startsWith('study-'));
    const copy = join(dir, 'one-cut');
    await mkdir(copy);
    const files = (await readdir(join(dir, 'burst', folder!))).sort();
    for (const file of files) await copyFile(join(dir, 'burst', folder!, file), join(copy, file));
    await truncate(join(copy, files[20]!), 4_000);
    const analysis = await json<Analysis>('analyse', copy, '--json');
    expect(JSON.stringify([analysis.reason, analysis.unread])).toMatch(/cannot be read|slices missing|IM0021/);
    expect(analysis.decision === 'not-analysed' || analysis.unread.length === 1).toBe(true);
  });

  it('init writes a configuration that the doctor finds in order', async () => {
    const made = await odontoid('init', '--out', 'first.yaml', '--data-dir', 'first', '--source', 'CT1@10.20.1.7');
    expect([made.exitCode, made.stdout]).toEqual([0, `${join(dir, 'first.yaml')} is written.\n`]);
    expect(made.stderr).toContain('Next: odontoid doctor --config first.yaml');
    const doctor = await odontoid('doctor', '--config', 'first.yaml');
    expect([doctor.exitCode, doctor.stdout]).toEqual([0, expect.stringContaining('1 sources, 0 destinations')]);
    expect(doctor.stdout).not.toContain('RED');
  });

  it('doctor, echo and migrate say what is wrong and what to do', async () => {
    const doctor = await json<{ name: string; ok: boolean; text: string }[]>('doctor', '--json');
    expect(doctor.map((check) => check.name)).toEqual(
      expect.arrayContaining(['configuration', 'disk', 'database', 'model', 'provider']),
    );
    expect(doctor.filter((check) => !check.ok)).toEqual([]);
    const echo = await odontoid('echo', 'NOBODY@127.0.0.1:1', '--timeout-ms', '2000');
    expect(echo.exitCode).toBe(1);
    expect(echo.stderr).toMatch(/127\.0\.0\.1/);
    expect((await odontoid('echo', 'nobody')).exitCode).toBe(2);
    const migrated = await json<{ applied: string[] }>('migrate', '--json');
    expect(migrated.applied.length).toBeGreaterThan(0);
    expect((await json<{ applied: string[] }>('migrate', '--json')).applied).toEqual([]);
    await writeFile(join(dir, 'bad.yaml'), 'receive:\n  prot: 1\n');
    const bad = await odontoid('doctor', '--config', 'bad.yaml');
    expect(bad.exitCode).toBe(1);
    expect(bad.stdout).toMatch(/bad\.yaml:2:\d+: receive\.prot is not an option; did you mean receive\.port/);
  });

  it('model: verify, install, activate and list say what they did, and what is wrong', async () => {
    const shipped = (
      await json<{ packages: { name: string; version: string; sha256: string; roles: string[]; source: string }[] }>(
        'model',
        'list',
        '--json',
      )
    ).packages;
    expect(shipped).toMatchObject([{ source: 'shipped', roles: ['active'] }]);
    const { name, version } = shipped[0]!;
    const next = join(dir, 'next');
    await cp(join(packageRoot, 'models/compact'), next, { recursive: true });
    const manifest = join(next, 'model.json');
    await writeFile(
      manifest,
      (await readFile(manifest, 'utf8')).replace(`"version": "${version}"`, '"version": "99.0.0"'),
    );
    expect(await json('model', 'verify', next, '--json')).toMatchObject({
      ok: true,
      problem: null,
      model: { name, version: '99.0.0' },
    });
    expect(await json('model', 'install', next, '--json')).toMatchObject({
      wasThere: false,
      model: { version: '99.0.0' },
    });

    const ambiguous = await odontoid('model', 'activate', name, '--reason', 'trial');
    expect([ambiguous.exitCode, ambiguous.stderr]).toEqual([2, expect.stringContaining('Name the version')]);
    expect((await odontoid('model', 'activate', `${name}@99.0.0`)).exitCode).toBe(2);
    const alone = await odontoid('model', 'activate', `${name}@99.0.0`, '--reason', 'trial', '--by', 'ada');
    expect([alone.exitCode, alone.stderr]).toEqual([2, expect.stringContaining('never validated at this site')]);
    expect(
      await json('model', 'activate', `${name}@99.0.0`, '--shadow', '--reason', 'trial', '--by', 'ada', '--json'),
    ).toMatchObject({ role: 'shadow', by: 'ada', reason: 'trial', inUseAtMs: null, failure: null, threshold: null });
    const listed = await json<{ shadow: { by: string }; packages: { version: string; roles: string[] }[] }>(
      'model',
      'list',
      '--json',
    );
    expect(listed.shadow.by).toBe('ada');
    expect(Object.fromEntries(listed.packages.map((one) => [one.version, one.roles]))).toEqual({
      [version]: ['active'],
      '99.0.0': ['shadow'],
    });
    expect(await json('model', 'compare', '--json')).toMatchObject({
      cases: 0,
      shadow: { version: '99.0.0' },
      active: { version },
    });
    expect((await odontoid('model', 'card', `${name}@99.0.0`)).stdout).toMatch(
      /^# .* 99\.0\.0\n[\s\S]*\| caseAuc \|[\s\S]*Not for diagnostic use\.\n$/,
    );

    const file = join(
      next,
      (await readdir(next)).find((entry) => entry.endsWith('.onnx'))!,
    );
    const bytes = await readFile(file);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(file, bytes);
    const tampered = await odontoid('model', 'verify', next);
    expect([tampered.exitCode, tampered.stdout, tampered.stderr.trim().split('\n').length]).toEqual([1, '', 1]);
    expect(tampered.stderr).toContain('is not the one that model.json describes');
    expect((await odontoid('model', 'install', next)).exitCode).toBe(1);
  });
});
