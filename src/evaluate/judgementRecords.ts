import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { messageOf, TriageError } from '../base/errors.ts';
import { judgedCaseSchema, type JudgedCase } from './judgedCase.ts';

const recordSchema = z.strictObject({
  judged: judgedCaseSchema.nullable(),
  problems: z.array(z.strictObject({ where: z.string(), problem: z.string(), dropped: z.boolean() })),
  slices: z.int().min(0),
});

/** The outcome of a case: `judged` is null when none of its files could be used. */
export interface JudgementRecord {
  readonly judged: JudgedCase | null;
  readonly problems: readonly { readonly where: string; readonly problem: string; readonly dropped: boolean }[];
  readonly slices: number;
}

/** Finished cases on disk, so that an interrupted run continues where it was and another threshold costs nothing. */
export interface JudgementRecords {
  /** Null when the case was not finished, or its record is truncated. */
  read(key: string): Promise<JudgementRecord | null>;
  /** @throws TriageError `not-found` when the folder cannot be written to */
  write(key: string, record: JudgementRecord): Promise<void>;
}

export function judgementRecords(folder: string): JudgementRecords {
  const fileOf = (key: string): string => path.join(folder, `${key}.json`);
  return {
    read: async (key) => {
      const text = await readFile(fileOf(key), 'utf8').catch(() => null);
      if (text === null) return null;
      try {
        return recordSchema.parse(JSON.parse(text));
      } catch {
        return null;
      }
    },
    write: async (key, record) => {
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(`${fileOf(key)}.part`, JSON.stringify(record));
        await rename(`${fileOf(key)}.part`, fileOf(key));
      } catch (error) {
        throw new TriageError(
          'not-found',
          `What was found cannot be kept in ${folder}: ${messageOf(error)}. Name another folder with --cache.`,
          { cause: error },
        );
      }
    },
  };
}

/** Name of a record: a digest of everything that the outcome depends on. */
export function recordKey(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 40);
}
