import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InputSpec } from '../src/preprocess/modelInput.ts';
import { modelInput } from '../src/preprocess/modelInput.ts';
import type { OrientedSlice } from '../src/preprocess/modelInput.ts';
import { GROSS_BONE, SOFT_TISSUE, STANDARD_BONE } from '../src/preprocess/windows.ts';

/** A cell of a written mask covers so many of the network's input pixels on a side. */
const MASK_STEP = 4;

/** A slice and its truth, in the trained orientation. */
export interface LabelledSlice {
  readonly image: OrientedSlice;
  /** Broken pixels are not 0, `[row][column]` of the image; null where no mask tells. */
  readonly mask: Uint8Array | null;
  /** Null: not known. Left out, the mask says. */
  readonly label?: boolean | null;
  readonly pixelSpacingMm: number;
}

/** A profile's own words for how the network's input is made, with the paper's windows. */
export function inputOf(profilePath: string): { input: InputSpec; profile: Record<string, unknown> } {
  const profile = JSON.parse(readFileSync(profilePath, 'utf8')) as { input: Omit<InputSpec, 'windowsHu'> };
  return { input: { ...profile.input, windowsHu: [GROSS_BONE, STANDARD_BONE, SOFT_TISSUE] }, profile };
}

/** Where a profile lies that is named on the command line: a JSON file, or a name in training/profiles. */
export function profilePath(name: string): string {
  return name.endsWith('.json') ? name : join(import.meta.dirname, 'profiles', `${name}.json`);
}

/**
 * Writes what training reads of a case: `<id>.npy` uint8 [slice][channel][row][column], `<id>.mask.npy` uint8 [marked slice][row/4][column/4] and, last, `<id>.json` with
 * `record` and the truth of the slices. `slices` gives them from head to foot; each may reuse the buffers of the one before.
 */
export async function writeCaseTensors(dir: string, id: string, count: number, slices: AsyncIterable<LabelledSlice> | Iterable<LabelledSlice>, input: InputSpec, record: object): Promise<void> {
  const size = input.sizePixels;
  const maskSize = size / MASK_STEP;
  const images = new Uint8Array(count * input.windowsHu.length * size * size);
  const masks: Uint8Array[] = [];
  const maskRows: number[] = [];
  const maskPixels: number[] = [];
  const labels: (boolean | null)[] = [];
  const pixelMm: number[] = [];
  let written = 0;
  for await (const { image, mask, label, pixelSpacingMm } of slices) {
    const { tensor, box } = modelInput(image, input);
    const at = written++ * tensor.length;
    for (let i = 0; i < tensor.length; i++) images[at + i] = tensor[i]! * 255 + 0.5;
    const side = box.right - box.left;
    pixelMm.push(Math.round(((side * pixelSpacingMm) / size) * 1000) / 1000);
    const small = new Uint8Array(maskSize * maskSize);
    let marked = 0;
    for (let i = 0; mask !== null && i < mask.length; i++) {
      if (mask[i] === 0) continue;
      marked++;
      const row = Math.floor(((Math.floor(i / image.columns) + 0.5 - box.top) * maskSize) / side);
      const column = Math.floor((((i % image.columns) + 0.5 - box.left) * maskSize) / side);
      if (row >= 0 && row < maskSize && column >= 0 && column < maskSize) small[row * maskSize + column] = 1;
    }
    maskPixels.push(marked);
    maskRows.push(marked > 0 ? masks.push(small) - 1 : -1);
    labels.push(label === undefined ? marked > 0 : label);
  }
  if (written !== count) throw new Error(`${id}: ${count} slices were announced, ${written} came`);
  const path = join(dir, `${id}.json`);
  // A record of another wish must not stand beside new pixels.
  rmSync(path, { force: true });
  writeNpy(join(dir, `${id}.npy`), images, [count, input.windowsHu.length, size, size]);
  writeNpy(join(dir, `${id}.mask.npy`), Buffer.concat(masks), [masks.length, maskSize, maskSize]);
  writeFileSync(`${path}.tmp`, JSON.stringify({ id, ...record, labels, maskRows, maskPixels, pixelMm }));
  renameSync(`${path}.tmp`, path);
}

/** NumPy's format 1.0, unsigned bytes in C order. */
function writeNpy(path: string, data: Uint8Array, shape: readonly number[]): void {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const header = Buffer.from(`${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`, 'latin1');
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  writeFileSync(path, Buffer.concat([prefix, header, data]));
}
