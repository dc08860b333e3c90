import path from 'node:path';
import { nextBest } from '../assemble/assembleStudy.ts';
import type { UnreadFile } from '../base/listFiles.ts';
import type { CaseManifest, StoredInstance } from '../case/case.ts';
import type { Config } from '../config/config.ts';
import type { SeriesInference } from '../infer/inferSeries.ts';
import { inferStudy, type InferStudyOptions } from '../infer/inferStudy.ts';

interface Options extends Pick<InferStudyOptions, 'manifest' | 'model' | 'threshold' | 'clock' | 'onEncoded'> {
  folder: string;
  /** What was read from the folder. */
  instances: readonly StoredInstance[];
  rules: Config['assemble'];
}

/**
 * Analyses the chosen series of a study in a folder by the rules for a received one: a few damaged slices count as missing ones, and of a series with more
 * of them the next best is analysed. `unread`: files of the damaged slices that were left out.
 *
 * @throws TriageError `inference-*`, to be tried again
 */
export async function inferFolderStudy({
  folder,
  instances,
  rules,
  ...options
}: Options): Promise<SeriesInference & { unread: UnreadFile[] }> {
  const inference = await inferStudy({
    ...options,
    next: (tried) => nextBest(instances, rules, tried),
    maxMissingShare: rules.maxMissingShare,
    cached: new Map(),
    resolvePath: (file) => path.resolve(folder, file),
  });
  return { ...inference, unread: damagedFiles(instances, inference.manifest) };
}

function damagedFiles(instances: readonly StoredInstance[], { unreadSlices = [] }: CaseManifest): UnreadFile[] {
  const files = new Map(instances.map(({ header, path: file }) => [header.sopInstanceUid, file]));
  return unreadSlices.map(({ sopInstanceUid, frameNumber, reason }) => {
    const file = files.get(sopInstanceUid) ?? sopInstanceUid;
    return { file: frameNumber === undefined ? file : `${file} frame ${frameNumber}`, reason };
  });
}
