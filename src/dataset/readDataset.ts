import { existsSync } from 'node:fs';
import path from 'node:path';
import { TriageError } from '../base/errors.ts';
import type { Dataset } from './dataset.ts';
import { readFolderDataset } from './folderDataset.ts';
import { readRsnaDataset } from './rsnaDataset.ts';

/**
 * Reads a labelled dataset of any known kind; the kind is recognised by its tables.
 * @throws TriageError `not-found`, `dataset-invalid` when no case can be used
 */
export async function readDataset(folder: string): Promise<Dataset> {
  const root = path.resolve(folder);
  const has = (name: string): boolean => existsSync(path.join(root, name));
  if (!has('cases.csv') && !has('train.csv')) {
    throw new TriageError(
      'not-found',
      `${folder} holds no cases.csv (a phantom cohort, or a folder of your own) and no train.csv (the RSNA 2022 release). docs/evaluation.md shows both.`,
    );
  }
  const dataset = has('cases.csv') ? await readFolderDataset(root) : await readRsnaDataset(root);
  if (dataset.cases.length === 0) {
    const listed = dataset.problems.slice(0, 10).map(({ where, problem }) => `  ${where}: ${problem}`);
    throw new TriageError('dataset-invalid', [`${folder} has no case that can be used.`, ...listed].join('\n'));
  }
  return dataset;
}
