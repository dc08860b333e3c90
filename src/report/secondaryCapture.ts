import type { Findings, ManifestSlice } from '../case/case.ts';
import { CODES, codeItem } from '../dicom/codes.ts';
import type { Dataset } from '../dicom/part10.ts';
import { SECONDARY_CAPTURE_IMAGE_STORAGE } from '../dicom/sopClasses.ts';
import { derivedHeader, isPresent, text, type ReportContext, type SeriesKind } from './derivedHeader.ts';
import type { Picture } from './drawing.ts';
import { HEATMAP_CAPTION, NOT_FOR_DIAGNOSTIC_USE } from './findingsSummary.ts';
import { referencedSeries, sopReference } from './contentItems.ts';

const NECK = { BodyPartExamined: 'CSPINE' } as const;

/** Copied from the source slice, so that the picture has the slice's position. */
const FROM_SLICE = [
  'FrameOfReferenceUID',
  'PositionReferenceIndicator',
  'ImagePositionPatient',
  'ImageOrientationPatient',
  'PixelSpacing',
  'SliceThickness',
  // Once lossy, always lossy (PS3.3 C.7.6.1.1.5).
  'LossyImageCompression',
  'LossyImageCompressionRatio',
  'LossyImageCompressionMethod',
] as const;

/** The triage card as instance 1 of its series, without its SOP Instance UID. It has no position in the patient. */
export function cardCapture(
  context: ReportContext,
  series: SeriesKind,
  picture: Picture,
  decision: Findings['decision'],
): Dataset {
  return {
    ...capture(context, series, 1, picture),
    // A scan that was not analysed may show something else, and of an unknown body part the laterality is unknown, too (Type 2C).
    ...(decision === 'not-analysed' ? { Laterality: null } : NECK),
    ImageType: ['DERIVED', 'SECONDARY', 'AI_SUMMARY'],
    DerivationDescription: `Summary of an automatic analysis. ${NOT_FOR_DIAGNOSTIC_USE}.`,
  };
}

/** A key slice with the network's response (PS3.3 A.8.1), without its SOP Instance UID; `slice` is what `sliceSource` was read from. */
export function keySliceCapture(
  context: ReportContext,
  instanceNumber: number,
  picture: Picture,
  slice: ManifestSlice,
  sliceSource: Dataset,
): Dataset {
  const fromSlice = Object.fromEntries(
    FROM_SLICE.filter((keyword) => isPresent(sliceSource[keyword])).map((keyword) => [keyword, sliceSource[keyword]]),
  );
  return {
    ...capture(context, 'heatmaps', instanceNumber, picture),
    ...NECK,
    ImageType: ['DERIVED', 'SECONDARY', 'AI_HEATMAP'],
    DerivationDescription: `${HEATMAP_CAPTION} ${NOT_FOR_DIAGNOSTIC_USE}.`,
    DerivationCodeSequence: [codeItem(CODES.gradientWeightedClassActivation)],
    SourceImageSequence: [
      {
        ...sopReference(slice),
        SpatialLocationsPreserved: 'YES',
        PurposeOfReferenceCodeSequence: [codeItem(CODES.sourceImageForProcessing)],
      },
    ],
    ReferencedSeriesSequence: referencedSeries(
      [{ ...slice, seriesInstanceUid: text(sliceSource['SeriesInstanceUID']) }],
      'ReferencedInstanceSequence',
    ),
    ...fromSlice,
  };
}

function capture(
  context: ReportContext,
  series: SeriesKind,
  instanceNumber: number,
  { rgb, rows, columns }: Picture,
): Dataset {
  return {
    SOPClassUID: SECONDARY_CAPTURE_IMAGE_STORAGE,
    ...derivedHeader(context, series, instanceNumber),
    ConversionType: 'WSD',
    BurnedInAnnotation: 'NO',
    PatientOrientation: null,
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    Rows: rows,
    Columns: columns,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    PixelData: [evenLong(rgb)],
  };
}

/** The bytes as pixel data, which has an even length (PS3.5 8.1.1); not copied where they are that already. */
function evenLong(rgb: Uint8Array): ArrayBuffer {
  const { buffer, length } = rgb;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length && length % 2 === 0) return buffer;
  const pixels = new Uint8Array(length + (length % 2));
  pixels.set(rgb);
  return pixels.buffer;
}
