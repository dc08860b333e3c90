import type { StoredInstance } from '../case/case.ts';
import { refusedPhrase, type RefusedObjects } from '../case/refusedObject.ts';
import type { AssembledStudy } from './assembledStudy.ts';

/** How the objects of a study came. */
export interface Arrival {
  /** Objects that were refused and have not come since. */
  refused: RefusedObjects | null;
  /** The sender's connection broke off, and the study was not sent again. */
  isBrokenOff: boolean;
}

/** What did not come is named in the reason of a study that is not analysed, and makes the analysed series incomplete. */
export function accountForArrival(
  assembled: AssembledStudy,
  instances: readonly StoredInstance[],
  { refused, isBrokenOff }: Arrival,
): AssembledStudy {
  if (assembled.type === 'notEligible') {
    const phrases = [
      ...(refused === null ? [] : [refusedPhrase(refused)]),
      ...(isBrokenOff ? ['the sender’s connection broke off, and nothing was sent again'] : []),
    ];
    if (phrases.length === 0) return assembled;
    const isEmpty = assembled.reasonCode === 'no-images' && refused !== null;
    return isEmpty
      ? { ...assembled, reasonCode: 'refused', reason: phrases.join('; ') }
      : { ...assembled, reason: [assembled.reason, ...phrases].join('; ') };
  }
  const { manifest } = assembled;
  if (manifest.cutShort !== undefined && manifest.cutShort.of !== 'placed') return assembled;
  const missing = refused?.ctBySeries.get(manifest.seriesInstanceUid) ?? 0;
  const came = manifest.slices.length;
  if (missing > 0) return { ...assembled, manifest: { ...manifest, cutShort: { came, stated: came + missing } } };
  // As many images as the sender states have come, so that nothing was lost with the connection.
  if (!isBrokenOff || instances.some((instance) => isCounted(instance, manifest.seriesInstanceUid))) return assembled;
  return { ...assembled, manifest: { ...manifest, brokenOff: true } };
}

function isCounted({ header }: StoredInstance, seriesInstanceUid: string): boolean {
  const stated = header.imagesInAcquisition ?? header.numberOfSeriesRelatedInstances ?? 0;
  return header.seriesInstanceUid === seriesInstanceUid && stated > 0;
}
