import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { packageRoot } from '../base/packageRoot.ts';
import type { PackagePlaces } from '../infer/modelPackages.ts';

/** Paths in the data folder. */
export function dataPaths(config: Config) {
  return {
    database: join(config.dataDir, 'odontoid.sqlite'),
    spool: join(config.dataDir, 'spool'),
    results: join(config.dataDir, 'results'),
    backups: join(config.dataDir, 'backups'),
    models: join(config.dataDir, 'models'),
    proof: join(config.dataDir, 'proof'),
  };
}

/** Where model packages are looked for. */
export function modelPlaces(config: Config): PackagePlaces {
  return {
    installedDir: dataPaths(config).models,
    configuredDir: config.infer.modelDir,
    shippedDir: join(packageRoot, 'models'),
  };
}
