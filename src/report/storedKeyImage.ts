import { fileSource } from '../base/byteSource.ts';
import { encodePngInBackground } from '../base/png.ts';
import { readHead } from '../dicom/fileHead.ts';
import { pixelFrames } from '../dicom/pixelFrames.ts';
import { KEY_IMAGE } from './keyImage.ts';
import { keyImagePlace } from './triageCard.ts';

const TAG = { rows: 0x00280010, columns: 0x00280011 } as const;

/** The key image on the triage card that the file at `path` holds, as PNG: what the page shows is what the PACS has. Null for a card without one. @throws TriageError `dicom-unreadable`, and an error of the file system when the file is gone */
export async function storedKeyImage(path: string): Promise<Uint8Array | null> {
  const file = await fileSource(path);
  const elements = await readHead(file);
  const [rows, columns] = [elements.uint16(TAG.rows) ?? 0, elements.uint16(TAG.columns) ?? 0];
  const place = keyImagePlace({ rows, columns });
  if (place === null) return null;
  const frames = await pixelFrames(elements, file, { rows, columns, frames: 1, bytesPerPixel: 3 });
  const stride = columns * 3;
  const lines = await file.read(frames.places(1)[0]!.offset + place.top * stride, KEY_IMAGE.rows * stride);
  const rgb = new Uint8Array(KEY_IMAGE.rows * KEY_IMAGE.columns * 3);
  for (let row = 0; row < KEY_IMAGE.rows; row++) {
    const from = row * stride + place.left * 3;
    rgb.set(lines.subarray(from, from + KEY_IMAGE.columns * 3), row * KEY_IMAGE.columns * 3);
  }
  return encodePngInBackground(rgb, KEY_IMAGE.rows, KEY_IMAGE.columns, 3);
}
