import { TriageError } from '../base/errors.ts';
import { yamlText } from '../config/configLayers.ts';
import { settingLines, settingsOf } from '../config/effectiveSettings.ts';
import { isPageKey, isPlainText, typedPageValue, type PageKey } from '../config/pageValues.ts';
import { keptDestinations, PAGE_DESTINATIONS } from '../config/pageDestinations.ts';
import { PAGE_SOURCES } from '../config/pageSources.ts';
import { nextRunMs, systemOffset } from '../housekeeping/cron.ts';
import { readCron } from '../housekeeping/schedule.ts';
import type { Administration } from '../web/administration.ts';
import { createProofRuns } from '../worklist/proof/proofRuns.ts';
import { createPageSettings } from '../worklist/settings/pageSettings.ts';
import type { AgentPorts, Foundation } from './agentPorts.ts';
import type { LiveSources } from './liveSources.ts';
import { createSettingsDocument } from './settingsDocument.ts';

const CHANGES_SHOWN = 50;
const DAY_MS = 86_400_000;
/** More are counted as "at least". */
const MOST_COUNTED = 1_000;

type Parts = Pick<Foundation, 'config' | 'values' | 'database' | 'query' | 'store'> & {
  ports: Pick<AgentPorts, 'clock' | 'settings'>;
};

/** What the page *Settings* shows, and the changes that it may make. */
export function createSettingsAdministration(parts: Parts, sources: LiveSources): Administration['settings'] {
  const { config, values, database, ports } = parts;
  const known = ports.settings ?? settingsOf(config, []);
  const changes = createPageSettings(database, ports.clock);
  const document = createSettingsDocument({ values, sources, changes });
  const setByPage = (key: string): unknown => (isValueKey(key) ? values.now()[key] : undefined);
  const addedByPage = (key: string): unknown[] => {
    if (key === PAGE_SOURCES) return [...sources.ofPage()];
    return key === PAGE_DESTINATIONS ? (keptDestinations(values.now().destinations ?? []) ?? []) : [];
  };
  return {
    list: async () => ({
      firstSteps: await firstSteps(parts, sources),
      mayChange: sources.mayChange,
      settings: known.map(({ key, value, origin, place, description }) => {
        const ofPage = setByPage(key);
        const added = addedByPage(key);
        return {
          key,
          lines: settingLines(ofPage ?? value),
          origin: ofPage === undefined ? origin : 'page',
          place,
          ofPage: added.length > 0 ? settingLines(added) : [],
          typed: isValueKey(key) && values.whyNot(key) === null ? typedText(key, ofPage ?? value) : null,
          description,
        };
      }),
      changes: (await changes.changes(CHANGES_SHOWN)).map(({ value, ...change }) => ({
        ...change,
        lines: value === null ? [] : settingLines(value),
      })),
    }),
    letIn: (sender, why) => sources.letIn(sender, why),
    takeBack: (aeTitle, why) => sources.takeBack(aeTitle, why),
    try: async (key, text) => {
      const known = pageKey(key);
      const value = values.check({ [known]: typedPageValue(known, text) })[known];
      return { lines: settingLines(value), effect: await effectOf(parts, known, value) };
    },
    set: async (key, text, why) => {
      const known = pageKey(key);
      await values.change(() => ({ [known]: text === null ? null : typedPageValue(known, text) }), why);
    },
    exported: document.exported,
    imported: document.imported,
  };
}

/** What a new agent needs before it helps anybody: the page shows it until all of it is done. */
async function firstSteps({ config, database, query, ports }: Parts, sources: LiveSources) {
  const proven = await createProofRuns(database, ports.clock).last(['passed']);
  return [
    { step: 'account' as const, done: config.web.signIn !== 'off' },
    { step: 'source' as const, done: sources.all().length > 0 },
    { step: 'destination' as const, done: config.destinations.length > 0 },
    { step: 'proof' as const, done: proven !== null },
    { step: 'scan' as const, done: (await query.totals()).lastReceivedAtMs !== null },
  ];
}

/** A key that is set as a value. Destinations are set one by one, on *Connections*. */
type ValueKey = Exclude<PageKey, typeof PAGE_DESTINATIONS>;
const isValueKey = (key: string): key is ValueKey => isPageKey(key) && key !== PAGE_DESTINATIONS;

/** @throws TriageError `command-invalid` */
function pageKey(key: string): ValueKey {
  if (isValueKey(key)) return key;
  throw new TriageError('command-invalid', `${key} cannot be set on this page: change it in the configuration file.`);
}

/** A value as a person types it: as it stands in the file. */
const typedText = (key: ValueKey, value: unknown): string =>
  isPlainText(key) ? String(value) : yamlText(value).trimEnd();

const NAMES = { shown: 'shown', 'on-request': 'shown to a reader who asks', hidden: 'hidden' } as const;

/** What a value would do, counted on the present worklist before it is set. */
async function effectOf({ config, query, store, ports }: Parts, key: ValueKey, value: unknown): Promise<string> {
  const nowMs = ports.clock.now();
  if (key === 'worklist.maxWaitMinutes') {
    const unread = (await query.rows({ readLimit: 0 })).filter((row) => row.readAtMs === null);
    const past = (minutes: number) => unread.filter((row) => nowMs - row.arrivedAtMs > minutes * 60_000).length;
    return `Of ${unread.length} unread scans, ${past(Number(value))} have waited longer; with the present limit ${past(config.worklist.maxWaitMinutes)}.`;
  }
  if (key === 'housekeeping.retentionDays') {
    const due = async (days: number) => {
      const found = (await store.removableCases(nowMs - days * DAY_MS, MOST_COUNTED, 'age')).length;
      return found === MOST_COUNTED ? `at least ${found}` : String(found);
    };
    return `Retention would remove ${await due(Number(value))} studies at its next look; with the present time ${await due(config.housekeeping.retentionDays)}.`;
  }
  if (key === 'selection')
    return `${(value as unknown[]).length} rules, for studies that are assembled from then on. Try a file of each scanner under Connections.`;
  if (key === 'worklist.patientNames')
    return `For lists and API from then on; at present the names are ${NAMES[config.worklist.patientNames]}.`;
  if (key === 'proofOfLife.schedule') {
    if (value === 'off') return 'None would be run by itself, and none that fails to run would raise an alarm.';
    const nextMs = nextRunMs(readCron(key, String(value)), nowMs, systemOffset);
    return nextMs === null
      ? 'It would never be run.'
      : `Next run ${new Date(nextMs).toISOString().slice(0, 16).replace('T', ' ')} UTC.`;
  }
  return value === '' ? 'There would be no link.' : 'Press V in a case to try it, once it is set.';
}
