import { systemClock } from '../base/clock.ts';
import { databasePlace } from '../compose/places.ts';
import type { Config } from '../config/config.ts';
import { makeFolder } from '../base/durably.ts';
import { createCaseStore, type WorklistStore } from '../worklist/cases/caseStore.ts';
import { lockDataDir } from '../worklist/db/dataDirLock.ts';
import { isMade, migrate, openDatabase } from '../worklist/db/database.ts';
import type { ModelInForce } from '../worklist/models/modelActivations.ts';

/** Runs `use` on the agent's database while the agent may be running; `ifNone` where there is no database yet. */
export async function onDatabase<T>(
  config: Config,
  use: (store: WorklistStore) => Promise<T>,
  ifNone: () => Promise<T>,
): Promise<T> {
  const place = databasePlace(config);
  if (!(await isMade(place))) return ifNone();
  const database = await openDatabase(place);
  try {
    return await use(createCaseStore(database, systemClock));
  } finally {
    await database.close();
  }
}

/** Creates the database where there is none yet: a decision can be made before the first start. */
export async function makeDatabase(config: Config): Promise<void> {
  const place = databasePlace(config);
  if (await isMade(place)) return;
  await makeFolder(config.dataDir);
  const unlock = lockDataDir(config.dataDir);
  try {
    await migrate(place);
  } finally {
    unlock();
  }
}

/** Which packages are to be active and shadow; none where there is no database yet. */
export async function modelsWanted(config: Config): Promise<{ active: ModelInForce; shadow: ModelInForce }> {
  const nobody: ModelInForce = { wanted: null, lastInUse: null };
  return onDatabase(
    config,
    async (store) => ({ active: await store.modelInForce('active'), shadow: await store.modelInForce('shadow') }),
    () => Promise.resolve({ active: nobody, shadow: nobody }),
  );
}
