import { expect, test } from 'vitest';
import { z } from 'zod';
import { validatorWords } from '../../../src/base/validatorWords.ts';

const peer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('dimse') }),
  z.strictObject({ kind: z.literal('dicomweb') }),
]);

test.each<[z.ZodType, unknown, string]>([
  [z.strictObject({}), 'pw', 'a section is wanted, not a text'],
  [z.strictObject({}), [1], 'a section is wanted, not a list'],
  [z.array(z.string()), 7, 'a list is wanted, not a whole number'],
  [z.string(), null, 'a text is wanted, not nothing'],
  [z.string(), {}, 'a text is wanted, not a section'],
  [z.int(), 1.5, 'a whole number is wanted, not a number with a fraction'],
  [z.boolean(), 'true', 'true or false is wanted, not a text'],
  [z.string(), undefined, 'is missing'],
  [z.enum(['find', 'none']), 'finds', 'must be one of find, none'],
  [z.literal('tls'), 'udp', 'must be tls'],
  [peer, { kind: 'ftp' }, 'must be one of dimse, dicomweb'],
  [z.int().max(65535), 70000, 'is too large: at most 65535'],
  [z.number().min(0.3), 0.2, 'is too small: at least 0.3'],
  [z.string().max(16), 'ABCDEFGHIJKLMNOPQ', 'is too long: at most 16 characters'],
  [z.string().min(1), '', 'is too short: at least 1 character'],
  [z.array(z.string()).min(1), [], 'is too short: at least 1 entry'],
  [z.url(), 'pacs', 'an address such as https://host/path is wanted'],
  [z.strictObject({}), { a: 1 }, 'has a field that is not known here: a'],
  [z.strictObject({}), { a: 1, b: 2 }, 'has fields that are not known here: a, b'],
  // A schema's own words come first.
  [z.string().regex(/^a/, 'begins with an a'), 'b', 'begins with an a'],
])('%# says in our words: %j', (schema, value, words) => {
  expect(schema.safeParse(value, { error: validatorWords }).error?.issues[0]?.message).toBe(words);
});
