import type { z } from 'zod';
import { TriageError } from '../base/errors.ts';
import { validatorWords } from '../base/validatorWords.ts';
import type { Config } from './config.ts';
import { receiveSettings } from './receiveSettings.ts';

export type Source = Config['receive']['sources'][number];

/** A sender as the page lets it in: from one address or network, and where it answers C-ECHO if that is known. */
export interface Sender {
  aeTitle: string;
  address: string;
  echo?: { host: string; port: number } | undefined;
}

/** The key under which the page keeps the senders that it has let in, beside those of the file. */
export const PAGE_SOURCES = 'receive.sources';

const sources = receiveSettings.unwrap().shape.sources;

/** What the page keeps under {@link PAGE_SOURCES}, in the form of the configuration. @throws TriageError `config-invalid` when a hand has made it something else */
export function pageSourcesOf(value: unknown): Source[] {
  const parsed = sources.safeParse(value ?? [], { error: validatorWords });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues as [z.core.$ZodIssue];
  throw new TriageError(
    'config-invalid',
    `${PAGE_SOURCES}, as set on the page: ${issue.path.map(String).join('.')} ${issue.message}`,
  );
}

/**
 * The page's senders with one more, or with one more address of a sender that it has.
 * @throws TriageError `command-invalid` when it is no AE title, or the file names its certificates
 */
export function withSource(
  ofPage: readonly Source[],
  ofFile: readonly Source[],
  { aeTitle, address, echo }: Sender,
): Source[] {
  if (ofFile.some((one) => one.aeTitle === aeTitle && one.certificates !== undefined))
    throw new TriageError(
      'command-invalid',
      `The configuration file lets ${aeTitle} in by its certificate only. Change its entry there.`,
    );
  const known = ofPage.find((one) => one.aeTitle === aeTitle);
  const addresses = [...new Set([...(known?.addresses ?? []), address])];
  const entry = { ...known, aeTitle, addresses, ...(echo && { echo }) };
  const parsed = sources.safeParse([entry], { error: validatorWords });
  if (!parsed.success)
    throw new TriageError('command-invalid', `This sender cannot be let in: ${refusalOf(parsed.error.issues[0]!)}.`);
  return [...ofPage.filter((one) => one.aeTitle !== aeTitle), ...parsed.data];
}

/** With the field, where a word of the validator does not say which it is. */
function refusalOf({ path, message }: z.core.$ZodIssue): string {
  const field = path.slice(1).map(String).join('.');
  return field.startsWith('echo') ? `${field} ${message}` : message;
}
