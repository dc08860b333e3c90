/** SOP classes by their UIDs (PS3.4, PS3.6 annex A). */
export const VERIFICATION = '1.2.840.10008.1.1';
export const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
const ENHANCED_CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2.1';
const LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2.2';
export const STUDY_ROOT_FIND = '1.2.840.10008.5.1.4.1.2.2.1';

/** CT images, single-frame or multi-frame: what can be analysed. */
export const CT_SOP_CLASSES: ReadonlySet<string> = new Set([
  CT_IMAGE_STORAGE,
  ENHANCED_CT_IMAGE_STORAGE,
  LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE,
]);

/** The standard defines only Storage SOP classes under this root, including future ones. */
const STORAGE_ROOT = '1.2.840.10008.5.1.4.1.1.';
/** Storage SOP classes under other roots: radiotherapy instructions, non-patient objects (PS3.4 GG.3), and retired print classes. */
const OTHER_STORAGE_SOP_CLASSES: ReadonlySet<string> = new Set([
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
