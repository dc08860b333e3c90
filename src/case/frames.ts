import { withOffset } from '../dicom/dateTimes.ts';
import type { FrameTable, ImageReference, InstanceHeader, StoredImage, StoredInstance } from './case.ts';

/** The images of an object, in the order of its frames: itself, or each frame with the header that a single image of it would have. */
export function imagesOf(instance: StoredInstance): StoredImage[] {
  if (instance.header.frames === undefined) return [instance];
  return headersOfImages(instance.header).map((header, index) => ({ ...instance, header, frameNumber: index + 1 }));
}

/** The headers of all images of an object. */
export function headersOfImages(header: InstanceHeader): InstanceHeader[] {
  const { frames } = header;
  return frames === undefined ? [header] : frames.kindOf.map((_, index) => headerOfFrame(header, frames, index));
}

/** The header of one image of an object; `frameNumber` is undefined for the only one. */
export function headerOfImage(header: InstanceHeader, frameNumber: number | undefined): InstanceHeader {
  return header.frames === undefined || frameNumber === undefined
    ? header
    : headerOfFrame(header, header.frames, frameNumber - 1);
}

/** Distinguishes the pixels of an image from all others: what is computed from them is kept under this key. */
export function imageKey({ sha256, frameNumber }: { sha256: string; frameNumber?: number }): string {
  return frameNumber === undefined ? sha256 : `${sha256}/${frameNumber}`;
}

export function isSameImage(one: ImageReference, other: ImageReference): boolean {
  return one.sopInstanceUid === other.sopInstanceUid && one.frameNumber === other.frameNumber;
}

/** The reference alone, without anything else that an object says of the image. */
export function imageReference({ sopInstanceUid, frameNumber }: ImageReference): ImageReference {
  return frameNumber === undefined ? { sopInstanceUid } : { sopInstanceUid, frameNumber };
}

function headerOfFrame(header: InstanceHeader, table: FrameTable, index: number): InstanceHeader {
  const shared = { ...header };
  delete shared.frames;
  const [x, y, z] = table.positionsMm.slice(3 * index, 3 * index + 3);
  const acquiredAt = acquisitionDateTime(table, index);
  return {
    ...shared,
    ...table.kinds[table.kindOf[index]!]!,
    imagePositionPatientMm: x == null || y == null || z == null ? null : [x, y, z],
    ...(acquiredAt === null ? {} : { acquisitionDateTime: withOffset(acquiredAt, header.timezoneOffsetFromUtc ?? '') }),
  };
}

/** As DICOM DT, or null when the frame does not say. */
function acquisitionDateTime({ acquired }: FrameTable, index: number): string | null {
  const afterMs = acquired?.afterMs[index] ?? null;
  return acquired === null || afterMs === null
    ? null
    : new Date(acquired.fromMs + afterMs).toISOString().replace(/[-T:Z]/g, '');
}
