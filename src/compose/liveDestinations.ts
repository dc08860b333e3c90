import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { echoAnswerOf } from '../admin/connections.ts';
import type { DestinationEntry } from '../answers/adminAnswers.ts';
import type { Destination } from '../config/config.ts';
import { secretsDirOf } from '../config/configFile.ts';
import {
  PAGE_DESTINATIONS,
  pageDestinationOf,
  withDestination,
  withoutDestination,
} from '../config/pageDestinations.ts';
import type { PageValues } from '../config/pageValues.ts';
import type { Administration } from '../web/administration.ts';
import type { Foundation } from './agentPorts.ts';
import { createPacs, withEchoTimeout } from './destinations.ts';

/** What admins may do about destinations on the page: those of the file they only see. */
export function createDestinationAdministration({
  values,
  ports,
}: Pick<Foundation, 'values' | 'ports'>): Administration['destinations'] {
  const ofPage = () => values.now().destinations ?? [];
  const folder = secretsDirOf(values.ofFiles);
  const entries = (destinations: readonly Destination[]) => ({ [PAGE_DESTINATIONS]: destinations });
  return {
    mayChange: values.whyNot(PAGE_DESTINATIONS) === null,
    ofFile: values.ofFiles.destinations.map(({ name }) => name),
    place: ports.settings?.find(({ key }) => key === PAGE_DESTINATIONS)?.place ?? null,
    ofPage: () => ofPage().map(entryOf),
    files: async () => ({ folder, files: await filesIn(folder) }),
    try: async (entry) => {
      const pacs = createPacs(withEchoTimeout(pageDestinationOf(entry, folder)), ports);
      return echoAnswerOf(() => pacs.probe(), ports.clock);
    },
    set: (entry, replaces, why) =>
      values.change(({ destinations = [], selection }) => {
        // What a form does not ask for stays as it was imported.
        const present = destinations.find(({ name }) => name === replaces);
        const proxy = present?.kind === entry.kind && present.kind === 'dicomweb' ? present.proxy : undefined;
        const changed = pageDestinationOf({ ...entry, ...(proxy && { proxy }) }, folder);
        const next = withDestination(destinations, values.ofFiles.destinations, changed, replaces);
        const isRenamed = replaces !== null && replaces !== entry.name;
        const rules = isRenamed ? sentTo(selection ?? [], replaces, entry.name) : null;
        return { ...entries(next), ...(rules !== null && { selection: rules }) };
      }, why),
    takeBack: (name, why) =>
      values.change(({ destinations = [] }) => entries(withoutDestination(destinations, name)), why),
  };
}

/** As a form shows it: former names are the agent's own affair, and a proxy is imported or stands in the file. */
function entryOf(destination: Destination): DestinationEntry {
  const { name, tls, timeoutMs, confirm, objects, decisions, rejectReplaced, characterSet, state } = destination;
  const every = { name, tls, timeoutMs, confirm, objects, decisions, rejectReplaced, characterSet, state };
  if (destination.kind === 'dicomweb') {
    const { kind, url, auth } = destination;
    return { kind, url, auth, ...every };
  }
  const { kind, aeTitle, host, port, callingAeTitle, commitment, retrieve } = destination;
  return { kind, aeTitle, host, port, callingAeTitle, commitment, retrieve, ...every };
}

/** Files that lie directly in a folder; none where there is no such folder. */
async function filesIn(folder: string): Promise<string[]> {
  try {
    const found = await readdir(folder, { withFileTypes: true });
    const files = found.filter((one) => !one.isDirectory() && !one.name.startsWith('.'));
    return files.map(({ name }) => join(folder, name)).sort();
  } catch {
    return [];
  }
}

type Rules = NonNullable<PageValues['selection']>;

/** The rules with the new name of a destination; null when none of them names it. */
function sentTo(rules: Rules, former: string, name: string): Rules | null {
  if (!rules.some(({ destinations = [] }) => destinations.includes(former))) return null;
  return rules.map((rule) =>
    rule.destinations === undefined
      ? rule
      : { ...rule, destinations: rule.destinations.map((one) => (one === former ? name : one)) },
  );
}
