import { createServer } from 'node:net';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { addressListOf } from '../base/addressList.ts';
import { makeFolder } from '../base/durably.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import { fileErrorWords } from '../base/listFiles.ts';
import type { Config, SecretSource } from '../config/config.ts';
import { secretsOfDestination } from '../config/destinationSecrets.ts';
import { readSecret } from '../config/configFile.ts';
import { readTlsFiles, type TlsFiles } from '../config/tlsFiles.ts';
import { readCron } from '../housekeeping/schedule.ts';
import { lockDataDir } from '../worklist/db/dataDirLock.ts';
import { ownCertificateFiles } from './ownCertificates.ts';

/** Files that the agent has open besides those of its associations: database, models, libraries, page and live feeds. */
const FILES_OF_AGENT = 150;
/** A connection and the object that comes on it. */
const FILES_PER_ASSOCIATION = 2;

/** Names of networks that express accepts. */
const NETWORK_NAMES = new Set(['loopback', 'linklocal', 'uniquelocal']);

/**
 * What this machine cannot do of a valid configuration: one sentence each, which names the option and says what to do; empty when the agent can start.
 * `serve` and `doctor` check this first. Ports are not tried while an agent has the data folder, because that agent uses them.
 */
export async function configProblems(config: Config, environment: NodeJS.ProcessEnv): Promise<string[]> {
  const problems: string[] = [];
  const check = async (run: () => unknown): Promise<void> => {
    try {
      await run();
    } catch (error) {
      problems.push(messageOf(error));
    }
  };
  const { hl7, housekeeping, node, proofOfLife, receive, web } = config;
  await check(() => readCron('housekeeping.retentionCron', housekeeping.retentionCron));
  await check(() => readCron('housekeeping.nightlyCron', housekeeping.nightlyCron));
  if (proofOfLife.schedule !== 'off') await check(() => readCron('proofOfLife.schedule', proofOfLife.schedule));
  for (const { addresses } of receive.sources) await check(() => addressListOf(addresses, 'receive.sources'));
  await check(() => addressListOf(hl7?.sources ?? [], 'hl7.sources'));
  const networks = web.trustProxy.filter((one) => !NETWORK_NAMES.has(one));
  await check(() => addressListOf(networks, 'web.trustProxy'));
  for (const [option, source] of secretsOf(config)) await check(() => secret(option, source, environment));
  for (const [setting, files] of ownCertificateFiles(config)) await check(() => certificate(setting, files));
  await check(() => openFiles(receive.maxAssociations));
  const before = problems.length;
  await check(() => writableFolder('dataDir', config.dataDir));
  const { sharedDir } = node;
  if (sharedDir !== undefined) await check(() => writableFolder('node.sharedDir', sharedDir));
  if (problems.length === before && isAgentRunning(config.dataDir)) return problems;
  const receives = node.roles.includes('receive');
  if (receives) await check(() => freePort('receive.host, receive.port', receive));
  for (const [setting, door] of [
    ['receive.tls', receive.tls],
    ['hl7', hl7],
    ['hl7.tls', hl7?.tls],
  ] as const)
    if (receives && door !== undefined) await check(() => freePort(`${setting}.host, ${setting}.port`, door));
  if (node.roles.includes('web')) await check(() => freePort('web.host, web.port', web));
  return problems;
}

/** @throws TriageError `config-invalid` with every problem, one on each line */
export async function assertConfig(config: Config, environment: NodeJS.ProcessEnv): Promise<void> {
  const problems = await configProblems(config, environment);
  if (problems.length > 0) throw new TriageError('config-invalid', problems.join('\n'));
}

/** Whether an agent is using the data folder now. */
export function isAgentRunning(dataDir: string): boolean {
  try {
    lockDataDir(dataDir)();
    return false;
  } catch {
    return true;
  }
}

function secretsOf({ destinations, web }: Config): [string, SecretSource][] {
  const found = destinations.flatMap((destination) =>
    secretsOfDestination(destination).map(([, source]): [string, SecretSource] => [
      `destinations ${destination.name}`,
      source,
    ]),
  );
  const clientSecret = web.signIn === 'oidc' ? web.oidc?.clientSecret : undefined;
  return clientSecret === undefined ? found : [...found, ['web.oidc.clientSecret', clientSecret]];
}

function secret(option: string, source: SecretSource, environment: NodeJS.ProcessEnv): void {
  try {
    readSecret(source, environment);
  } catch (error) {
    throw new Error(`${option}: ${messageOf(error)}`, { cause: error });
  }
}

function certificate(option: string, files: TlsFiles): void {
  const material = readTlsFiles(files);
  try {
    createSecureContext(material);
  } catch (error) {
    throw new Error(`${option}: the certificate and its key cannot be used together: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function writableFolder(setting: string, folder: string): Promise<void> {
  const probe = join(folder, `.probe-${hostname()}-${process.pid}`);
  try {
    await makeFolder(folder);
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    throw new Error(
      `${setting}: ${folder} cannot be written: ${fileErrorWords(error)}. Give the agent's user the right to, or name another folder.`,
      { cause: error },
    );
  }
}

async function freePort(option: string, { host, port }: { host: string; port: number }): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port, exclusive: true }, resolve);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'EADDRINUSE'
        ? 'another program uses the port. Stop it, or choose another port.'
        : code === 'EACCES'
          ? "this user may not use the port. Choose one from 1024 on, or give the service that right (systemd's AmbientCapabilities=CAP_NET_BIND_SERVICE)."
          : code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND'
            ? 'this machine has no such address.'
            : `${messageOf(error)}.`;
    throw new Error(`${option}: cannot listen on ${host}:${port}: ${why}`, { cause: error });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** The limit of open files of this process, as Linux reports it; elsewhere nothing is checked. */
function openFiles(maxAssociations: number): void {
  const needed = FILES_OF_AGENT + FILES_PER_ASSOCIATION * maxAssociations;
  const limit = openFileLimit();
  if (limit < needed)
    throw new Error(
      `Only ${limit} files may be open at once, and this configuration needs ${needed}. Raise the limit (ulimit -n, systemd's LimitNOFILE), or lower receive.maxAssociations.`,
    );
}

function openFileLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
