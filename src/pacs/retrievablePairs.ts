import {
  CT_SOP_CLASSES,
  isStorageSopClass,
  SECONDARY_CAPTURE_IMAGE_STORAGE,
  STORAGE_ROOT,
} from '../dicom/sopClasses.ts';
import { STORAGE_SOP_CLASSES } from '../dicom/storageSopClasses.ts';
import {
  DECODABLE_TRANSFER_SYNTAXES,
  EXPLICIT_VR_LITTLE_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
} from '../dicom/transferSyntaxes.ts';
import { MAX_CONTEXTS } from '../dimse/negotiation.ts';

/** A SOP class and an encoding of it: what a context is for. */
export interface RetrievablePair {
  abstractSyntaxUid: string;
  transferSyntaxUid: string;
}

export const CT_IN_ANY_ENCODING = [...CT_SOP_CLASSES].flatMap((sopClassUid) =>
  inEncodings(sopClassUid, DECODABLE_TRANSFER_SYNTAXES.flat()),
);
/** What most often lies beside the CT images of a study. */
const USUALLY_BESIDE_CT = [
  SECONDARY_CAPTURE_IMAGE_STORAGE,
  ...[
    '7.1', // Multi-frame Single Bit, Grayscale Byte, Grayscale Word and True Color Secondary Capture
    '7.2',
    '7.3',
    '7.4',
    '88.11', // Basic Text, Enhanced, Comprehensive, Comprehensive 3D and Extensible SR
    '88.22',
    '88.33',
    '88.34',
    '88.35',
    '88.59', // Key Object Selection
    '88.67', // X-Ray Radiation Dose SR
    '11.1', // Grayscale and Color Softcopy Presentation State
    '11.2',
    '104.1', // Encapsulated PDF and CDA
    '104.2',
    '66', // Raw Data
    '66.1', // Spatial Registration
    '66.4', // Segmentation
    '66.7', // Label Map Segmentation
    '67', // Real World Value Mapping
    '30', // Parametric Map
    '4', // MR and Enhanced MR
    '4.1',
    '128', // PET and Enhanced PET
    '130',
    '20', // Nuclear Medicine
    '1', // Computed Radiography
    '1.1', // Digital X-Ray for Presentation
    '12.1', // X-Ray Angiographic
    '6.1', // Ultrasound
    '481.1', // RT Image, Dose, Structure Set and Plan
    '481.2',
    '481.3',
    '481.5',
  ].map((ending) => `${STORAGE_ROOT}${ending}`),
];
/** Captures are often kept as JPEG. */
const CAPTURES_AS_JPEG = inEncodings(SECONDARY_CAPTURE_IMAGE_STORAGE, ['1.2.840.10008.1.2.4.50']);
const PLAIN = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];
/** One context of an association is that of C-GET. */
const MOST_PAIRS = MAX_CONTEXTS - 1;

/**
 * The Storage SOP classes and encodings in which objects can come by C-GET, for one association after the other, each pair in a context of its own. CT images
 * come first, then `expected`, what the archive says that the study holds, then what is usually in a study with a CT, then all others. `privateClasses`: those
 * that the receiver takes besides.
 */
export function retrievablePairs({
  expected = [],
  privateClasses = [],
}: {
  expected?: readonly string[];
  privateClasses?: readonly string[];
} = {}): RetrievablePair[][] {
  const isTaken = (uid: string): boolean => isStorageSopClass(uid) || privateClasses.includes(uid);
  const besideCt = new Set(
    [...expected.filter(isTaken), ...USUALLY_BESIDE_CT, ...privateClasses, ...STORAGE_SOP_CLASSES].filter(
      (uid) => !CT_SOP_CLASSES.has(uid),
    ),
  );
  const pairs = [
    ...CT_IN_ANY_ENCODING,
    ...CAPTURES_AS_JPEG,
    ...[...besideCt].flatMap((sopClassUid) => inEncodings(sopClassUid, PLAIN)),
  ];
  return Array.from({ length: Math.ceil(pairs.length / MOST_PAIRS) }, (_, at) =>
    pairs.slice(at * MOST_PAIRS, (at + 1) * MOST_PAIRS),
  );
}

function inEncodings(abstractSyntaxUid: string, transferSyntaxUids: readonly string[]): RetrievablePair[] {
  return transferSyntaxUids.map((transferSyntaxUid) => ({ abstractSyntaxUid, transferSyntaxUid }));
}
