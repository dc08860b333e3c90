/** SOP classes by their UIDs (PS3.4, PS3.6 annex A). */
export const VERIFICATION = '1.2.840.10008.1.1';
export const MEDIA_STORAGE_DIRECTORY = '1.2.840.10008.1.3.10';
export const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
const ENHANCED_CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2.1';
export const LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2.2';
export const STORAGE_COMMITMENT_PUSH_MODEL = '1.2.840.10008.1.20.1';
export const STUDY_ROOT_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
export const STUDY_ROOT_MOVE = '1.2.840.10008.5.1.4.1.2.2.2';
export const STUDY_ROOT_GET = '1.2.840.10008.5.1.4.1.2.2.3';

export const SEGMENTATION_STORAGE = '1.2.840.10008.5.1.4.1.1.66.4';
export const LABEL_MAP_SEGMENTATION_STORAGE = '1.2.840.10008.5.1.4.1.1.66.7';

export const SECONDARY_CAPTURE_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.7';

export const KEY_OBJECT_SELECTION_STORAGE = '1.2.840.10008.5.1.4.1.1.88.59';

/** SR classes that a report is written in, best first: a destination that does not take one gets the next (PS3.3 A.35). */
export const SR_STORAGE = {
  comprehensive3d: '1.2.840.10008.5.1.4.1.1.88.34',
  comprehensive: '1.2.840.10008.5.1.4.1.1.88.33',
  enhanced: '1.2.840.10008.5.1.4.1.1.88.22',
  basicText: '1.2.840.10008.5.1.4.1.1.88.11',
} as const;

/** What a person's report of an examination can be: narrative SR, or a document. Dose reports, CAD and key objects have classes of their own. */
export const REPORT_SOP_CLASSES: ReadonlySet<string> = new Set([
  ...Object.values(SR_STORAGE),
  '1.2.840.10008.5.1.4.1.1.88.35', // Extensible SR
  '1.2.840.10008.5.1.4.1.1.104.1', // Encapsulated PDF
  '1.2.840.10008.5.1.4.1.1.104.2', // Encapsulated CDA
]);
/** Modalities of the series that reports are in. */
export const REPORT_MODALITIES: readonly string[] = ['SR', 'DOC'];

const RESULT_NAMES: Readonly<Record<string, string>> = {
  [SECONDARY_CAPTURE_IMAGE_STORAGE]: 'Secondary Capture',
  [KEY_OBJECT_SELECTION_STORAGE]: 'Key Object Selection',
  [SR_STORAGE.comprehensive3d]: 'Comprehensive 3D SR',
  [SR_STORAGE.comprehensive]: 'Comprehensive SR',
  [SR_STORAGE.enhanced]: 'Enhanced SR',
  [SR_STORAGE.basicText]: 'Basic Text SR',
};

/** What people call a SOP class that results are written in; the UID of any other. */
export function resultSopClassName(uid: string): string {
  return RESULT_NAMES[uid] ?? uid;
}

/** The SR classes that say less than this one, best first; none for any other class. */
export function lowerSrClasses(sopClassUid: string): string[] {
  const classes: string[] = Object.values(SR_STORAGE);
  const index = classes.indexOf(sopClassUid);
  return index === -1 ? [] : classes.slice(index + 1);
}

/** CT objects whose every frame is a slice (PS3.3 A.38, A.70). */
export const MULTI_FRAME_CT_SOP_CLASSES: ReadonlySet<string> = new Set([
  ENHANCED_CT_IMAGE_STORAGE,
  LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE,
]);

/** CT images, single-frame or multi-frame: what can be analysed. */
export const CT_SOP_CLASSES: ReadonlySet<string> = new Set([CT_IMAGE_STORAGE, ...MULTI_FRAME_CT_SOP_CLASSES]);

/** The standard defines only Storage SOP classes under this root, including future ones. */
export const STORAGE_ROOT = '1.2.840.10008.5.1.4.1.1.';
/** Storage SOP classes under other roots: radiotherapy instructions, non-patient objects (PS3.4 GG.3), and retired print classes. */
export const OTHER_STORAGE_SOP_CLASSES: ReadonlySet<string> = new Set([
  '1.2.840.10008.5.1.1.27', // Stored Print, retired
  '1.2.840.10008.5.1.1.29', // Hardcopy Grayscale Image, retired
  '1.2.840.10008.5.1.1.30', // Hardcopy Color Image, retired
  '1.2.840.10008.5.1.4.34.1', // RT Beams Delivery Instruction - Trial, retired
  '1.2.840.10008.5.1.4.34.7', // RT Beams Delivery Instruction
  '1.2.840.10008.5.1.4.34.10', // RT Brachy Application Setup Delivery Instruction
  '1.2.840.10008.5.1.4.38.1', // Hanging Protocol
  '1.2.840.10008.5.1.4.39.1', // Color Palette
  '1.2.840.10008.5.1.4.43.1', // Generic Implant Template
  '1.2.840.10008.5.1.4.44.1', // Implant Assembly Template
  '1.2.840.10008.5.1.4.45.1', // Implant Template Group
]);

/** True for every Storage SOP class of the standard (PS3.4 B.5, GG.3), including retired and future ones. */
export function isStorageSopClass(uid: string): boolean {
  return uid.startsWith(STORAGE_ROOT) || OTHER_STORAGE_SOP_CLASSES.has(uid);
}
