import { existsSync } from 'node:fs';
import path from 'node:path';
import { labelOf, readCsv } from './csvTable.ts';
import type { Box, Dataset, LabelledCase, Problem } from './dataset.ts';

const LEVELS = ['C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C7'];

/**
 * Reads the release of the RSNA 2022 Cervical Spine Fracture Detection challenge as it unpacks: train.csv, train_bounding_boxes.csv and
 * `train_images/<StudyInstanceUID>/<slice_number>.dcm`. The case label is patient_overall. An image is positive where a box lies on it; only some positive
 * studies have boxes, and the images of the others have no known truth. `segmentations` has the vertebrae of some. Each study is a patient of its own there.
 * @throws TriageError `not-found`, `dataset-invalid`
 */
export async function readRsnaDataset(root: string): Promise<Dataset> {
  const problems: Problem[] = [];
  const boxes = await readBoxes(root, problems);
  const cases: LabelledCase[] = [];
  const seen = new Set<string>();
  for (const row of await readCsv(
    path.join(root, 'train.csv'),
    ['StudyInstanceUID', 'patient_overall', ...LEVELS],
    problems,
  )) {
    const drop = (problem: string): void => void problems.push({ where: row.where, problem, dropped: true });
    const note = (problem: string): void => void problems.push({ where: row.where, problem, dropped: false });
    const id = row.cell('StudyInstanceUID');
    const folder = path.join(root, 'train_images', id);
    const label = labelOf(row.cell('patient_overall'));
    if (!/^[\d.]+$/.test(id)) drop(`StudyInstanceUID is "${id}"`);
    else if (seen.has(id)) drop(`${id} is there twice`);
    else if (label === null) drop(`patient_overall is "${row.cell('patient_overall')}"; 0 or 1 is wanted`);
    else if (!existsSync(folder)) drop(`train_images/${id} does not exist`);
    else {
      const wrong = LEVELS.filter((level) => labelOf(row.cell(level)) === null);
      if (wrong.length > 0) note(`${wrong.join(', ')}: 0 or 1 is wanted; counted as not broken`);
      const levels = LEVELS.filter((level) => labelOf(row.cell(level)) === true);
      if (label !== levels.length > 0)
        note(
          `patient_overall is ${label ? 1 : 0}, and ${levels.length === 0 ? 'no level is' : `${levels.join(', ')} are`} broken`,
        );
      const own = boxes.get(id) ?? new Map<string, Box[]>();
      if (!label && own.size > 0) note('the case is negative, and yet it has bounding boxes');
      cases.push({
        id,
        patientKey: id,
        folder,
        label,
        sex: null,
        ageYears: null,
        levels,
        types: [],
        grade: null,
        imageLabels: new Map(),
        boxes: own,
        masks: [],
        ...segmentationOf(root, id),
        unmarkedIsIntact: !label || own.size > 0,
      });
    }
    seen.add(id);
  }
  for (const id of boxes.keys())
    if (!seen.has(id))
      problems.push({
        where: 'train_bounding_boxes.csv',
        problem: `boxes of ${id}, which train.csv does not name`,
        dropped: true,
      });
  return { kind: 'rsna-2022', root, cases, problems };
}

/** 87 studies of the release have their vertebrae segmented. */
function segmentationOf(root: string, id: string): Pick<LabelledCase, 'vertebrae'> {
  const vertebrae = ['.nii', '.nii.gz']
    .map((ending) => path.join(root, 'segmentations', `${id}${ending}`))
    .find(existsSync);
  return vertebrae === undefined ? {} : { vertebrae };
}

/** By study, then by file. */
async function readBoxes(root: string, problems: Problem[]): Promise<Map<string, Map<string, Box[]>>> {
  const studies = new Map<string, Map<string, Box[]>>();
  const table = path.join(root, 'train_bounding_boxes.csv');
  if (!existsSync(table)) {
    problems.push({
      where: 'train_bounding_boxes.csv',
      problem: 'is not there: no positive image is known',
      dropped: false,
    });
    return studies;
  }
  for (const row of await readCsv(table, ['StudyInstanceUID', 'x', 'y', 'width', 'height', 'slice_number'], problems)) {
    const id = row.cell('StudyInstanceUID');
    const [x, y, width, height, slice] = ['x', 'y', 'width', 'height', 'slice_number'].map((column) =>
      row.cell(column) === '' ? Number.NaN : Number(row.cell(column)),
    ) as [number, number, number, number, number];
    const file = path.join(root, 'train_images', id, `${slice}.dcm`);
    if (![x, y, width, height, slice].every(Number.isFinite) || width <= 0 || height <= 0)
      problems.push({ where: row.where, problem: 'the box has no size or is not made of numbers', dropped: true });
    else if (existsSync(path.dirname(file)) && !existsSync(file))
      problems.push({ where: row.where, problem: `there is no ${slice}.dcm in ${id}`, dropped: true });
    else {
      const images = studies.get(id) ?? new Map<string, Box[]>();
      studies.set(id, images);
      images.set(file, [
        ...(images.get(file) ?? []),
        { left: Math.floor(x), top: Math.floor(y), right: Math.ceil(x + width), bottom: Math.ceil(y + height) },
      ]);
    }
  }
  return studies;
}
