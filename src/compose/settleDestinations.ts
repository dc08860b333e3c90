import type { Config } from '../config/config.ts';
import { PAGE_DESTINATIONS } from '../config/pageDestinations.ts';
import { createPageSettings } from '../worklist/settings/pageSettings.ts';
import type { Foundation } from './agentPorts.ts';

type Parts = Pick<Foundation, 'config' | 'database' | 'store'> & { ports: Pick<Foundation['ports'], 'clock' | 'log'> };

/**
 * Puts on record what has become of destinations: what stands under a former name goes on under the present one, and what waits for a retired one, or for one
 * that was taken back on the page, is closed. Done at each start and after each change, so that a crash in between leaves nothing waiting for ever.
 */
export async function settleDestinations(parts: Parts): Promise<void> {
  const { config, store, ports } = parts;
  const { destinations } = config;
  const names = new Set(destinations.map(({ name }) => name));
  for (const { name, formerNames } of destinations)
    for (const former of formerNames) {
      // A name may have been given anew.
      const renamed = names.has(former) ? 0 : await store.renameDestination(former, name);
      if (renamed > 0)
        ports.log.info('Deliveries go on under the new name of their destination', {
          destination: name,
          count: renamed,
        });
    }
  const retired = destinations.filter(({ state }) => state === 'retired').map(({ name }) => name);
  const gone = (await namesOnPage(parts)).filter((name) => !names.has(name));
  const closed = await store.closeRetired([...retired, ...gone]);
  if (closed > 0) ports.log.warn('Results that waited for retired destinations are closed', { count: closed });
}

/** Names that the page has ever set; none where the files alone count, which say themselves what is retired. */
async function namesOnPage({ config, database, ports: { clock } }: Parts): Promise<string[]> {
  if (config.web.settings !== 'page') return [];
  const past = (await createPageSettings(database, clock).past(PAGE_DESTINATIONS)) as (Config['destinations'] | null)[];
  return [...new Set(past.flatMap((destinations) => destinations?.map(({ name }) => name) ?? []))];
}
