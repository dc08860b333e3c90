import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { messageOf, TriageError } from '../base/errors.ts';
import { packageRoot } from '../base/packageRoot.ts';
import type { Config, configSchema, Destination, SecretSource } from './config.ts';
import { parseLayers, readLayers } from './configLayers.ts';
import { NODE_ROLES } from './databaseSettings.ts';
import { unsafeExposure } from './webSettings.ts';

/**
 * Reads `config/default.yaml`, the site's file over it, and the environment over both.
 * The site's file is `path`, else `ODONTOID_CONFIG`, else `odontoid.yaml` in the working directory where there is one.
 *
 * @throws TriageError `config-invalid` that names file, line, key, what was expected, and the nearest known key for a misspelt one.
 */
export function loadConfig(path: string | undefined, environment: NodeJS.ProcessEnv): Config {
  return finished(parseLayers(readLayers(path, environment)));
}

/** A configuration from values alone (demo, `analyse`, tests), with defaults for everything else. @throws TriageError `config-invalid` */
export function configFrom(value: z.input<typeof configSchema>): Config {
  return finished(parseLayers([{ origin: 'file', name: 'settings', value }]));
}

/** The rules that concern more than one setting, and absolute paths. @throws TriageError `config-invalid` */
export function finished(config: z.infer<typeof configSchema>): Config {
  const exposure = unsafeExposure(config.web);
  if (exposure !== null) throw new TriageError('config-invalid', exposure);
  if (config.thresholds.secondPerson && config.web.signIn === 'off')
    throw new TriageError(
      'config-invalid',
      'thresholds.secondPerson: without sign-in nobody can be told from a second person. Set web.signIn to local or oidc.',
    );
  const pinned = config.receive.sources.find(({ certificates }) => certificates !== undefined);
  if (pinned !== undefined && config.receive.tls?.caFile === undefined)
    throw new TriageError(
      'config-invalid',
      `receive.sources ${pinned.aeTitle}: its certificates can be seen only with receive.tls and receive.tls.caFile. Name them.`,
    );
  const unknown = config.proofOfLife.sendTo.find(
    (name) => !config.destinations.some((destination) => destination.name === name),
  );
  if (unknown !== undefined)
    throw new TriageError(
      'config-invalid',
      `proofOfLife.sendTo: there is no destination ${unknown}. Name one of destinations[].name.`,
    );
  checkDestinationNames(config.destinations);
  checkWebTls(config);
  checkSelection(config);
  checkArchives(config);
  checkNode(config);
  const { sharedDir } = config.node;
  return freeze({
    ...config,
    dataDir: resolve(config.dataDir),
    node: { ...config.node, ...(sharedDir === undefined ? {} : { sharedDir: resolve(sharedDir) }) },
    infer: { ...config.infer, modelDir: resolve(packageRoot, config.infer.modelDir) },
  });
}

/** @throws TriageError `config-invalid` where a name, present or former, does not lead to one destination */
export function checkDestinationNames(destinations: readonly Pick<Destination, 'name' | 'formerNames'>[]): void {
  const taken = new Set<string>();
  for (const { name } of destinations) {
    if (taken.has(name))
      throw new TriageError(
        'config-invalid',
        `destinations: two of them are called ${name}. Give each a name of its own.`,
      );
    taken.add(name);
  }
  for (const { name, formerNames } of destinations)
    for (const former of formerNames) {
      if (taken.has(former))
        throw new TriageError(
          'config-invalid',
          `destinations ${name}: its former name ${former} is that of another destination too. Leave it with one of them.`,
        );
      taken.add(former);
    }
}

/** @throws TriageError `config-invalid` for certificates of a DICOMweb service that is spoken to without TLS */
export function checkWebTls({ destinations }: Pick<Config, 'destinations'>): void {
  for (const destination of destinations) {
    if (destination.kind !== 'dicomweb' || destination.tls === undefined) continue;
    const { name, url, auth } = destination;
    if (![url, auth.kind === 'oauth2' ? auth.tokenUrl : ''].some((one) => one.startsWith('https:')))
      throw new TriageError(
        'config-invalid',
        `destinations ${name}: tls is of no use for ${url}. Give the service an https address, or leave tls out.`,
      );
  }
}

