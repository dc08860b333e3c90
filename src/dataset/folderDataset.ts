import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { labelOf, readCsv, type CsvRow } from './csvTable.ts';
import type { Dataset, LabelledCase, Problem } from './dataset.ts';

/** From easy to hard: a case takes the grade of its easiest fracture. */
const GRADES = ['obvious', 'middle', 'subtle'];

/**
 * Reads a folder with cases.csv, a case a line: `folder` and `caseLabel`, and where known `patientId`, `sex`, `ageYears`, `fractures` (`burst@C5`, or a level
 * alone), `grades`, `mask` (NIfTI or DICOM, or a folder with a file for each slice; those of several readers joined by `;`). labels.csv, where there is one, has an image a line: `file` and
 * `imageLabel`. Paths are relative to the folder. `odontoid phantom` writes this.
 * @throws TriageError `not-found`, `dataset-invalid`
 */
export async function readFolderDataset(root: string): Promise<Dataset> {
  const problems: Problem[] = [];
  const imageLabels = new Map<string, Map<string, boolean>>();
  for (const [file, label] of await readImageLabels(root, problems)) {
    const own = imageLabels.get(path.dirname(file)) ?? new Map<string, boolean>();
    imageLabels.set(path.dirname(file), own.set(file, label));
  }
  const cases: LabelledCase[] = [];
  const seen = new Set<string>();
  for (const row of await readCsv(path.join(root, 'cases.csv'), ['folder', 'caseLabel'], problems)) {
    const drop = (problem: string): void => void problems.push({ where: row.where, problem, dropped: true });
    const id = row.cell('folder');
    const folder = path.resolve(root, id);
    const label = labelOf(row.cell('caseLabel'));
    if (id === '' || path.relative(path.resolve(root), folder).startsWith('..'))
      drop(`folder "${id}" is not in the dataset`);
    else if (seen.has(id)) drop(`${id} is there twice`);
    else if (label === null) drop(`caseLabel is "${row.cell('caseLabel')}"; 0 or 1 is wanted`);
    else if (!existsSync(folder)) drop(`the folder ${id} does not exist`);
    else cases.push(caseOf(row, root, id, folder, label, imageLabels.get(folder) ?? new Map(), problems));
    seen.add(id);
  }
  const named = new Set([...seen].map((id) => path.resolve(root, id)));
  for (const folder of imageLabels.keys()) {
    if (!named.has(folder))
      problems.push({
        where: 'labels.csv',
        problem: `images of ${path.relative(root, folder)}, which cases.csv does not name`,
        dropped: true,
      });
  }
  return { kind: 'folder', root, cases, problems };
}

function caseOf(
  row: CsvRow,
  root: string,
  id: string,
  folder: string,
  label: boolean,
  own: ReadonlyMap<string, boolean>,
  problems: Problem[],
): LabelledCase {
  const note = (problem: string): void => void problems.push({ where: row.where, problem, dropped: false });
  const sex = row.cell('sex');
  if (!['', 'F', 'M'].includes(sex)) note(`sex is "${sex}"; F, M or nothing is wanted: counted as unknown`);
  const age = row.cell('ageYears');
  const ageYears = age === '' ? null : Number(age);
  if (ageYears !== null && !(ageYears >= 0 && ageYears <= 130))
    note(`ageYears is "${age}"; a number of years is wanted: counted as unknown`);
  const fractures = words(row.cell('fractures')).map((name) => name.split('@'));
  if (!label && fractures.length > 0) note('the case is negative, and yet its fractures are named');
  const grades = words(row.cell('grades'));
  const masks = row
    .cell('mask')
    .split(';')
    .map((mask) => mask.trim())
    .filter((mask) => mask !== '')
    .map((mask) => path.resolve(root, mask));
  const absent = masks.filter((mask) => !existsSync(mask));
  if (absent.length > 0)
    note(`no mask at ${absent.map((mask) => path.relative(root, mask)).join(', ')}: the case goes without`);
  if (own.size > 0 && [...own.values()].includes(true) !== label)
    note(`caseLabel is ${label ? 1 : 0}, and labels.csv has ${label ? 'no' : 'a'} positive image of it`);
  return {
    id,
    patientKey: row.cell('patientId') === '' ? id : row.cell('patientId'),
    folder,
    label,
    sex: sex === 'F' || sex === 'M' ? sex : null,
    ageYears: ageYears !== null && ageYears >= 0 && ageYears <= 130 ? ageYears : null,
    levels: unique(fractures.map((parts) => parts.at(-1)!)),
    types: unique(fractures.flatMap((parts) => (parts.length === 2 ? [parts[0]!] : []))),
    grade: GRADES.find((grade) => grades.includes(grade)) ?? grades[0] ?? null,
    imageLabels: own,
    boxes: new Map(),
    masks: absent.length > 0 ? [] : masks.map(filesOfReader),
    // A negative case has no positive image; in a positive one the masks say which.
    unmarkedIsIntact: !label || (masks.length > 0 && absent.length === 0),
  };
}

/** The file itself, or all of a folder. */
function filesOfReader(mask: string): string[] {
  if (!statSync(mask).isDirectory()) return [mask];
  return readdirSync(mask)
    .sort()
    .map((name) => path.join(mask, name));
}

async function readImageLabels(root: string, problems: Problem[]): Promise<Map<string, boolean>> {
  const labels = new Map<string, boolean>();
  const file = path.join(root, 'labels.csv');
  if (!existsSync(file)) return labels;
  for (const row of await readCsv(file, ['file', 'imageLabel'], problems)) {
    const label = labelOf(row.cell('imageLabel'));
    const image = path.resolve(root, row.cell('file'));
    if (label === null)
      problems.push({
        where: row.where,
        problem: `imageLabel is "${row.cell('imageLabel')}"; 0 or 1 is wanted`,
        dropped: true,
      });
    else if (labels.has(image))
      problems.push({ where: row.where, problem: `${row.cell('file')} is there twice`, dropped: true });
    else labels.set(image, label);
  }
  return labels;
}

function words(cell: string): string[] {
  return cell.split(' ').filter((word) => word !== '');
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
