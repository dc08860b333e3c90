import { settingLines, settingsOf } from '../config/effectiveSettings.ts';
import { PAGE_SOURCES } from '../config/pageSources.ts';
import type { Administration } from '../web/administration.ts';
import { createPageSettings } from '../worklist/settings/pageSettings.ts';
import type { AgentPorts, Foundation } from './agentPorts.ts';
import type { LiveSources } from './liveSources.ts';

const CHANGES_SHOWN = 50;

/** What the page *Settings* shows, and the changes that it may make. */
export function createSettingsAdministration(
  {
    config,
    database,
    ports,
  }: Pick<Foundation, 'config' | 'database'> & { ports: Pick<AgentPorts, 'clock' | 'settings'> },
  sources: LiveSources,
): Administration['settings'] {
  const known = ports.settings ?? settingsOf(config, []);
  const changes = createPageSettings(database, ports.clock);
  return {
    list: async () => ({
      mayChange: sources.mayChange,
      settings: known.map(({ key, value, origin, place, description }) => ({
        key,
        lines: settingLines(value),
        origin,
        place,
        ofPage: key === PAGE_SOURCES && sources.ofPage().length > 0 ? settingLines(sources.ofPage()) : [],
        description,
      })),
      changes: (await changes.changes(CHANGES_SHOWN)).map(({ value, ...change }) => ({
        ...change,
        lines: settingLines(value),
      })),
    }),
    letIn: (sender, why) => sources.letIn(sender, why),
    takeBack: (aeTitle, why) => sources.takeBack(aeTitle, why),
  };
}
