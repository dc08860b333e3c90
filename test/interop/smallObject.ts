import { writePart10 } from '../../src/dicom/part10.ts';

/** The file of a CT image of 4 x 4 pixels, number `index` (from 1) of the one series of a study; its pixels tell the number. */
export function smallObject(study: string, index: number, attributes: object): Uint8Array {
  return writePart10({
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
    SOPInstanceUID: `${study}.1.${index}`,
    StudyInstanceUID: study,
    SeriesInstanceUID: `${study}.1`,
    Modality: 'CT',
    Rows: 4,
    Columns: 4,
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    InstanceNumber: index,
    PixelData: Uint8Array.from({ length: 32 }, (_, at) => at * index).buffer,
    ...attributes,
  });
}
