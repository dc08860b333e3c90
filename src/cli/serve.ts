import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import type { Agent } from '../compose/startAgent.ts';
import { effectiveSettings, type EffectiveSetting } from '../config/effectiveSettings.ts';
import { createLog, openLogSink, type Log } from '../base/log.ts';
import type { LogSink } from '../base/logSink.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { NODE_ROLES } from '../config/databaseSettings.ts';
import { inferenceFork } from '../infer/inferenceFork.ts';
import { receiverFork } from '../receive/receiverFork.ts';
import { endSoon, EXIT } from './exit.ts';
import { note, printLine } from './output.ts';

/** `odontoid serve`: the agent, until SIGTERM or SIGINT. */
export function serveCommand(): Command {
  return new Command('serve')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option(
      '--roles <LIST>',
      'what this agent does beside others on one PostgreSQL: receive,infer,deliver,web,housekeep (default: node.roles)',
    )
    .action(async (options: { config?: string; roles?: string }) => {
      // As a variable: commands that look at the configuration in force see the same.
      if (options.roles !== undefined) process.env['ODONTOID__NODE__ROLES'] = `[${options.roles}]`;
      const { config, settings } = effectiveSettings(options.config, process.env);
      // Standard output is for people, and may be closed: the agent goes on without a reader.
      process.stdout.removeAllListeners('error').on('error', () => undefined);
      const sink = openLog(config.log.file);
      const log = createLog(config.log.level, {}, sink);
      let agent: Agent | null = null;
      process.on('SIGHUP', () => {
        sink.reopen();
        log.info('SIGHUP: the log goes on, a log file is opened anew, certificate files are read again');
        agent?.renewCertificates();
      });
      // If asked to stop during the start, it stops in order once it has started.
      const stopped = untilStopped();
      agent = await start(config, settings, log);
      if (agent === null) return;
      printLine(whatListens(config, agent));
      if (agent.setUpLink !== null) {
        printLine(
          'Nobody can sign in yet. Open this link once, to make the first admin’s account (it is good for 24 hours, or until the next start):',
        );
        printLine(`  ${agent.setUpLink.url}`);
      }
      printLine('Research software. Not for diagnostic use.');
      const { sources, destinations } = agent.peers();
      if (sources === 0) printLine('Nobody may send yet: name the sources in receive.sources.');
      if (destinations === 0) printLine('Results stay here yet: name where they go in destinations.');
      await stopped;
      printLine('Stopping: finishing what is in hand ...');
      await agent.close();
      await endOfOutput();
      process.exit();
    });
}

/** Where the agent can be reached, and what it does where others do the rest. */
function whatListens({ receive }: Config, { roles, dicomPort, dicomTlsPort, url, healthPort }: Agent): string {
  const byTls = dicomTlsPort === null ? '' : `, by TLS on port ${dicomTlsPort}`;
  const places = [
    ...(roles.has('receive') ? [`DICOM ${receive.aeTitle}@${receive.host}:${dicomPort}${byTls}`] : []),
    ...(roles.has('web') ? [`worklist ${url}`] : []),
    ...(healthPort === null ? [] : [`health on port ${healthPort}`]),
  ];
  const does = NODE_ROLES.every((role) => roles.has(role)) ? '' : ` (node.roles: ${[...roles].join(', ')})`;
  return places.length === 0 ? `Odontoid works${does}` : `Odontoid listens: ${places.join(', ')}${does}`;
}

/** Null when it cannot start: every reason has been printed then, and the exit code is that of an invalid configuration. */
async function start(config: Config, settings: readonly EffectiveSetting[], log: Log): Promise<Agent | null> {
  // Both processes start up while the agent's own modules, which take longer, are loaded.
  const { roles } = config.node;
  if (roles.includes('receive')) receiverFork.start();
  if (roles.includes('infer') || roles.includes('web')) inferenceFork.start(config.infer.memoryLimitMb);
  try {
    const [{ assertConfig }, { startAgent }] = await Promise.all([
      import('../compose/checkConfig.ts'),
      import('../compose/startAgent.ts'),
    ]);
    await assertConfig(config, process.env);
    return await startAgent(config, { clock: systemClock, log, settings, environment: process.env });
  } catch (error) {
    receiverFork.discard();
    inferenceFork.discard();
    if (!(error instanceof TriageError)) throw error;
    note(`odontoid: ${error.message}`);
    process.exitCode = EXIT.usage;
    endSoon();
    return null;
  }
}

/** @throws TriageError `config-invalid` when the file cannot be written */
function openLog(file: Config['log']['file']): LogSink {
  try {
    return openLogSink(file);
  } catch (error) {
    throw new TriageError(
      'config-invalid',
      `log.file.path: ${file?.path ?? ''} cannot be written: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** Gives a reader of standard error a moment for the last lines. A stalled reader would otherwise keep the process alive for ever. */
async function endOfOutput(): Promise<void> {
  for (let looks = 0; looks < 50 && process.stderr.writableLength > 0; looks++) await systemClock.sleep(20);
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once, in case stopping hangs. */
export async function untilStopped(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(EXIT.stopped));
}
