import { existsSync, statSync } from 'node:fs';
import { access, constants, statfs } from 'node:fs/promises';
import { Command } from 'commander';
import { gibibytes } from '../base/byteSize.ts';
import { makeFolder } from '../base/durably.ts';
import { systemClock } from '../base/clock.ts';
import { configProblems, isAgentRunning } from '../compose/checkConfig.ts';
import { refusedReports } from '../compose/commitments.ts';
import { createProbedPacs } from '../compose/destinations.ts';
import { expiryOf, ownCertificateFiles } from '../compose/ownCertificates.ts';
import { databasePlace, dataPaths } from '../compose/places.ts';
import type { Config } from '../config/config.ts';
import { loadConfig, readPem } from '../config/configFile.ts';
import { messageOf } from '../base/errors.ts';
import { startInferenceProcess } from '../infer/inferenceProcess.ts';
import { createLog } from '../base/log.ts';
import { isMade, openDatabase } from '../worklist/db/database.ts';
import { createMaintenance, newestBackup } from '../worklist/db/maintenance.ts';
import { configInForce } from './configInForce.ts';
import { EXIT } from './exit.ts';
import { printJson, printLine } from './output.ts';

interface Check {
  name: string;
  ok: boolean;
  /** The finding; when red, also what to do. */
  text: string;
}

/** `odontoid doctor`: checks everything that a start needs, one line each, and says what to do when a line is red. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print [{name, ok, text}]')
    .action(async (options: { config?: string; json?: true }) => {
      const checks = await examine(options.config);
      if (options.json) printJson(checks);
      else for (const { name, ok, text } of checks) printLine(`${ok ? 'ok ' : 'RED'}  ${name.padEnd(14)} ${text}`);
      if (checks.some((check) => !check.ok)) process.exitCode = EXIT.failed;
    });
}

/** The newest nightly backup. @throws Error when there is none although there is a database, when it is old, or when its date is in the future */
function backupAge(paths: ReturnType<typeof dataPaths>): string {
  const newest = newestBackup(paths.backups);
  const nowMs = systemClock.now();
  if (newest === null) {
    const madeMs = existsSync(paths.database) ? statSync(paths.database).birthtimeMs : nowMs;
    if (nowMs - madeMs < OLD_BACKUP_MS) return 'none yet; the first comes in the night (housekeeping.nightlyCron)';
    throw new Error(
      `There is none in ${paths.backups}. The log says why (job nightly); odontoid backup --to DIR makes one now.`,
    );
  }
  const hours = (nowMs - newest.atMs) / 3_600_000;
  if (hours < -1)
    throw new Error(
      `The newest, ${newest.path}, comes from the future: this machine's clock was put back. Set it right (NTP).`,
    );
  const text = `the newest is ${hours.toFixed(0)} h old: ${newest.path}`;
  if (nowMs - newest.atMs > OLD_BACKUP_MS) throw new Error(`${text}. The log says why none came since (job nightly).`);
  return text;
}

/** @throws Error when a start would fail, or the database is not safe to rely on */
async function databaseState(config: Config): Promise<string> {
  const place = databasePlace(config);
  if (typeof place !== 'string') return (await import('../worklist/db/postgresDatabase.ts')).examinePostgres(place);
  if (!(await isMade(place))) return `${place} will be made at the first start`;
  const database = await openDatabase(place);
  try {
    await createMaintenance(database).quickCheck();
  } finally {
    await database.close();
  }
  return `${place} is of this version, and sound`;
}

/** @throws Error when one has expired or soon will have */
function certificateDays(certFiles: readonly string[]): string {
  const texts = certFiles.map((certFile) => {
    const expiresAtMs = expiryOf(readPem(certFile));
    const days = (expiresAtMs - systemClock.now()) / 86_400_000;
    const isGood = days >= FEW_DAYS;
    const date = new Date(expiresAtMs).toISOString();
    return isGood
      ? { isGood, text: `${certFile} is good for ${days.toFixed(0)} days` }
      : { isGood, text: `${certFile} ${days < 0 ? 'has expired' : 'expires soon'}: ${date}. Replace it.` };
  });
  const bad = texts.filter(({ isGood }) => !isGood);
  if (bad.length > 0) throw new Error(bad.map(({ text }) => text).join(' '));
  return texts.map(({ text }) => text).join(', ');
}

