import { readMediaType, type MediaType } from '../../base/mediaType.ts';

/** One media type that a client takes. */
interface Accepted extends MediaType {
  quality: number;
}

/** What a client takes, best first (RFC 9110 12.5.1): the query parameter `accept` counts before the header (PS3.18 8.3.3.1). Ranges that cannot be read are left out. */
export function acceptedTypes(header: string | undefined, parameter: string | undefined): Accepted[] {
  const text = parameter ?? (header?.trim() === '' ? undefined : header) ?? '*/*';
  return splitOutsideQuotes(text)
    .flatMap((range) => {
      const media = readMediaType(range);
      if (media === null) return [];
      const quality = Number(media.parameters.get('q') ?? '1');
      return [{ ...media, quality: Number.isFinite(quality) ? quality : 0 }];
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
}

/** Whether one of these single types is taken: the first that is, by the client's order; null for none. */
export function takenType(accepted: readonly MediaType[], offered: readonly string[]): string | null {
  for (const { type } of accepted) {
    const match = offered.find((one) => covers(type, one));
    if (match !== undefined) return match;
  }
  return null;
}

/**
 * Whether multipart/related parts of this type, encoded in this transfer syntax, are taken. `transfer-syntax=*` takes whatever is stored, whichever type
 * it is asked by, as viewers ask for frames (PS3.18 8.7.3.5.2).
 */
export function takesParts(accepted: readonly MediaType[], partType: string, transferSyntaxUid: string): boolean {
  return accepted.some(({ type, parameters }) => {
    if (type === '*/*') return true;
    if (type !== 'multipart/related' && type !== 'multipart/*') return false;
    const wanted = parameters.get('transfer-syntax');
    const wantedType = parameters.get('type')?.toLowerCase();
    if (wanted === '*' && wantedType !== 'application/dicom' && partType !== 'application/dicom') return true;
    return (
      (wantedType === undefined || covers(wantedType, partType)) &&
      (wanted === undefined || wanted === '*' || wanted === transferSyntaxUid)
    );
  });
}

function covers(range: string, type: string): boolean {
  return range === '*/*' || range === type || (range.endsWith('/*') && type.startsWith(range.slice(0, -1)));
}

function splitOutsideQuotes(text: string): string[] {
  return text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
}
