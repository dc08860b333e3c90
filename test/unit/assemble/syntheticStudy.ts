import { createHash } from 'node:crypto';
import type { InstanceHeader, StoredInstance } from '../../../src/case/case.ts';
import { UNREAD_BEFORE } from '../../../src/dicom/header.ts';

export const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';

/** One slice of a plain axial CT of the neck, but for what is given. */
export function instanceOf(header: Partial<InstanceHeader>): StoredInstance {
  const whole: InstanceHeader = {
    patientId: 'P1',
    issuerOfPatientId: '',
    patientName: 'DOE^JOHN',
    patientBirthDate: '19800101',
    patientSex: 'M',
    sopClassUid: CT_IMAGE,
    sopInstanceUid: '1.2.3.4.1',
    studyInstanceUid: '1.2.3',
    seriesInstanceUid: '1.2.3.4',
    frameOfReferenceUid: '1.2.3.9',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    accessionNumber: 'A1',
    studyDate: '20260102',
    studyTime: '',
    studyDescription: '',
    acquisitionDateTime: '',
    patientAge: '',
    modality: 'CT',
    manufacturer: '',
    manufacturerModelName: '',
    imageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    seriesNumber: 2,
    seriesDescription: '',
    protocolName: '',
    currentPatientLocation: '',
    institutionalDepartmentName: '',
    stationName: '',
    bodyPartExamined: '',
    convolutionKernel: '',
    ...UNREAD_BEFORE,
    // Some exporters write 1 everywhere.
    instanceNumber: 1,
    rows: 512,
    columns: 512,
    numberOfFrames: 1,
    pixelSpacingMm: [0.4, 0.4],
    sliceThicknessMm: 1,
    spacingBetweenSlicesMm: null,
    gantryDetectorTiltDegrees: null,
    imagePositionPatientMm: [-100, -100, 0],
    imageOrientationPatient: [1, 0, 0, 0, 1, 0],
    ...header,
  };
  return {
    header: whole,
    path: `objects/${whole.sopInstanceUid}.dcm`,
    sha256: createHash('sha256').update(JSON.stringify(whole)).digest('hex'),
    sizeBytes: 1,
    receivedAtMs: 0,
    sourceAeTitle: '',
  };
}

export interface SeriesOptions {
  series?: number;
  slices?: number;
  spacingMm?: number;
  /** z of slice 0, which is the most superior one. */
  topMm?: number;
  header?: Partial<InstanceHeader>;
}

/**
 * An axial series, superior to inferior: slice `n` of it has the SOP Instance UID `1.2.3.<series>.<n scrambled>`, so that neither UIDs nor the
 * instance number say where it lies.
 */
export function seriesOf(options: SeriesOptions = {}): StoredInstance[] {
  const { series = 4, slices = 120, spacingMm = 1, topMm = 50, header = {} } = options;
  return Array.from({ length: slices }, (_, index) =>
    instanceOf({
      seriesInstanceUid: `1.2.3.${series}`,
      seriesNumber: series,
      sopInstanceUid: `1.2.3.${series}.${((index * 7919) % 10_007) + 1}`,
      sliceThicknessMm: spacingMm,
      imagePositionPatientMm: [-100, -100, topMm - index * spacingMm],
      ...header,
    }),
  );
}

export function uidsOf(instances: readonly StoredInstance[]): string[] {
  return instances.map(({ header }) => header.sopInstanceUid);
}
