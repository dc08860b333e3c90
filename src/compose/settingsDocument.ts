import { TriageError } from '../base/errors.ts';
import { yamlText, yamlValue } from '../config/configLayers.ts';
import { keptDestinations, PAGE_DESTINATIONS } from '../config/pageDestinations.ts';
import { isPageKey, PAGE_KEYS, type PageValues } from '../config/pageValues.ts';
import { PAGE_SOURCES, pageSourcesOf } from '../config/pageSources.ts';
import type { PageSettings, Why } from '../worklist/settings/pageSettings.ts';
import { keptSources, type LiveSources } from './liveSources.ts';
import type { LiveValues } from './liveValues.ts';

/** What admins have set on the page, as one YAML document of the form of the configuration file. */
export interface SettingsDocument {
  exported: () => string;
  /** Sets what such a document says, all of it or nothing; resolves with the keys. @throws TriageError `command-invalid` */
  imported: (text: string, why: Why) => Promise<string[]>;
}

export function createSettingsDocument({
  values,
  sources,
  changes,
}: {
  values: Pick<LiveValues, 'now' | 'toKeep' | 'read'>;
  sources: Pick<LiveSources, 'ofPage' | 'check' | 'read'>;
  changes: PageSettings;
}): SettingsDocument {
  return {
    exported: () => exportedYaml(values.now(), sources),
    imported: async (text, why) => {
      const entries = importedEntries(text);
      const senders = entries.flatMap(([key, said]) => (key === PAGE_SOURCES ? [pageSourcesOf(said)] : []));
      for (const one of senders) sources.check(one);
      const said = Object.fromEntries(entries.filter(([key]) => isPageKey(key)));
      await changes.change(
        [...values.toKeep(said), ...senders.map((one) => ({ key: PAGE_SOURCES, next: () => keptSources(one) }))],
        why,
      );
      await values.read();
      await sources.read();
      return entries.map(([key]) => key);
    },
  };
}

function exportedYaml(values: PageValues, sources: Pick<LiveSources, 'ofPage'>): string {
  const document: Record<string, unknown> = {};
  const put = (key: string, value: unknown) => {
    const keys = key.split('.');
    const last = keys.pop()!;
    const section = keys.reduce<Record<string, unknown>>(
      (at, name) => (at[name] ??= {}) as Record<string, unknown>,
      document,
    );
    section[last] = value;
  };
  for (const [key, value] of Object.entries(values)) put(key, value);
  if (values.destinations !== undefined) put(PAGE_DESTINATIONS, keptDestinations(values.destinations));
  if (sources.ofPage().length > 0) put(PAGE_SOURCES, sources.ofPage());
  return Object.keys(document).length === 0 ? '# Nothing was set on the page.\n' : yamlText(document);
}

/** The settings of a YAML document that the page may set. @throws TriageError `command-invalid` for any other */
function importedEntries(text: string): [key: string, value: unknown][] {
  const allowed: string[] = [...PAGE_KEYS, PAGE_SOURCES];
  const entries: [string, unknown][] = [];
  const walk = (value: unknown, key: string): void => {
    if (allowed.includes(key)) entries.push([key, value]);
    else if (
      typeof value === 'object' &&
      value !== null &&
      allowed.some((one) => key === '' || one.startsWith(`${key}.`))
    )
      for (const [name, inner] of Object.entries(value)) walk(inner, key === '' ? name : `${key}.${name}`);
    else
      throw new TriageError(
        'command-invalid',
        `${key === '' ? 'This' : key} cannot be set on this page. It takes ${allowed.join(', ')}.`,
      );
  };
  walk(yamlValue(text), '');
  return entries;
}
