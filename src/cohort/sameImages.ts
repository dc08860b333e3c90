import { resolve } from 'node:path';
import type { StoredInstance } from '../case/case.ts';
import { filledAttributes } from '../case/filledAttributes.ts';
import { identityDifferences } from '../case/patientIdentity.ts';
import { samePixels } from '../infer/samePixels.ts';
import { CT_SOP_CLASSES } from '../dicom/sopClasses.ts';

/**
 * The objects without those that are another file's image in other bytes: same UID, patient and pixels (another transfer syntax, values that an archive
 * filled in). Of these the one whose header states most is kept, otherwise the first. Objects with other pixels under one UID all stay, because they are a conflict.
 */
export async function withoutSameImages(
  folder: string,
  instances: readonly StoredInstance[],
): Promise<StoredInstance[]> {
  const firstOf = new Map<string, StoredInstance>();
  const pairs: { instance: StoredInstance; first: string; second: string }[] = [];
  for (const instance of instances) {
    const { header, sha256, path } = instance;
    const first = firstOf.get(header.sopInstanceUid);
    if (first === undefined) firstOf.set(header.sopInstanceUid, instance);
    else if (first.sha256 !== sha256 && isSameObject(first, instance))
      pairs.push({ instance, first: resolve(folder, first.path), second: resolve(folder, path) });
  }
  const same = await samePixels(pairs);
  const left = new Set<StoredInstance>();
  for (const { instance } of pairs.filter((_, index) => same[index])) {
    const kept = firstOf.get(instance.header.sopInstanceUid)!;
    const isBetter = filledAttributes(instance.header) > filledAttributes(kept.header);
    left.add(isBetter ? kept : instance);
    if (isBetter) firstOf.set(instance.header.sopInstanceUid, instance);
  }
  return instances.filter((instance) => !left.has(instance));
}

function isSameObject({ header: one }: StoredInstance, { header: other }: StoredInstance): boolean {
  return (
    CT_SOP_CLASSES.has(one.sopClassUid) &&
    one.studyInstanceUid === other.studyInstanceUid &&
    one.seriesInstanceUid === other.seriesInstanceUid &&
    identityDifferences(one, other).length === 0
  );
}
