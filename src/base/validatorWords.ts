import type { z } from 'zod';

const WANTED: Readonly<Record<string, string>> = {
  object: 'a section',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** What is wrong with one value, in words for whoever wrote it. Never quotes the value, which may be a secret in the wrong place. Give it to a schema's `safeParse` as `error`. */
export function validatorWords(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined && issue.code !== 'unrecognized_keys') return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `${WANTED[issue.expected] ?? issue.expected} is wanted, not ${kindOf(issue.input)}`;
    case 'invalid_value':
      return choice(issue.values);
    case 'too_big':
      return `is too ${issue.origin === 'number' || issue.origin === 'int' ? 'large' : 'long'}: at most ${amount(issue.maximum, issue.origin)}`;
    case 'too_small':
      return `is too ${issue.origin === 'number' || issue.origin === 'int' ? 'small' : 'short'}: at least ${amount(issue.minimum, issue.origin)}`;
    case 'invalid_format':
      return issue.format === 'url' ? 'an address such as https://host/path is wanted' : undefined;
    case 'invalid_union':
      return Array.isArray(issue.options) ? choice(issue.options) : undefined;
    case 'unrecognized_keys':
      return `has ${issue.keys.length === 1 ? 'a field that is' : 'fields that are'} not known here: ${issue.keys.join(', ')}`;
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'not_multiple_of':
      return undefined;
  }
}

function choice(values: readonly unknown[]): string {
  const words = values.map(String);
  return words.length === 1 ? `must be ${words[0]!}` : `must be one of ${words.join(', ')}`;
}

function amount(limit: number | bigint, origin: string): string {
  if (origin === 'string') return `${limit} ${limit === 1 ? 'character' : 'characters'}`;
  if (origin === 'array') return `${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  return String(limit);
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a whole number' : 'a number with a fraction';
  return { string: 'a text', boolean: 'true or false', object: 'a section' }[typeof value as string] ?? 'that';
}
