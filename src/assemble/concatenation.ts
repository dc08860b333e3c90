import type { CaseManifest, StoredImage } from '../case/case.ts';

/**
 * How many parts of a concatenation came (one multi-frame image cut into several objects, PS3.3 C.7.6.16.2.2.4), when some are missing. Null when all
 * came, when nobody says how many there are, and for images that are whole objects.
 */
export function missingParts(images: readonly StoredImage[]): NonNullable<CaseManifest['cutShort']> | null {
  const concatenations = new Map<string, { parts: Set<number>; stated: number }>();
  for (const { header } of images) {
    if (header.concatenation === undefined) continue;
    const { uid, part, parts } = header.concatenation;
    const known = concatenations.get(uid) ?? { parts: new Set(), stated: 0 };
    known.parts.add(part);
    known.stated = Math.max(known.stated, parts ?? 0, part);
    concatenations.set(uid, known);
  }
  for (const { parts, stated } of concatenations.values())
    if (parts.size < stated) return { came: parts.size, stated, of: 'parts' };
  return null;
}
