import { z } from 'zod';
import { TriageError } from '../base/errors.ts';
import { validatorWords } from '../base/validatorWords.ts';
import type { Destination } from './config.ts';
import { dimseDestination } from './destinationSettings.ts';

/** The key under which the page keeps its destinations, beside those of the file. */
export const PAGE_DESTINATIONS = 'destinations';

const IN_THE_FILE = 'can name files of this machine, and is set in the configuration file only';

/** A secret or a certificate is named by its file, and an admin of the page is not to point the agent at any file: so DIMSE only, and without TLS. */
const pageDestination = dimseDestination.extend({
  kind: z.literal('dimse', `a DICOMweb destination ${IN_THE_FILE}`).default('dimse'),
  tls: z.never(`a destination by TLS ${IN_THE_FILE}`).optional(),
});

export const pageDestinationsSettings = z.array(pageDestination);
export type PageDestination = z.infer<typeof pageDestination>;

/** One destination as a form gives it. @throws TriageError `command-invalid` that names the field */
export function pageDestinationOf(entry: unknown): PageDestination {
  const parsed = pageDestination.safeParse(entry, { error: validatorWords });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new TriageError('command-invalid', `${issue!.path.map(String).join('.') || 'destination'}: ${issue!.message}.`);
}

/** All destinations that count. On a name that the file has, or had, the file has the last word. */
export function destinationsInForce(
  ofFile: readonly Destination[],
  ofPage: readonly PageDestination[],
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
  ofPage: readonly PageDestination[],
  ofFile: readonly Destination[],
  entry: PageDestination,
  replaces: string | null,
): PageDestination[] {
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
export function withoutDestination(ofPage: readonly PageDestination[], name: string): PageDestination[] {
  const left = ofPage.filter((one) => one.name !== name);
  if (left.length === ofPage.length) throw notOfPage(name);
  return left;
}

/** As they are kept and exported: without what is left at its default. */
export function keptDestinations(destinations: readonly PageDestination[]): object[] | null {
  if (destinations.length === 0) return null;
  return destinations.map((one) => {
    const { name, kind, aeTitle, host, port, ...options } = one;
    const defaults = pageDestination.parse({ name, aeTitle, host, port }) as Record<string, unknown>;
    const chosen = Object.entries(options).filter(([key, value]) => !isSame(value, defaults[key]));
    return { name, kind, aeTitle, host, port, ...Object.fromEntries(chosen) };
  });
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const namesOf = (destinations: readonly Pick<Destination, 'name' | 'formerNames'>[]): Set<string> =>
  new Set(destinations.flatMap(({ name, formerNames }) => [name, ...formerNames]));

const notOfPage = (name: string): TriageError =>
  new TriageError('not-found', `${name} is no destination that was set on this page.`);
