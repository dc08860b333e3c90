import type { z } from 'zod';
import { isLoopback } from '../base/loopback.ts';
import type { configSchema } from './config.ts';

/** What a site says at first; all else keeps its default. */
export interface FirstSettings {
  aeTitle: string;
  dataDir: string;
  /** `address`: an IP address or a network in CIDR. */
  sources: readonly { aeTitle: string; address: string }[];
  destinations: readonly { name: string; aeTitle: string; host: string; port: number }[];
}

/** A commented configuration file, and the values that it holds. */
export function firstConfig({ aeTitle, dataDir, sources, destinations }: FirstSettings): {
  text: string;
  values: z.input<typeof configSchema>;
} {
  const host = sources.every(({ address }) => isLoopback(address)) ? '127.0.0.1' : '0.0.0.0';
  const values = {
    dataDir,
    receive: {
      host,
      aeTitle,
      sources: sources.map((source) => ({ aeTitle: source.aeTitle, addresses: [source.address] })),
    },
    destinations: destinations.map((one) => ({ ...one, kind: 'dimse' as const, callingAeTitle: aeTitle })),
  };
  const text = `# Odontoid, settings of this site. Every option with its range and effect: docs/configuration.md
# odontoid doctor checks this file and what it names; odontoid config show says what is in force and where it comes from.

# The database, the received objects and the results. Needs room for some days of CTs (about 0.3 GB each).
dataDir: ${quoted(dataDir)}

receive:
  # 127.0.0.1: only this machine can send. 0.0.0.0: other machines too, but only those named under sources.
  host: ${host}
  port: 11112
  # What senders call this agent.
  aeTitle: ${quoted(aeTitle)}
  # Who may send: AE title, and the addresses (or networks, 10.20.0.0/16) that it may come from. Anybody else is refused.
  sources:${list(
    values.receive.sources.map(
      (one) => `{ aeTitle: ${quoted(one.aeTitle)}, addresses: [${one.addresses.map(quoted).join(', ')}] }`,
    ),
    '    ',
    '{ aeTitle: CT1, addresses: [10.20.1.7] }',
  )}

# Where results go: a report and pictures for each study. The peer must know the calling AE title.
destinations:${list(
    values.destinations.map(
      (one) =>
        `{ name: ${quoted(one.name)}, kind: dimse, aeTitle: ${quoted(one.aeTitle)}, host: ${quoted(one.host)}, port: ${one.port}, callingAeTitle: ${quoted(one.callingAeTitle)} }`,
    ),
    '  ',
    '{ name: pacs, kind: dimse, aeTitle: ARCHIVE, host: 10.20.0.5, port: 104 }',
  )}

# The page is for this machine's own browser. For others, set host, publicUrl, and tls or trustProxy (docs/access.md).
web:
  host: 127.0.0.1
  port: 8080

# Often changed as well; the values here are the defaults.
# worklist:
#   viewerUrl: https://viewer.example/viewer?StudyInstanceUIDs={studyInstanceUid}
#   maxWaitMinutes: 60
# housekeeping:
#   retentionDays: 14
`;
  return { text, values };
}

/** Double-quoted, as JSON and YAML both read it. */
const quoted = (text: string): string => JSON.stringify(text);

function list(entries: readonly string[], indent: string, example: string): string {
  if (entries.length === 0) return ` []\n${indent}# - ${example}`;
  return entries.map((entry) => `\n${indent}- ${entry}`).join('');
}