/** Backups are made nightly, and one night may be missed. */
const OLD_BACKUP_MS = 50 * 3_600_000;
const FEW_DAYS = 14;

async function examine(path: string | undefined): Promise<Check[]> {
  const checks: Check[] = [];
  const check = async (name: string, run: () => Promise<string> | string) => {
    try {
      checks.push({ name, ok: true, text: await run() });
    } catch (error) {
      checks.push({ name, ok: false, text: messageOf(error) });
    }
  };
  let config: Config | null = null;
  await check('configuration', () => {
    config = loadConfig(path, process.env);
    if (config.receive.sources.length === 0) return 'readable; nobody may send yet (receive.sources is empty)';
    return `readable; ${config.receive.sources.length} sources, ${config.destinations.length} destinations`;
  });
  const read = config as Config | null;
  if (read === null) return checks;
  const problems = await configProblems(read, process.env);
  await check('start', () => {
    if (problems.length > 0) throw new Error(problems.join(' '));
    return isAgentRunning(read.dataDir)
      ? 'an agent works in the data folder'
      : 'schedules, addresses, secrets, certificates, files and ports are as a start needs them';
  });
  const paths = dataPaths(read);
  await check('disk', async () => {
    await makeFolder(read.dataDir);
    await access(read.dataDir, constants.W_OK);
    const { bavail, bsize } = await statfs(read.dataDir);
    const free = bavail * bsize;
    const room = `${gibibytes(free)} free in ${read.dataDir}`;
    if (free < read.receive.minFreeBytes)
      throw new Error(`${room}: below receive.minFreeBytes, objects would be refused. Free some space.`);
    return room;
  });
  await check('database', () => databaseState(read));
  await check('backup', () =>
    read.database.url === undefined ? backupAge(paths) : 'PostgreSQL is backed up by the site (docs/scale-out.md)',
  );
  const certFiles = new Set(ownCertificateFiles(read).flatMap(([, { certFile }]) => certFile ?? []));
  if (certFiles.size > 0) await check('certificate', () => certificateDays([...certFiles]));
  // A node that neither analyses nor shows pictures needs no network.
  if (read.node.roles.some((role) => role === 'infer' || role === 'web'))
    await check('model', async () => {
      const model = await startInferenceProcess({ ...read.infer, clock: systemClock, log: createLog('silent') });
      try {
        const { name, version, sha256 } = model.identity;
        const rest =
          model.provider === 'cpu' && read.infer.provider === 'auto'
            ? ' (CUDA is not usable here; docs/gpu.md says how)'
            : '';
        checks.push({ name: 'provider', ok: true, text: `${model.provider}${rest}` });
        return `${name} ${version}, sha256 ${sha256.slice(0, 16)}: hashes and golden case agree`;
      } finally {
        await model.close();
      }
    });
  // Without a database that can be read, which has a line of its own, the file says who may send and where results go.
  const { destinations, receive } = await configInForce(read).catch(() => read);
  for (const destination of destinations) {
    await check(destination.name, async () => {
      const ports = { clock: systemClock, log: createLog('silent'), environment: process.env };
      const pacs = createProbedPacs(destination, read, ports);
      if (destination.state === 'retired') return 'retired: nothing is sent there';
      const { ms, takes } = await pacs.probe();
      const remarks = [takes, ...(destination.state === 'paused' ? ['paused: results wait'] : [])];
      return `answers in ${ms.toFixed(0)} ms; ${[...remarks, ...refusedReports(destination, receive.sources)].join('; ')}`;
    });
  }
  return checks;
}
