import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { packageRoot } from '../base/packageRoot.ts';
import { TLS_PROFILE } from '../base/tlsProfile.ts';
import { readSecret } from '../config/configFile.ts';
import { readTlsFiles } from '../config/tlsFiles.ts';
import type { PackagePlaces } from '../infer/modelPackages.ts';
import type { DatabasePlace } from '../worklist/db/database.ts';

/** Paths in the data folder, and in the folder that nodes share. */
export function dataPaths(config: Config) {
  const sharedDir = config.node.sharedDir ?? config.dataDir;
  return {
    sharedDir,
    database: join(config.dataDir, 'odontoid.sqlite'),
    spool: join(sharedDir, 'spool'),
    results: join(sharedDir, 'results'),
    backups: join(config.dataDir, 'backups'),
    models: join(sharedDir, 'models'),
    proof: join(config.dataDir, 'proof'),
  };
}

/** The name of this agent among those of its database. */
export function nodeNameOf({ node }: Pick<Config, 'node'>): string {
  return node.name ?? hostname();
}

/** Where the worklist is kept. @throws TriageError `config-invalid` when a secret or a certificate cannot be read */
export function databasePlace(config: Config, environment: NodeJS.ProcessEnv = process.env): DatabasePlace {
  const { url, password, tls } = config.database;
  if (url === undefined) return dataPaths(config).database;
  return {
    url,
    ...(password === undefined ? {} : { password: readSecret(password, environment) }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...TLS_PROFILE,
            ...readTlsFiles(tls),
            ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
          },
        }),
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
