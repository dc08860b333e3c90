import { encodePng } from '../../base/png.ts';
import type { SourceSlice } from '../../case/triageModel.ts';
import type { PictureWindow } from './storedObjects.ts';

/** Shows bone: for images that state no window. */
const BONE: PictureWindow = { center: 300, width: 1_500 };

/** A CT slice as an 8-bit grey PNG, as stored, by the linear function of PS3.3 C.11.2.1.2.1. */
export function greyPicture({ hu, rows, columns }: SourceSlice, window: PictureWindow | null): Uint8Array {
  const { center, width } = window ?? BONE;
  const span = Math.max(1, width - 1);
  const grey = Uint8ClampedArray.from(hu, (value) => ((value - (center - 0.5)) / span + 0.5) * 255);
  return encodePng(new Uint8Array(grey.buffer), rows, columns, 1);
}
