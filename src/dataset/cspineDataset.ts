import path from 'node:path';
import { messageOf, TriageError } from '../base/errors.ts';
import { listFiles } from '../base/listFiles.ts';
import { readBeginning } from '../base/readBeginning.ts';
import type { InstanceHeader } from '../case/case.ts';
import { readFileHeader } from '../dicom/header.ts';
import { LABEL_MAP_SEGMENTATION_STORAGE, SEGMENTATION_STORAGE } from '../dicom/sopClasses.ts';
import type { Dataset, LabelledCase, Problem } from './dataset.ts';
import { isMaskName, scanName, statedFinding } from './maskNames.ts';

/** Enough for what identifies an object. */
const BEGINNING_BYTES = 256 * 1024;
const SEGMENTATIONS: ReadonlySet<string> = new Set([SEGMENTATION_STORAGE, LABEL_MAP_SEGMENTATION_STORAGE]);

interface Found {
  /** Relative to the dataset. */
  readonly file: string;
  readonly header: InstanceHeader;
}

/**
 * Reads "Fracture Detection on Cervical Spine CT" (Health Data Nexus, doi 10.57764/fhp6-nt41), or data laid out alike. Its page says: each scan is a multi-frame
 * DICOM file; each scan with a fracture has an associated DICOM file with the mask. Names and classes of the files are not public, so that the following is
 * assumed: a mask is a Segmentation, or has a word such as *mask* or *seg* in its path; it belongs to the scan of its Study Instance UID, else to the one
 * whose name, or whose folder of masks, has the same name but for such words. A scan with a mask is broken, and one without is intact unless a folder such as *positive* says otherwise.
 * Several masks of a scan are those of several readers; single frames of one series are one reader's. Null when there is no mask.
 */
export async function readCspineDataset(root: string): Promise<Dataset | null> {
  const problems: Problem[] = [];
  const { images, masks } = await readHeaders(root, problems);
  if (masks.length === 0) return null;
  const scans = Map.groupBy(images, ({ header }) => `${header.studyInstanceUid} ${header.patientId}`);
  const masksOf = new Map<string, Found[]>([...scans.keys()].map((key) => [key, []]));
  const byStudy = uniqueKeys(scans, ([first]) => [first!.header.studyInstanceUid]);
  const byName = uniqueKeys(scans, (own) => [...new Set(own.map(({ file }) => scanName(file)))]);
  for (const mask of masks) {
    const scan =
      byStudy.get(mask.header.studyInstanceUid) ??
      byName.get(scanName(mask.file)) ??
      byName.get(scanName(path.dirname(mask.file)));
    if (scan !== undefined) masksOf.get(scan)!.push(mask);
    else
      problems.push({
        where: mask.file,
        problem: 'the mask belongs to no scan: neither its StudyInstanceUID nor its name is that of one',
        dropped: true,
      });
  }
  const people = new Set(images.map(({ header }) => header.patientId));
  const isAnonymous = people.size === 1 && scans.size > 1;
  if (isAnonymous)
    problems.push({
      where: '.',
      problem: `all ${scans.size} scans have the same PatientID: each counts as a patient of its own`,
      dropped: false,
    });
  const cases = [...scans].map(([key, own]) => caseOf(root, own, masksOf.get(key)!, isAnonymous, problems));
  return { kind: 'cspine-ct', root, cases: cases.sort((a, b) => (a.id < b.id ? -1 : 1)), problems };
}

function caseOf(
  root: string,
  images: readonly Found[],
  masks: readonly Found[],
  isAnonymous: boolean,
  problems: Problem[],
): LabelledCase {
  const [{ file, header }] = images as [Found];
  const id = images.length === 1 ? file.replace(/\.dcm$/i, '') : `${path.dirname(file)}/${header.studyInstanceUid}`;
  const stated = statedFinding(file);
  const label = masks.length > 0 || stated === true;
  if (label !== (stated ?? label))
    problems.push({ where: id, problem: 'its folder says that it is intact, and yet it has a mask', dropped: false });
  if (label && masks.length === 0)
    problems.push({ where: id, problem: 'its folder says that it is broken, and it has no mask', dropped: false });
  const absolute = ({ file: relative }: Found): string => path.join(root, relative);
  return {
    id,
    patientKey: isAnonymous || header.patientId === '' ? id : header.patientId,
    folder: path.dirname(absolute(images[0]!)),
    files: images.map(absolute),
    label,
    sex: null,
    ageYears: null,
    levels: [],
    types: [],
    grade: null,
    imageLabels: new Map(),
    boxes: new Map(),
    masks: readersOf(masks).map((own) => own.map(absolute)),
    unmarkedIsIntact: !label || masks.length > 0,
  };
}

/** Single frames of one series are one reader's marks; an object of many frames holds all of a reader's. */
function readersOf(masks: readonly Found[]): Found[][] {
  return [
    ...Map.groupBy(masks, ({ file, header }) =>
      header.numberOfFrames === 1 && !SEGMENTATIONS.has(header.sopClassUid) ? header.seriesInstanceUid : file,
    ).values(),
  ];
}

async function readHeaders(root: string, problems: Problem[]): Promise<{ images: Found[]; masks: Found[] }> {
  const { files, unread } = await listFiles(root);
  for (const { file, reason } of unread) problems.push({ where: file, problem: `not read: ${reason}`, dropped: true });
  const images: Found[] = [];
  const masks: Found[] = [];
  for (const absolute of files) {
    const file = path.relative(root, absolute);
    // Hidden files are not part of a release: `odontoid evaluate` keeps its own so.
    if (/(^|[/\\])\./.test(file)) continue;
    try {
      const { bytes, fileBytes } = await readBeginning(absolute, BEGINNING_BYTES);
      const header = readFileHeader(bytes, fileBytes);
      const isMask = SEGMENTATIONS.has(header.sopClassUid) || isMaskName(file) || isMaskName(header.seriesDescription);
      (isMask ? masks : images).push({ file, header });
    } catch (error) {
      if (!(error instanceof TriageError)) throw error;
      problems.push({ where: file, problem: `not read: ${messageOf(error)}`, dropped: true });
    }
  }
  return { images, masks };
}

/** The key of the scan that alone has a name. */
function uniqueKeys(
  scans: ReadonlyMap<string, Found[]>,
  namesOf: (scan: readonly Found[]) => string[],
): Map<string, string> {
  const keys = new Map<string, string>();
  const several = new Set<string>();
  for (const [key, scan] of scans)
    for (const name of namesOf(scan)) {
      if (keys.has(name)) several.add(name);
      keys.set(name, key);
    }
  for (const name of several) keys.delete(name);
  return keys;
}
