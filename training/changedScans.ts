import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '../src/base/random.ts';
import { readLabelledStudy } from '../src/cohort/readLabelledStudy.ts';
import { configFrom } from '../src/config/configFile.ts';
import type { LabelledCase, TruthSlice } from '../src/dataset/dataset.ts';
import { decimalString, writePart10 } from '../src/dicom/part10.ts';
import { CT_IMAGE_STORAGE } from '../src/dicom/sopClasses.ts';
import { derivedUid } from '../src/dicom/uids.ts';
import { openCtFile } from '../src/infer/decodePixels.ts';
import type { Perturbation, Scan } from './perturbations.ts';

/** Stored value of 0 HU: 12 unsigned bits then hold -1024 to 3071 HU. */
const ZERO_HU = 1024;
const MOST_STORED = 4095;

/** Writes a case's analysed series, changed, into a folder of its own in `root`, and returns the case of it. */
export async function writeChanged(
  labelled: LabelledCase,
  perturbation: Perturbation,
  root: string,
): Promise<LabelledCase> {
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
