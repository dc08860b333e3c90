import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, runTool, startServer, type RunningTool } from './dcmtk.ts';

/** A certificate and its key, as files, PEM. */
export interface Identity {
  certFile: string;
  keyFile: string;
}

/** An authority of a test's own, and what it vouches for on this machine. */
export interface Authority {
  caFile: string;
  issue(name: string): Promise<Identity>;
}

async function openssl(...args: string[]): Promise<void> {
  const { exitCode, stderr } = await runTool('openssl', args);
  if (exitCode !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
}

export async function authority(folder: string, name: string): Promise<Authority> {
  const dir = join(folder, name);
  await mkdir(dir, { recursive: true });
  const at = (file: string) => join(dir, file);
  await openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  );
  return {
    caFile: at('ca.pem'),
    issue: async (subject) => {
      await writeFile(at(`${subject}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      await openssl(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        `/CN=${subject}`,
        '-keyout',
        at(`${subject}.key`),
        '-out',
        at(`${subject}.csr`),
      );
      await openssl(
        'x509',
        '-req',
        '-in',
        at(`${subject}.csr`),
        '-CA',
        at('ca.pem'),
        '-CAkey',
        at('ca.key'),
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        at(`${subject}.ext`),
        '-out',
        at(`${subject}.pem`),
      );
      await chmod(at(`${subject}.key`), 0o600);
      return { certFile: at(`${subject}.pem`), keyFile: at(`${subject}.key`) };
    },
  };
}

export interface SyslogServer {
  tlsPort: number;
  udpPort: number;
  /** Whole messages as they came, oldest first. */
  received(): Promise<string[]>;
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Debian's rsyslog as an Audit Record Repository: TLS with certificates on both sides, and UDP. It is started by the test. */
export async function syslogServer(folder: string, trusted: Authority): Promise<SyslogServer> {
  const { certFile, keyFile } = await trusted.issue('repository');
  const [tlsPort, udpPort] = [await freePort(), await freePort()];
  const out = join(folder, 'received.log');
  const config = join(folder, 'rsyslog.conf');
  await writeFile(
    config,
    `global(workDirectory="${folder}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off"
  defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="${trusted.caFile}" defaultNetstreamDriverCertFile="${certFile}" defaultNetstreamDriverKeyFile="${keyFile}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
module(load="imudp")
template(name="whole" type="string" string="%rawmsg%\\n")
ruleset(name="keep") { action(type="omfile" file="${out}" template="whole" fileCreateMode="0600") }
input(type="imtcp" port="${tlsPort}" address="127.0.0.1" ruleset="keep")
input(type="imudp" port="${udpPort}" address="127.0.0.1" ruleset="keep")
`,
  );
  let running: RunningTool | null = null;
  return {
    tlsPort,
    udpPort,
    received: async () => (await readFile(out, 'utf8').catch(() => '')).split('\n').filter((line) => line !== ''),
    start: async () => {
      running = await startServer(
        '/usr/sbin/rsyslogd',
        ['-n', '-f', config, '-i', join(folder, 'rsyslog.pid')],
        [tlsPort],
      );
    },
    stop: async (signal) => {
      await running?.stop(signal);
      running = null;
    },
  };
}
