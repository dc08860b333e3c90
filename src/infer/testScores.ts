import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

/** Name of the file in a package's folder. */
export const TEST_SCORES_FILE = 'testScores.json';

const scores = z.array(z.number().min(0).max(1));
const testScoresSchema = z.strictObject({
  of: z.string().min(1),
  modelSha256: z.string(),
  fractures: scores,
  others: scores,
});

/** Scores that a network gave the cases of its test. `of` says what the cases are; `modelSha256` is the digest of the package that scored them. */
export type TestScores = z.infer<typeof testScoresSchema>;

/**
 * The scores that lie beside a package, with the bytes of their file; null where there are none, or those of another package. They only tell what a change of
 * threshold would lose: a package serves without them.
 */
export async function readTestScores(
  dir: string,
  modelSha256: string,
): Promise<{ scores: TestScores; bytes: Uint8Array } | null> {
  try {
    const bytes = await readFile(path.join(dir, TEST_SCORES_FILE));
    const found = testScoresSchema.parse(JSON.parse(bytes.toString('utf8')));
    return found.modelSha256 === modelSha256 ? { scores: found, bytes } : null;
  } catch {
    return null;
  }
}
