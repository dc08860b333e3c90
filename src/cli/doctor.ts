import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { createPacs } from '../compose/destinations.ts';
import { dataPaths } from '../compose/places.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/configFile.ts';
import { messageOf } from '../base/errors.ts';
import { startInferenceProcess } from '../infer/inferenceProcess.ts';
import { createLog } from '../base/log.ts';
import { openDatabase } from '../worklist/db/database.ts';
import { EXIT } from './exit.ts';
import { printJson, printLine } from './output.ts';

interface Check {
  name: string;
  ok: boolean;
  /** What was found; when red, what to do. */
  text: string;
}

/** `odontoid doctor`: looks at everything that a start needs, one line each, and says what to do when a line is red. */
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
  const paths = dataPaths(read);
  await check('disk', async () => {
    await mkdir(read.dataDir, { recursive: true });
    await access(read.dataDir, constants.W_OK);
    const { bavail, bsize } = await statfs(read.dataDir);
    const free = bavail * bsize;
    const gib = `${(free / 2 ** 30).toFixed(1)} GiB free in ${read.dataDir}`;
    if (free < read.receive.minFreeBytes)
      throw new Error(`${gib}: below receive.minFreeBytes, objects would be refused. Free some space.`);
    return gib;
  });
  await check('database', async () => {
    const exists = await access(paths.database).then(
      () => true,
      () => false,
    );
    if (!exists) return `${paths.database} will be made at the first start`;
    const database = await openDatabase(paths.database);
    await database.close();
    return `${paths.database} is of this version`;
  });
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
  for (const destination of read.destinations) {
    await check(destination.name, async () => {
      const pacs = createPacs(destination, { clock: systemClock, log: createLog('silent'), environment: process.env });
      return `answers in ${(await pacs.echo()).toFixed(0)} ms`;
    });
  }
  return checks;
}
