import { existsSync } from 'node:fs';
import path from 'node:path';
import { TriageError } from '../base/errors.ts';
import type { Dataset } from './dataset.ts';
import { readFolderDataset } from './folderDataset.ts';
import { readCspineDataset } from './cspineDataset.ts';
import { readRsnaDataset } from './rsnaDataset.ts';

/**
 * Reads a labelled dataset of any known kind; the kind is recognised by its tables, or by masks beside scans.
 * @throws TriageError `not-found`, `dataset-invalid` when no case can be used
 */
export async function readDataset(folder: string): Promise<Dataset> {
  const root = path.resolve(folder);
  const has = (name: string): boolean => existsSync(path.join(root, name));
  const dataset = has('cases.csv')
    ? await readFolderDataset(root)
    : has('train.csv')
      ? await readRsnaDataset(root)
      : existsSync(root)
        ? await readCspineDataset(root)
        : null;
  if (dataset === null)
    throw new TriageError(
      'not-found',
      `${folder} holds no cases.csv (a phantom cohort, or a folder of your own), no DICOM masks beside scans (Fracture Detection on Cervical Spine CT) and no train.csv (the RSNA 2022 release). docs/evaluation.md shows all three.`,
    );
  if (dataset.cases.length === 0) {
    const listed = dataset.problems.slice(0, 10).map(({ where, problem }) => `  ${where}: ${problem}`);
    throw new TriageError('dataset-invalid', [`${folder} has no case that can be used.`, ...listed].join('\n'));
  }
  return dataset;
}
