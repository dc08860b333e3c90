import type { InstanceHeader } from '../case/case.ts';
import { isHounsfieldType } from '../dicom/rescaleType.ts';

/** Monoenergetic images near this range look like a plain scan; at 40 keV bone has twice the value. */
const PLAIN_KEV = { least: 60, most: 90 };

const MATERIAL =
  /\biod(ine|e)?\b|\bjod|yodo|\biodo\b|\bwater\b|\bcalcium\b|\bhap\b|\buric|\bfat ?map|\bvnc\b|virtual (non|un)|\bvnca?\b|\bmd\b|material|z ?eff|effective ?(z|atomic)|electron ?density|\brho\b|perfusion|\b(cbf|cbv|mtt|ttp|tmax)\b/;
const MONOENERGETIC = /\bmono|\bvmi\b|\bkev\b|\bkev\d|\d ?kev\b/;
const PROJECTION = /\bm(in)?ip\b|\bavg ?ip\b|\bvrt\b|\bvr\b|surface|\bssd\b|\b3d ?(vol|render)|thick ?slab/;

const MONOENERGETIC_IMAGE = 'a virtual monoenergetic image';
const PROJECTED = 'a projection of several slices';

/**
 * What a series is instead of a plain reconstruction, as a phrase that completes "only ..."; null for a plain one. Judged by ImageType and RescaleType,
 * and by the description when the image says that it is derived.
 */
export function virtualKind(header: InstanceHeader): string | null {
  const type = words(header.imageType.slice(2).join(' '));
  const description = words(header.seriesDescription);
  const isDerived = header.imageType[0]?.toUpperCase() === 'DERIVED' || header.imageType.length === 0;
  if (!isHounsfieldType(header.rescaleType))
    return `a map of materials (RescaleType ${header.rescaleType.slice(0, 16)})`;
  if (header.kiloElectronvolt !== null) return `a virtual image at ${header.kiloElectronvolt} keV`;
  if (MATERIAL.test(type) || (isDerived && MATERIAL.test(description)))
    return 'a map of materials, computed from two energies';
  if (MONOENERGETIC.test(type) || (isDerived && MONOENERGETIC.test(description))) return MONOENERGETIC_IMAGE;
  if (PROJECTION.test(type) || PROJECTION.test(description)) return PROJECTED;
  return null;
}

/** Why a virtual image is not analysed even if nothing else arrived; null for a plain image, and for one with the values of a plain image. */
export function virtualRefusal(header: InstanceHeader): string | null {
  const kind = virtualKind(header);
  if (kind === null) return null;
  const energy = header.kiloElectronvolt;
  if (isHounsfieldType(header.rescaleType)) {
    if (energy !== null) return energy >= PLAIN_KEV.least && energy <= PLAIN_KEV.most ? null : kind;
    // The third value of ImageType outranks a word in a description.
    if (header.imageType[2]?.toUpperCase() === 'AXIAL' && header.imageType[0]?.toUpperCase() === 'ORIGINAL')
      return null;
    // A word in a description alone ranks it behind every plain reconstruction.
    if (kind === MONOENERGETIC_IMAGE || kind === PROJECTED) return null;
  }
  return kind;
}

function words(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, ' ');
}
