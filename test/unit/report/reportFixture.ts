import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { CaseManifest, Findings, KeySlice, SliceCrop, StoredInstance } from '../../../src/case/case.ts';
import { imageReference } from '../../../src/case/frames.ts';
import { readHeader } from '../../../src/dicom/header.ts';
import { writePart10, type Dataset } from '../../../src/dicom/part10.ts';
import { derivedUid } from '../../../src/dicom/uids.ts';
import type { ClaimedCase } from '../../../src/case/claim.ts';
import type { SourceSlice, StoredLine } from '../../../src/case/triageModel.ts';
import type { ResultWriterOptions } from '../../../src/report/writeResults.ts';
import { python } from './python.ts';

export const run = promisify(execFile);
export const ROWS = 96;
export const COLUMNS = 80;
const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';

export interface Study {
  root: string;
  claim: ClaimedCase;
  options: ResultWriterOptions;
  remove(): Promise<void>;
}

/** A study of `slices` small CT slices on disk, claimed for its report. `change` edits the stored bytes before they are read back. */
export async function makeStudy(
  attributes: Dataset = {},
  { slices = 24, change }: { slices?: number; change?: (path: string) => Promise<void> } = {},
): Promise<Study> {
  const root = await mkdtemp(join(tmpdir(), 'odontoid-report-'));
  const spoolDir = join(root, 'spool');
  await mkdir(spoolDir);
  const studyInstanceUid = derivedUid('test-study', JSON.stringify(attributes));
  const seriesInstanceUid = derivedUid('test-series', studyInstanceUid);
  const instances: StoredInstance[] = [];
  for (let index = 0; index < slices; index++) {
    const path = `${index}.dcm`;
    await writeFile(
      join(spoolDir, path),
      writePart10({ ...ctSlice(studyInstanceUid, seriesInstanceUid, index), ...attributes }),
    );
    await change?.(join(spoolDir, path));
    const bytes = await readFile(join(spoolDir, path));
    instances.push({
      header: readHeader(bytes),
      path,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      sizeBytes: bytes.length,
      receivedAtMs: 1_000 + index,
      sourceAeTitle: 'CT1',
    });
  }
  const manifest: CaseManifest = {
    seriesInstanceUid,
    slices: instances.map(({ header, path, sha256 }, index) => ({
      sopInstanceUid: header.sopInstanceUid,
      sopClassUid: header.sopClassUid,
      path,
      sha256,
      positionMm: -index,
    })),
    sliceSpacingMm: 1,
    coverageMm: slices,
    gaps: [{ afterSliceIndex: 5, missingSlices: 1 }],
    duplicateSopInstanceUids: [],
    series: [],
    inputSha256: 'ab'.repeat(32),
  };
  const { patientId, issuerOfPatientId, patientName, patientBirthDate, patientSex } = instances[0]!.header;
  const decode = ({ path, frameNumber }: { path: string; frameNumber?: number | undefined }): SourceSlice =>
    syntheticSlice(frameNumber === undefined ? Number(basename(path, '.dcm')) : slices - frameNumber);
  return {
    root,
    claim: {
      record: {
        studyInstanceUid,
        state: 'inferred',
        revision: 3,
        patient: { patientId, issuerOfPatientId, patientName, patientBirthDate, patientSex },
        accessionNumber: 'ACC-1',
        studyDate: '20261123',
        studyTime: '101500',
        studyDescription: '',
        sourceAeTitle: 'CT1',
        firstReceivedAtMs: 1_000,
        lastReceivedAtMs: 2_000,
        completeHint: true,
        recency: 'new',
        manifest,
        findings: null,
        quarantineReason: null,
        failure: null,
      },
      instances,
      token: 'token',
      attempt: 1,
      exhausted: false,
      previousSr: [],
    },
    options: {
      resultsDir: join(root, 'results'),
      spoolDir,
      softwareVersion: '0.1.0',
      institutionName: 'Sankt Göran Hospital',
      renderSource: (path, frameNumber) => Promise.resolve(decode({ path, frameNumber })),
      renderLines: (images, line) => Promise.resolve(images.map((image) => lineOf(decode(image), line))),
      options: { heatmaps: true },
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/** A bright ring in soft tissue, `[row][column]`, HU; the tissue differs from slice to slice. */
function syntheticSlice(index: number): SourceSlice {
  const hu = new Float32Array(ROWS * COLUMNS);
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      const radius = Math.hypot(row - 48, column - 40);
      hu[row * COLUMNS + column] = radius > 34 ? -1000 : radius > 14 && radius < 20 ? 900 : 20 + 4 * index;
    }
  }
  return { hu, rows: ROWS, columns: COLUMNS };
}

/** A row or a column of a matrix. */
export function lineOf({ hu, rows, columns }: SourceSlice, line: StoredLine): Float32Array {
  if ('row' in line) return hu.slice(line.row * columns, (line.row + 1) * columns);
  return Float32Array.from({ length: rows }, (_, row) => hu[row * columns + line.column]!);
}

/** The claim of the same scan as one Enhanced CT: slice `n` from the head is frame `slices - n`. */
export async function asEnhancedCt({ claim, options }: Study): Promise<ClaimedCase> {
  const manifest = claim.record.manifest!;
  const count = manifest.slices.length;
  const sopInstanceUid = derivedUid('test-enhanced', manifest.seriesInstanceUid);
  const { ImageOrientationPatient, PixelSpacing, SliceThickness, ...rest } = ctSlice(
    claim.record.studyInstanceUid,
    manifest.seriesInstanceUid,
    0,
  );
  const dataset: Dataset = {
    ...rest,
    ImagePositionPatient: undefined,
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.2.1',
    SOPInstanceUID: sopInstanceUid,
    NumberOfFrames: count,
    SharedFunctionalGroupsSequence: [
      {
        PlaneOrientationSequence: [{ ImageOrientationPatient }],
        PixelMeasuresSequence: [{ PixelSpacing, SliceThickness }],
      },
    ],
    PerFrameFunctionalGroupsSequence: Array.from({ length: count }, (__, frame) => ({
      PlanePositionSequence: [{ ImagePositionPatient: [-20, -30, frame + 1 - count] }],
    })),
    PixelData: [new Int16Array(count * ROWS * COLUMNS).buffer],
  };
  const path = 'enhanced.dcm';
  await writeFile(join(options.spoolDir, path), writePart10(dataset));
  const bytes = await readFile(join(options.spoolDir, path));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const slices = manifest.slices.map(({ positionMm }, index) => ({
    sopInstanceUid,
    frameNumber: count - index,
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2.1',
    path,
    sha256,
    positionMm,
  }));
  return {
    ...claim,
    record: { ...claim.record, manifest: { ...manifest, slices } },
    instances: [
      { header: readHeader(bytes), path, sha256, sizeBytes: bytes.length, receivedAtMs: 1_000, sourceAeTitle: 'CT1' },
    ],
  };
}

function ctSlice(studyInstanceUid: string, seriesInstanceUid: string, index: number): Dataset {
  return {
    SOPClassUID: CT_IMAGE,
    SOPInstanceUID: derivedUid('test-instance', seriesInstanceUid, String(index)),
    StudyInstanceUID: studyInstanceUid,
    SeriesInstanceUID: seriesInstanceUid,
    FrameOfReferenceUID: derivedUid('test-frame', seriesInstanceUid),
    PatientName: 'Doe^Jane',
    PatientID: 'P-1',
    IssuerOfPatientID: 'HOSPITAL',
    PatientBirthDate: '19500102',
    PatientSex: 'F',
    PatientAge: '076Y',
    StudyDate: '20261123',
    StudyTime: '101500',
    StudyID: 'S1',
    StudyDescription: 'CT HWS',
    AccessionNumber: 'ACC-1',
    ReferringPhysicianName: 'House^Gregory',
    RequestAttributesSequence: [
      { RequestedProcedureID: 'RP1', ScheduledProcedureStepID: 'SPS1', RequestedProcedureDescription: 'CT neck' },
    ],
    Modality: 'CT',
    Manufacturer: 'Test',
    SeriesNumber: 2,
    InstanceNumber: index + 1,
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    ImagePositionPatient: [-20, -30, -index],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PixelSpacing: [0.4, 0.4],
    SliceThickness: 1,
    Rows: ROWS,
    Columns: COLUMNS,
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 1,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    RescaleIntercept: 0,
    RescaleSlope: 1,
    PixelData: [new Int16Array(ROWS * COLUMNS).buffer],
  };
}

const CROP: SliceCrop = {
  top: 10,
  left: 5,
  bottom: 90,
  right: 75,
  transpose: false,
  flipRows: false,
  flipColumns: false,
  rows: ROWS,
  columns: COLUMNS,
  fullFrame: false,
};

export function keySlice(claim: ClaimedCase, sliceIndex: number, score: number): KeySlice {
  const cam = Array.from({ length: 144 }, (_, cell) =>
    Math.exp(-((Math.floor(cell / 12) - 4) ** 2 + ((cell % 12) - 7) ** 2) / 6),
  );
  return {
    ...imageReference(claim.record.manifest!.slices[sliceIndex]!),
    sliceIndex,
    score,
    cam,
    camRows: 12,
    camColumns: 12,
    crop: CROP,
  };
}

export function suspected(claim: ClaimedCase): Findings {
  return {
    ...scored(claim),
    decision: 'suspected',
    probability: 0.913,
    // One between two vertebrae; one kept from before networks named them.
    keySlices: [
      { ...keySlice(claim, 9, 0.94), seriesNumber: 3, instanceNumber: 41, levels: ['C5', 'C6'] },
      keySlice(claim, 11, 0.71),
    ],
  };
}

export function notSuspected(claim: ClaimedCase): Findings {
  return { ...scored(claim), decision: 'not-suspected', probability: 0.043 };
}

export function notAnalysed(reason: string, reasonCode: string): Findings {
  return { ...common, decision: 'not-analysed', reason, reasonCode };
}

/** The same study when no series of it could be analysed. */
export function ineligible(claim: ClaimedCase): ClaimedCase {
  return { ...claim, record: { ...claim.record, state: 'ineligible', manifest: null } };
}

function scored(claim: ClaimedCase): Omit<Findings, 'decision'> {
  return {
    ...common,
    threshold: { value: 0.42, version: 7 },
    domainDistance: 1,
    domainLimit: 3,
    slices: claim.record.manifest!.slices.map(({ sopInstanceUid }, index) => ({
      sopInstanceUid,
      score: Math.exp(-((index - 10) ** 2) / 8) * 0.9,
      imageProbability: 0.1,
    })),
  };
}

const common: Omit<Findings, 'decision'> = {
  reason: null,
  reasonCode: null,
  probability: null,
  threshold: null,
  domainDistance: null,
  domainLimit: null,
  slices: [],
  keySlices: [],
  model: { name: 'compact', version: '1.0.0', sha256: '0123456789abcdef'.repeat(4) },
  provider: 'cpu',
  analysedAtMs: Date.UTC(2026, 10, 23, 12, 30, 15, 250),
  seconds: { classify: 0.1 },
};

/** Lines that dciodvfy calls errors in a file; warnings are not counted. */
export async function dciodvfyErrors(path: string): Promise<string[]> {
  const { stdout, stderr } = await run('dciodvfy', ['-new', path]).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  return `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('Error'));
}

/** Files as pydicom reads them, in the DICOM JSON model, pixels left out. */
export async function pydicomJson(...paths: string[]): Promise<Record<string, { vr: string; Value?: unknown[] }>[]> {
  const program = [
    'import sys,pydicom',
    "print('['+','.join(pydicom.dcmread(path,stop_before_pixels=True).to_json() for path in sys.argv[1:])+']')",
  ].join('\n');
  return JSON.parse(await python(program, ...paths)) as Record<string, { vr: string; Value?: unknown[] }>[];
}
