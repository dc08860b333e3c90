import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Authority } from './authority.ts';
import { freePort, startServer, type RunningTool } from './dcmtk.ts';

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
