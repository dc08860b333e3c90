/**
 * What happens to a network's decisions when scans are blurred, noisy, thick or otherwise changed: a table of decisions that flip and of refusals.
 *
 *   npx tsx training/robustness.ts --dataset DIR [--model DIR] [--cases 40]
 *
 * Scans are changed in Hounsfield units as stored, written anew as DICOM and judged by the agent's own stages. A decision flips when it is another than that of
 * the unchanged scan, at the package's threshold.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { createLog } from '../src/base/log.ts';
import { seededRandom } from '../src/base/random.ts';
import { evaluateCohort } from '../src/cohort/evaluateCohort.ts';
import { readLabelledStudy } from '../src/cohort/readLabelledStudy.ts';
import { configFrom } from '../src/config/configFile.ts';
import type { LabelledCase, TruthSlice } from '../src/dataset/dataset.ts';
import { readDataset } from '../src/dataset/readDataset.ts';
import { decimalString, writePart10 } from '../src/dicom/part10.ts';
import { CT_IMAGE_STORAGE } from '../src/dicom/sopClasses.ts';
import { derivedUid } from '../src/dicom/uids.ts';
import { openCtFile } from '../src/infer/decodePixels.ts';
import { sampled } from './exportWorkers.ts';
import { PERTURBATIONS, type Perturbation, type Scan } from './perturbations.ts';

/** Stored value of 0 HU: 12 unsigned bits then hold -1024 to 3071 HU. */
const ZERO_HU = 1024;
const MOST_STORED = 4095;

interface Judged {
  readonly label: boolean;
  /** Null: refused. */
  readonly probability: number | null;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { dataset: { type: 'string' }, model: { type: 'string' }, cases: { type: 'string', default: '40' } },
  });
  if (values.dataset === undefined) throw new Error('--dataset DIR is needed: a labelled dataset (docs/evaluation.md)');
  const config = configFrom(values.model === undefined ? {} : { infer: { modelDir: values.model } });
  const { cases } = await readDataset(values.dataset);
  const chosen = sampled(cases, ({ label }) => label, Number(values.cases));
  const scratch = await mkdtemp(join(tmpdir(), 'odontoid-robustness-'));
  try {
    const rows: string[] = [];
    let unchanged: Judged[] = [];
    for (const perturbation of PERTURBATIONS) {
      const dir = join(scratch, 'scans');
      const changed = [];
      for (const labelled of chosen) changed.push(await writeChanged(labelled, perturbation, dir));
      const { cases: judged, defaultThreshold } = await evaluateCohort({
        cases: changed,
        cacheDir: join(scratch, 'records'),
        config,
        clock: systemClock,
        log: createLog('error'),
      });
      await rm(dir, { recursive: true });
      if (perturbation === PERTURBATIONS[0]) unchanged = judged;
      rows.push(row(perturbation.name, unchanged, judged, defaultThreshold));
      process.stderr.write(`${rows.at(-1)!}\n`);
    }
    process.stdout.write(
      [
        '| perturbation | intact: flagged | broken: flagged | flips to flagged | flips to not flagged | refused |',
        '|---|---|---|---|---|---|',
        ...rows,
        '',
      ].join('\n'),
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function row(name: string, before: readonly Judged[], after: readonly Judged[], threshold: number): string {
  const isFlagged = ({ probability }: Judged): boolean => probability !== null && probability >= threshold;
  const share = (label: boolean): string => {
    const analysed = after.filter((one) => one.label === label && one.probability !== null);
    return `${analysed.filter(isFlagged).length}/${analysed.length}`;
  };
  // A refusal is no decision: only scans that were analysed both times can flip.
  const both = before.flatMap((one, i) =>
    one.probability === null || after[i]!.probability === null ? [] : [[isFlagged(one), isFlagged(after[i]!)] as const],
  );
  const flips = (to: boolean): string => `${both.filter(([was, is]) => was !== to && is === to).length}/${both.length}`;
  const refused = after.filter(({ probability }) => probability === null).length;
  return `| ${name} | ${share(false)} | ${share(true)} | ${flips(true)} | ${flips(false)} | ${refused}/${after.length} |`;
}

/** Writes a case's analysed series, changed, and returns the case of it. */
async function writeChanged(labelled: LabelledCase, perturbation: Perturbation, root: string): Promise<LabelledCase> {
  const { assemble, receive } = configFrom({});
  const study = await readLabelledStudy(labelled, assemble, {
    receivedAtMs: 0,
    maxObjectBytes: receive.maxObjectBytes,
  });
  if (study.kind !== 'series') throw new Error(`${labelled.id}: no series of it can be analysed`);
  const folder = join(root, derivedUid('robustness', labelled.id));
  await mkdir(folder, { recursive: true });
  const scan = await scanOf(study.slices);
  const random = seededRandom('robustness', 1, `${perturbation.name} ${labelled.id}`);
  for (const [index, hu] of perturbation.apply(scan, random).entries())
    await writeFile(join(folder, `${index + 1}.dcm`), ctOf(study.slices[index]!, index, scan, hu));
  return { ...labelled, folder, masks: [], imageLabels: new Map(), boxes: new Map() };
}

async function scanOf(slices: readonly TruthSlice[]): Promise<Scan> {
  const stored = [];
  for (const { file, frameNumber } of slices) stored.push(await (await openCtFile(file)).stored(frameNumber));
  const [{ rows, columns }] = stored as [(typeof stored)[0]];
  return { slices: stored.map(({ hu }) => hu), rows, columns };
}

function ctOf({ header }: TruthSlice, index: number, { rows, columns }: Scan, hu: Float32Array): Uint8Array {
  const stored = Uint16Array.from(hu, (value) => Math.min(MOST_STORED, Math.max(0, Math.round(value) + ZERO_HU)));
  const spacing = header.pixelSpacingMm!.map(decimalString);
  return writePart10({
    SOPClassUID: CT_IMAGE_STORAGE,
    SOPInstanceUID: derivedUid('robustness', header.sopInstanceUid, String(index)),
    StudyInstanceUID: derivedUid('robustness', header.studyInstanceUid),
    SeriesInstanceUID: derivedUid('robustness', header.seriesInstanceUid),
    Modality: 'CT',
    PatientID: 'robustness',
    PatientName: 'Robustness',
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    InstanceNumber: String(index + 1),
    ...(header.sliceThicknessMm === null ? {} : { SliceThickness: decimalString(header.sliceThicknessMm) }),
    ImagePositionPatient: header.imagePositionPatientMm!.map(decimalString),
    ImageOrientationPatient: header.imageOrientationPatient!.map(decimalString),
    PixelSpacing: spacing,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: rows,
    Columns: columns,
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    RescaleIntercept: String(-ZERO_HU),
    RescaleSlope: '1',
    PixelData: stored.buffer,
  });
}

await main();
