import { echoAnswerOf } from '../admin/connections.ts';
import type { DestinationEntry } from '../answers/adminAnswers.ts';
import {
  PAGE_DESTINATIONS,
  pageDestinationOf,
  withDestination,
  withoutDestination,
  type PageDestination,
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
  const entries = (destinations: readonly PageDestination[]) => ({ [PAGE_DESTINATIONS]: destinations });
  return {
    mayChange: values.whyNot(PAGE_DESTINATIONS) === null,
    ofFile: values.ofFiles.destinations.map(({ name }) => name),
    place: ports.settings?.find(({ key }) => key === PAGE_DESTINATIONS)?.place ?? null,
    ofPage: () => ofPage().map(entryOf),
    try: async (entry) => {
      const pacs = createPacs(withEchoTimeout(pageDestinationOf(entry)), ports);
      return echoAnswerOf(() => pacs.probe(), ports.clock);
    },
    set: (entry, replaces, why) =>
      values.change(({ destinations = [], selection }) => {
        // What a form does not ask for stays as it was imported.
        const present = destinations.find(({ name }) => name === replaces);
        const changed = pageDestinationOf({ ...present, ...entry });
        const next = withDestination(destinations, values.ofFiles.destinations, changed, replaces);
        const isRenamed = replaces !== null && replaces !== entry.name;
        const rules = isRenamed ? sentTo(selection ?? [], replaces, entry.name) : null;
        return { ...entries(next), ...(rules !== null && { selection: rules }) };
      }, why),
    takeBack: (name, why) =>
      values.change(({ destinations = [] }) => entries(withoutDestination(destinations, name)), why),
  };
}

/** As a form shows it: a former name is the agent's own affair. */
function entryOf(destination: PageDestination): DestinationEntry {
  const { name, aeTitle, host, port, callingAeTitle, timeoutMs } = destination;
  const { confirm, commitment, retrieve, objects, decisions, rejectReplaced, characterSet, state } = destination;
  return {
    ...{ name, aeTitle, host, port, callingAeTitle, timeoutMs },
    ...{ confirm, commitment, retrieve, objects, decisions, rejectReplaced, characterSet, state },
  };
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
