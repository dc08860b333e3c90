import type { CaseManifest, EncodedSlice } from '../case/case.ts';
import { bodySpan, neckSpan, showsMoreThanNeck, type NeckSpan, type SliceProfile } from '../preprocess/neckSpan.ts';
import { keepSlices } from './keepSlices.ts';

/** What is left of a scan for the network. */
export interface NeckPart {
  manifest: CaseManifest;
  encoded: readonly EncodedSlice[];
  /** Why the whole scan is given to the network though it shows more than a neck, as a phrase; null otherwise. */
  notFound: string | null;
}

/** A shorter rest would be no scan of the neck. */
const LEAST_MM = 80;
/** Fewer empty slices than this share at the ends of a scan do no harm. */
const FEW_EMPTY = 0.1;

/**
 * Cuts a scan of head to pelvis to the neck, and leaves out the empty slices at the ends of any scan, as their pixels show it. A network that knows necks
 * would otherwise be asked about legs, and the median over all slices would call a neck none.
 */
export function neckPart(manifest: CaseManifest, encoded: readonly EncodedSlice[]): NeckPart {
  const whole: NeckPart = { manifest, encoded, notFound: null };
  const profiles = encoded.flatMap(({ anatomy }, index): SliceProfile[] =>
    anatomy === null ? [] : [{ positionMm: manifest.slices[index]!.positionMm, tissueAreaCm2: anatomy.tissueAreaCm2 }],
  );
  const body = profiles.length === manifest.slices.length ? bodySpan(profiles) : null;
  if (body === null) return whole;
  if (showsMoreThanNeck(profiles, body)) {
    const neck = neckSpan(profiles, body);
    const extentMm = Math.round(profiles[body.first]!.positionMm - profiles[body.last]!.positionMm);
    return neck === null
      ? { ...whole, notFound: `no neck between a head and shoulders was found in its ${extentMm} mm` }
      : part(whole, neck, `only the neck was analysed, of ${extentMm} mm`);
  }
  const empty = profiles.length - (body.last - body.first + 1);
  return empty <= FEW_EMPTY * profiles.length
    ? whole
    : part(whole, body, `${empty} of ${profiles.length} slices show no body and were left out`);
}

function part(whole: NeckPart, { first, last }: NeckSpan, why: string): NeckPart {
  const kept = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const manifest = keepSlices(whole.manifest, kept);
  if (manifest.coverageMm < LEAST_MM) return whole;
  return { manifest: { ...manifest, cutTo: why }, encoded: kept.map((index) => whole.encoded[index]!), notFound: null };
}