/** @throws TriageError `config-invalid` for an archive from which nothing can be fetched, or whose old scans would come in as new ones */
function checkArchives({ watch, priors, assemble, destinations, receive }: Config): void {
  const lists = [
    ['watch.archives', watch.archives],
    ['priors.archives', priors.archives],
  ] as const;
  for (const [setting, names] of lists)
    for (const name of names) {
      const destination = destinations.find((one) => one.name === name);
      if (destination === undefined)
        throw new TriageError(
          'config-invalid',
          `${setting}: there is no destination ${name}. Name one of destinations[].name.`,
        );
      if (destination.kind === 'dicomweb') {
        if (destination.confirm === 'find') continue;
        throw new TriageError(
          'config-invalid',
          `${setting}: ${name} answers no queries (confirm: none). Set confirm to find, or leave it out of the list.`,
        );
      }
      if (destination.retrieve === 'move' && !receive.sources.some(({ aeTitle }) => aeTitle === destination.aeTitle))
        throw new TriageError(
          'config-invalid',
          `${setting}: the agent would refuse what ${name} sends. Add ${destination.aeTitle} to receive.sources.`,
        );
    }
  if (priors.archives.length > 0 && assemble.maxAgeHours === 0)
    throw new TriageError(
      'config-invalid',
      'priors.archives: with assemble.maxAgeHours 0 old scans would come in as new ones. Give it the hours after which a scan is a prior.',
    );
}

/** @throws TriageError `config-invalid` for two rules of one name, a destination that there is not, or one for a rule that sends nothing */
export function checkSelection({ selection, destinations }: Pick<Config, 'selection' | 'destinations'>): void {
  const names = new Set<string>();
  for (const { name, do: action, destinations: sent = [] } of selection) {
    const problem = (text: string) => new TriageError('config-invalid', `selection, rule ${name}: ${text}`);
    if (names.has(name)) throw problem('another rule has this name too. Give it one of its own.');
    names.add(name);
    const unknown = sent.find((one) => !destinations.some((destination) => destination.name === one));
    if (unknown !== undefined) throw problem(`there is no destination ${unknown}. Name one of destinations[].name.`);
    if (sent.length > 0 && action !== 'accept')
      throw problem(`it sends nothing (do: ${action}), so leave its destinations out.`);
  }
}

/** @throws TriageError `config-invalid` for an agent that leaves work to others which there cannot be */
function checkNode({ node: { roles, sharedDir }, database }: Config): void {
  const does = new Set(roles);
  if (NODE_ROLES.every((role) => does.has(role))) return;
  const problem = (text: string) => new TriageError('config-invalid', `node.roles: ${text}`);
  if (database.url === undefined)
    throw problem('with a SQLite file one agent does everything. Leave it out, or keep the worklist in PostgreSQL.');
  if (sharedDir === undefined)
    throw problem('who leaves work to others shares objects and results with them. Name the folder (node.sharedDir).');
}

/** The folder whose files the page may name as secrets and certificates. */
export const secretsDirOf = ({ dataDir, web }: Pick<Config, 'dataDir' | 'web'>): string =>
  resolve(web.secretsDir ?? join(dataDir, 'secrets'));

/** The value of a secret. @throws TriageError `config-invalid` when the variable or the file does not exist */
export function readSecret(source: SecretSource, environment: NodeJS.ProcessEnv): string {
  if (source.env !== undefined) {
    const value = environment[source.env];
    if (value === undefined || value === '')
      throw new TriageError(
        'config-invalid',
        `The secret is to come from the environment variable ${source.env}, which is not set.`,
      );
    return value;
  }
  try {
    return readFileSync(source.file!, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new TriageError(
      'config-invalid',
      `The secret is to come from the file ${String(source.file)}, which cannot be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** The contents of a certificate or key file. @throws TriageError `config-invalid` when the file cannot be read */
export function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TriageError(
      'config-invalid',
      `The file ${path}, named in the configuration, cannot be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
