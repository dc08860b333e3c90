import { createPageSettings } from '../worklist/settings/pageSettings.ts';
import type { Foundation } from './agentPorts.ts';
import type { LiveSources } from './liveSources.ts';

/** Looks whether another process has changed the page's settings (`odontoid config import`), and if so puts them into force here. */
export async function settingsFollower(
  {
    values,
    database,
    ports: { clock },
  }: Pick<Foundation, 'values' | 'database'> & { ports: Pick<Foundation['ports'], 'clock'> },
  sources: Pick<LiveSources, 'read'>,
): Promise<{ look: () => Promise<void> }> {
  const settings = createPageSettings(database, clock);
  let inForce = await settings.version();
  return {
    look: async () => {
      const version = await settings.version();
      if (version === inForce) return;
      await values.read();
      await sources.read();
      inForce = version;
    },
  };
}
