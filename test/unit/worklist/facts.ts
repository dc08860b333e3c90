import type { CaseManifest, EncodedSlice, Findings, StoredInstance } from '../../../src/case/case.ts';
import { derivedUid } from '../../../src/dicom/uids.ts';
import type { ResultObject } from '../../../src/case/delivery.ts';
import { UNREAD_BEFORE } from '../../../src/dicom/header.ts';

export const CT = '1.2.840.10008.5.1.4.1.1.2';
export const SC = '1.2.840.10008.5.1.4.1.1.7';
export const SR = '1.2.840.10008.5.1.4.1.1.88.34';
export const START_MS = Date.UTC(2026, 10, 2, 8);
export const MODEL = { name: 'compact', version: '1.0.0', sha256: 'ab'.repeat(32) };

export const studyUid = (study: number | string): string => derivedUid('study', String(study));

export interface InstanceWishes {
  study?: number | string;
  number?: number;
  content?: string;
  sopClassUid?: string;
  manufacturer?: string;
  patientId?: string;
  patientName?: string;
  receivedAtMs?: number;
}

export function instanceOf(wishes: InstanceWishes = {}): StoredInstance {
  const {
    study = 1,
    number = 1,
    content = 'a',
    sopClassUid = CT,
    manufacturer = 'Scanner Works',
    patientId = `P-${study}`,
    patientName = 'Doe^Jane',
  } = wishes;
  const sopInstanceUid = derivedUid('instance', String(study), sopClassUid, String(number));
  return {
    header: {
      patientId,
      issuerOfPatientId: 'HOSPITAL',
      patientName,
      patientBirthDate: '19700101',
      patientSex: 'F',
      sopClassUid,
      sopInstanceUid,
      studyInstanceUid: studyUid(study),
      seriesInstanceUid: derivedUid('series', String(study), sopClassUid),
      frameOfReferenceUid: '1.2.3',
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      accessionNumber: `A-${study}`,
      studyDate: '20261102',
      studyTime: '075500',
      studyDescription: 'CT C-spine',
      acquisitionDateTime: '20261102075600',
      patientAge: '056Y',
      modality: sopClassUid === CT ? 'CT' : 'OT',
      manufacturer,
      manufacturerModelName: 'X',
      imageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
      seriesNumber: 2,
      seriesDescription: 'C-spine 1.0 bone',
      protocolName: '',
      currentPatientLocation: '',
      institutionalDepartmentName: '',
      stationName: '',
      bodyPartExamined: 'CSPINE',
      convolutionKernel: 'B70',
      ...UNREAD_BEFORE,
      instanceNumber: number,
      rows: 512,
      columns: 512,
      numberOfFrames: 1,
      pixelSpacingMm: [0.4, 0.4],
      sliceThicknessMm: 1,
      spacingBetweenSlicesMm: 1,
      gantryDetectorTiltDegrees: 0,
      imagePositionPatientMm: [0, 0, number],
      imageOrientationPatient: [1, 0, 0, 0, 1, 0],
    },
    path: `objects/${study}/${sopInstanceUid}.${content}.dcm`,
    sha256: Buffer.from(`${sopInstanceUid}:${content}`).toString('hex').slice(-64),
    sizeBytes: 1000,
    receivedAtMs: wishes.receivedAtMs ?? START_MS,
    sourceAeTitle: 'SCANNER',
  };
}

export function manifestOf(instances: readonly StoredInstance[]): CaseManifest {
  const seriesInstanceUid = instances[0]?.header.seriesInstanceUid ?? '1.2';
  return {
    seriesInstanceUid,
    slices: instances.map(({ header, path, sha256 }) => ({
      sopInstanceUid: header.sopInstanceUid,
      sopClassUid: header.sopClassUid,
      path,
      sha256,
      positionMm: header.instanceNumber ?? 0,
    })),
    sliceSpacingMm: 1,
    coverageMm: instances.length,
    gaps: [],
    duplicateSopInstanceUids: [],
    series: [
      {
        seriesInstanceUid,
        seriesNumber: 2,
        seriesDescription: 'C-spine 1.0 bone',
        modality: 'CT',
        instances: instances.length,
        eligible: true,
        chosen: true,
        code: 'eligible',
        reason: 'Chosen.',
      },
    ],
    inputSha256: 'cd'.repeat(32),
  };
}

export function findingsOf(probability: number | null, wishes: Partial<Findings> = {}): Findings {
  return {
    decision: probability === null ? 'not-analysed' : probability >= 0.5 ? 'suspected' : 'not-suspected',
    reason: probability === null ? 'Only a localizer: no thin axial CT series.' : null,
    reasonCode: probability === null ? 'no-series' : null,
    probability,
    threshold: probability === null ? null : { value: 0.5, version: 1 },
    domainDistance: null,
    domainLimit: null,
    slices: [],
    keySlices: [],
    model: MODEL,
    provider: 'cpu',
    analysedAtMs: START_MS + 5_000,
    seconds: {},
    ...wishes,
  };
}

export function objectsOf(study: number | string, revision = 1): ResultObject[] {
  return (['sr', 'sc'] as const).map((kind) => ({
    kind,
    sopClassUid: kind === 'sr' ? SR : SC,
    sopInstanceUid: derivedUid('result', String(study), kind, String(revision)),
    seriesInstanceUid: derivedUid('result-series', String(study), kind),
    studyInstanceUid: studyUid(study),
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    path: `/results/${study}/${kind}-${revision}.dcm`,
    sha256: 'ef'.repeat(32),
    sizeBytes: 500,
  }));
}

/** What the network made of one slice. */
export const ENCODED_SLICE: EncodedSlice = {
  feature: Float32Array.of(0.1, -2.5),
  imageProbability: 0.3,
  cam: Float32Array.of(0.7),
  camRows: 1,
  camColumns: 1,
  crop: {
    top: 1,
    left: 2,
    bottom: 30,
    right: 40,
    transpose: false,
    flipRows: false,
    flipColumns: true,
    rows: 31,
    columns: 41,
    fullFrame: false,
  },
  anatomy: null,
  texture: null,
};
