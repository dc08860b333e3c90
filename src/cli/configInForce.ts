import { systemClock } from '../base/clock.ts';
import { openSources } from '../compose/liveSources.ts';
import { openLiveValues } from '../compose/liveValues.ts';
import { databasePlace } from '../compose/places.ts';
import type { Config } from '../config/config.ts';
import { isMade, openDatabase } from '../worklist/db/database.ts';

/** A configuration with the senders and destinations that the page adds, as an agent has it; without them while there is no database. @throws TriageError `database-*` */
export async function configInForce(ofFiles: Config): Promise<Config> {
  const place = databasePlace(ofFiles);
  if (!(await isMade(place))) return ofFiles;
  const database = await openDatabase(place);
  try {
    const ports = { clock: systemClock };
    const { config } = await openLiveValues(ofFiles, database, ports);
    const sources = await openSources({ config, database, ports });
    return {
      ...ofFiles,
      receive: { ...ofFiles.receive, sources: [...sources.all()] },
      destinations: config.destinations,
    };
  } finally {
    await database.close();
  }
}
