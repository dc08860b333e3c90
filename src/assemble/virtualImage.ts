import type { InstanceHeader } from '../case/case.ts';
import { isHounsfieldType } from '../dicom/rescaleType.ts';

/** Monoenergetic images near this range look like a plain scan; at 40 keV bone has twice the value. */
const PLAIN_KEV = { least: 60, most: 90 };

/** Names of maps, which nobody gives to a plain scan. */
const MAP =
  /\b(iodine?|iode|iodo|yodo|jod) ?(map|water|overlay|density|no water|karte)\b|\bvn[ci]\b|\bvnca\b|virtual (non|un|nativ)|\bmd\b|\bhap\b|z ?eff|effective ?(z|atomic)|electron ?density|\brho ?z\b|\buric acid\b|perfusion|\b(cbf|cbv|mtt|ttp|tmax)\b/;
/** Words for a material, of which a plain scan may be named too ("neck with iodine contrast"). */
const MATERIAL =
  /\biod(ine|e)?\b|\bjod|yodo|\biodo\b|\bwater\b|\bcalcium\b|\buric|\bgout\b|\bfat ?map|\bmarrow\b|\bplaques?\b|\bxenon\b|material|\brho\b/;
const PROCESSED = /subtract|\boverlay|\bfus(ed|ion)\b|\bcolou?r|\bsegment|heat ?map|annotat|\bai\b|\bcad\b/;
const MONOENERGETIC = /\bmono|\bvmi\b|\bkev\b|\bkev\d|\d ?kev\b/;
const PROJECTION = /\bm(in)?ip\b|\bavg ?ip\b|\bvrt\b|\bvr\b|surface|\bssd\b|\b3d ?(vol|render)|thick ?slab/;

const MATERIAL_MAP = 'a map of materials, computed from two energies';
const COMPUTED = 'a picture that was computed from other images';
const MONOENERGETIC_IMAGE = 'a virtual monoenergetic image';
const PROJECTED = 'a projection of several slices';

/** What a series is instead of a plain reconstruction, and whether that is certain enough to refuse it. */
interface Virtual {
  kind: string;
  isCertain: boolean;
}

/**
 * What a series is instead of a plain reconstruction, as a phrase that completes "only ..."; null for a plain one. Judged by ImageType and RescaleType,
 * and by the description: a word that may also stand in the name of a plain scan counts when the image says that it is derived.
 */
export function virtualKind(header: InstanceHeader): string | null {
  return virtualOf(header)?.kind ?? null;
}

/** Why a virtual image is not analysed even if nothing else arrived; null for a plain image, and for one with the values of a plain image. */
export function virtualRefusal(header: InstanceHeader): string | null {
  const virtual = virtualOf(header);
  // A word in a description alone ranks it behind every plain reconstruction.
  return virtual?.isCertain === true ? virtual.kind : null;
}

function virtualOf(header: InstanceHeader): Virtual | null {
  const { kiloElectronvolt: energy } = header;
  const type = words(header.imageType.slice(2).join(' '));
  const description = words(header.seriesDescription);
  const isDerived = header.imageType[0]?.toUpperCase() === 'DERIVED' || header.imageType.length === 0;
  // The third value of ImageType outranks a word in a description.
  const isOriginal =
    header.imageType[2]?.toUpperCase() === 'AXIAL' && header.imageType[0]?.toUpperCase() === 'ORIGINAL';
  if (!isHounsfieldType(header.rescaleType))
    return { kind: `a map of materials (RescaleType ${header.rescaleType.slice(0, 16)})`, isCertain: true };
  if (energy !== null)
    return {
      kind: `a virtual image at ${energy} keV`,
      isCertain: energy < PLAIN_KEV.least || energy > PLAIN_KEV.most,
    };
  if (MAP.test(type) || MATERIAL.test(type)) return { kind: MATERIAL_MAP, isCertain: !isOriginal };
  if (PROCESSED.test(type)) return { kind: COMPUTED, isCertain: !isOriginal };
  if (MAP.test(description)) return { kind: MATERIAL_MAP, isCertain: isDerived };
  if (isDerived && MATERIAL.test(description)) return { kind: MATERIAL_MAP, isCertain: false };
  if (isDerived && PROCESSED.test(description)) return { kind: COMPUTED, isCertain: false };
  if (MONOENERGETIC.test(type) || (isDerived && MONOENERGETIC.test(description)))
    return { kind: MONOENERGETIC_IMAGE, isCertain: false };
  if (PROJECTION.test(type) || PROJECTION.test(description)) return { kind: PROJECTED, isCertain: false };
  return null;
}

function words(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, ' ');
}
