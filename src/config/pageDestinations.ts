import { basename, join } from 'node:path';
import { TriageError } from '../base/errors.ts';
import { validatorWords } from '../base/validatorWords.ts';
import type { Destination } from './config.ts';
import { secretsOfDestination } from './destinationSecrets.ts';
import { destinationsSettings, isWithoutCredentials } from './destinationSettings.ts';

/** The key under which the page keeps its destinations, beside those of the file. */
export const PAGE_DESTINATIONS = 'destinations';

const destination = destinationsSettings.unwrap().element;

/** One destination as a form gives it. @throws TriageError `command-invalid` that names the field */
export function pageDestinationOf(entry: unknown, secretsDir: string): Destination {
  const parsed = destination.safeParse(entry, { error: validatorWords });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue!.path.map(String).join('.') || 'destination';
    throw new TriageError('command-invalid', `${field}: ${issue!.message}.`);
  }
  checkNamedFiles(parsed.data, secretsDir);
  return parsed.data;
}

/**
 * An admin of the page could otherwise have the agent send any file that it can read, or variable that it was given, to a host of their choice.
 * @throws TriageError `command-invalid` for a secret or a certificate that is no file of the folder meant for this
 */
export function checkNamedFiles(destination: Destination, secretsDir: string): void {
  const refused = (key: string, why: string) =>
    new TriageError('command-invalid', `destination ${destination.name}, ${key}: ${why}`);
  for (const [key, url] of addressesOf(destination))
    if (!isWithoutCredentials(url)) throw refused(key, 'no credentials stand in it; they are set under auth.');
  const secrets = secretsOfDestination(destination);
  const variable = secrets.find(([, { env }]) => env !== undefined);
  if (variable !== undefined)
    throw refused(variable[0], 'a variable is named in the configuration file only. On the page, name a file.');
  const { caFile, certFile, keyFile } = destination.tls ?? {};
  const files: [key: string, path: string | undefined][] = [
    ...secrets.map(([key, { file }]): [string, string | undefined] => [key, file]),
    ...Object.entries({ 'tls.caFile': caFile, 'tls.certFile': certFile, 'tls.keyFile': keyFile }),
  ];
  for (const [key, path] of files)
    if (path !== undefined && path !== join(secretsDir, basename(path)))
      throw refused(
        key,
        `the page names files of ${secretsDir} only, and ${path} is none. Put it there, or name it in the configuration file.`,
      );
}

function addressesOf(destination: Destination): [key: string, url: string][] {
  if (destination.kind === 'dimse') return [];
  const { url, auth } = destination;
  return [['url', url], ...(auth.kind === 'oauth2' ? [['auth.tokenUrl', auth.tokenUrl] as [string, string]] : [])];
}

/** All destinations that count. On a name that the file has, or had, the file has the last word. */
export function destinationsInForce(
  ofFile: readonly Destination[],
  ofPage: readonly Destination[],
): readonly Destination[] {
  if (ofPage.length === 0) return ofFile;
  const taken = namesOf(ofFile);
  return [...ofFile, ...ofPage.filter(({ name }) => !taken.has(name))];
}

/**
 * The page's destinations with one more, or with another entry for the one called `replaces`. A new name keeps the old one as a former name, under which the
 * agent finds what waits.
 * @throws TriageError `not-found` when there is none to replace, `command-invalid` when the name is taken
 */
export function withDestination(
  ofPage: readonly Destination[],
  ofFile: readonly Destination[],
  entry: Destination,
  replaces: string | null,
): Destination[] {
  const { name } = entry;
  const present = ofPage.find((one) => one.name === replaces);
  if (replaces !== null && present === undefined) throw notOfPage(replaces);
  if (name !== replaces && namesOf(ofFile).has(name))
    throw new TriageError('command-invalid', `The configuration file has a destination ${name}. Choose another name.`);
  if (name !== replaces && ofPage.some((one) => one.name === name))
    throw new TriageError('command-invalid', `There is a destination ${name} already. Choose another name.`);
  const formerNames = [...(present?.formerNames ?? []), ...(replaces === null ? [] : [replaces])];
  const next = { ...entry, formerNames: [...new Set(formerNames)].filter((former) => former !== name) };
  // What was found under its former name belongs to the other one by now.
  const others = ofPage.map((one) => ({ ...one, formerNames: one.formerNames.filter((former) => former !== name) }));
  return present === undefined ? [...others, next] : others.map((one) => (one.name === replaces ? next : one));
}

/** The page's destinations without one. @throws TriageError `not-found` */
export function withoutDestination(ofPage: readonly Destination[], name: string): Destination[] {
  const left = ofPage.filter((one) => one.name !== name);
  if (left.length === ofPage.length) throw notOfPage(name);
  return left;
}

/** As they are kept and exported: without what is left at its default. */
export function keptDestinations(destinations: readonly Destination[]): object[] | null {
  if (destinations.length === 0) return null;
  return destinations.map((one) => {
    const needed = neededOf(one);
    const defaults = destination.parse(needed) as Record<string, unknown>;
    const chosen = Object.entries(one).filter(([key, value]) => !(key in needed) && !isSame(value, defaults[key]));
    return { ...needed, ...Object.fromEntries(chosen) };
  });
}

/** What has no default. */
function neededOf(one: Destination): object {
  const { name, kind } = one;
  return one.kind === 'dicomweb'
    ? { name, kind, url: one.url }
    : { name, kind, aeTitle: one.aeTitle, host: one.host, port: one.port };
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const namesOf = (destinations: readonly Pick<Destination, 'name' | 'formerNames'>[]): Set<string> =>
  new Set(destinations.flatMap(({ name, formerNames }) => [name, ...formerNames]));

const notOfPage = (name: string): TriageError =>
  new TriageError('not-found', `${name} is no destination that was set on this page.`);
