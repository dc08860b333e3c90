import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../interop/dcmtk.ts';

/** Where Debian keeps the programs of each version. */
const VERSIONS = '/usr/lib/postgresql';

/** A PostgreSQL server of the test's own, without a password, on a free loopback port. */
export interface PostgresCluster {
  port: number;
  /** postgres:// address of a database. */
  urlOf(database: string): string;
  /** Stops at once, as in a crash, and starts again. */
  restart(): void;
  stop(): void;
  start(): void;
  /** Stops it and removes its files. */
  remove(): void;
}

function newestPrograms(): string {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).map(Number) : [];
  const newest = Math.max(
    0,
    ...versions.filter((version) => existsSync(join(VERSIONS, String(version), 'bin/initdb'))),
  );
  if (newest < 15)
    throw new Error(`These tests need PostgreSQL 15 or later in ${VERSIONS}: apt-get install postgresql`);
  return join(VERSIONS, String(newest), 'bin');
}

/**
 * Makes a cluster in a folder of its own. Its language is German by ICU, whose order of letters is not that of bytes. `fsync: false` is faster, for tests in
 * which the machine stays up.
 */
export async function makeCluster({ fsync }: { fsync: boolean }): Promise<PostgresCluster> {
  const programs = newestPrograms();
  const folder = mkdtempSync(join(tmpdir(), 'odontoid-postgres-'));
  const data = join(folder, 'data');
  const port = await freePort();
  // The server refuses to run as root.
  const asPostgres = process.getuid?.() === 0 ? ['--reuid=postgres', '--regid=postgres', '--init-groups'] : null;
  if (asPostgres !== null) {
    const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    chownSync(folder, idOf('-u'), idOf('-g'));
  }
  const run = (program: string, args: readonly string[]): void => {
    const command = [join(programs, program), ...args];
    const [name, ...rest] = asPostgres === null ? command : ['setpriv', ...asPostgres, ...command];
    // Its output goes nowhere: a server that keeps a pipe open would keep this waiting.
    execFileSync(name!, rest, { stdio: 'ignore', cwd: folder });
  };
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    max_connections: 200,
    shared_buffers: '32MB',
    ...(fsync ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
  };
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  run('initdb', [
    '-D',
    data,
    '-A',
    'trust',
    '-U',
    'odontoid',
    '-E',
    'UTF8',
    '--locale-provider=icu',
    '--icu-locale=de-DE',
    '--no-sync',
  ]);
  const cluster: PostgresCluster = {
    port,
    urlOf: (database) => `postgres://odontoid@127.0.0.1:${port}/${database}`,
    start: () => run('pg_ctl', ['-D', data, '-w', '-l', join(folder, 'log'), '-o', options.join(' '), 'start']),
    stop: () => run('pg_ctl', ['-D', data, '-w', '-m', 'immediate', 'stop']),
    restart: () => {
      cluster.stop();
      cluster.start();
    },
    remove: () => {
      cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  cluster.start();
  return cluster;
}
