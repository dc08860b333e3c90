import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Anatomy, Texture } from '../src/case/case.ts';
import { measureAnatomy } from '../src/preprocess/anatomy.ts';
import type { Box } from '../src/preprocess/box.ts';
import type { InputSpec } from '../src/preprocess/modelInput.ts';
import { modelInput } from '../src/preprocess/modelInput.ts';
import type { OrientedSlice } from '../src/preprocess/modelInput.ts';
import { measureTexture, textureOf } from '../src/preprocess/texture.ts';
import type { VolumeSpec } from '../src/preprocess/volumeInput.ts';
import { slicePlane, stackVolume } from '../src/preprocess/volumeInput.ts';
import { GROSS_BONE, SOFT_TISSUE, STANDARD_BONE } from '../src/preprocess/windows.ts';
import { deflatedPlanes } from './shard.ts';

/** Side of a mask cell in input pixels of the network. */
const MASK_STEP = 4;

/** A slice and its truth, in the trained orientation. */
export interface LabelledSlice {
  readonly image: OrientedSlice;
  /** `[row][column]` of the image; pixels of a fracture are not 0. Null without a mask. */
  readonly mask: Uint8Array | null;
  /** Null when unknown. Taken from the mask when absent. */
  readonly label?: boolean | null;
  /** [between rows, between columns]. */
  readonly pixelSpacingMm: readonly [number, number];
  /** Position along the normal of the slices, decreasing from head to foot. */
  readonly positionMm: number;
  /** The vertebrae that the slice cuts; absent when unknown. */
  readonly levels?: readonly string[];
  /** The middle of the spine: [row, column] of the image; null where it shows no vertebra, absent when unknown. */
  readonly middle?: readonly [number, number] | null;
}

/** How the network's input is made, by the kind of its package. */
export type Input =
  | ({ kind: 'slice-sequence' } & InputSpec)
  | ({ kind: 'volume' } & VolumeSpec)
  | ({ kind: 'vertebra-sequence' } & VolumeSpec);

/** How a profile describes the input of the network; only slice inputs use the paper's windows. */
export function inputOf(profilePath: string): { input: Input; profile: Record<string, unknown> } {
  const profile = JSON.parse(readFileSync(profilePath, 'utf8')) as Record<string, unknown> &
    (
      | { kind?: 'slice-sequence'; input: Omit<InputSpec, 'windowsHu'> }
      | { kind: 'volume'; input: VolumeSpec }
      | { kind: 'vertebra-sequence'; input: VolumeSpec }
    );
  if (profile.kind === 'volume' || profile.kind === 'vertebra-sequence')
    return { input: { kind: profile.kind, ...profile.input }, profile };
  return {
    input: { kind: 'slice-sequence', ...profile.input, windowsHu: [GROSS_BONE, STANDARD_BONE, SOFT_TISSUE] },
    profile,
  };
}

/** Path of the profile that the command line names: a JSON file, or a name in training/profiles. */
export function profilePath(name: string): string {
  return name.endsWith('.json') ? name : join(import.meta.dirname, 'profiles', `${name}.json`);
}

/**
 * Writes what training reads of a case: `<id>.shard`, its slices uint8 [channel][row][column] compressed one by one, `<id>.mask.npy` uint8 [marked slice][row/4][column/4] and, last,
 * `<id>.json` with `record`, the truth of the slices and where each ends in the shard. A volume is small and read in blocks: `<id>.npy` uint8 [slice][channel][row][column]; its slices are its planes, each has a mask, and the truth is that of its rows (of a `vertebra-sequence`: of its planes). `slices` gives them from head to foot; each may reuse the buffers of the one before.
 */
export async function writeCaseTensors(
  dir: string,
  id: string,
  count: number,
  slices: AsyncIterable<LabelledSlice> | Iterable<LabelledSlice>,
  input: Input,
  record: object,
): Promise<void> {
  const startedMs = performance.now();
  const anatomies: Anatomy[] = [];
  const textures: Texture[] = [];
  const told = measured(slices, anatomies, textures);
  const { images, masks, truth, came } =
    input.kind === 'slice-sequence' ? await sliceTensors(count, told, input) : await volumeTensors(told, input);
  if (came !== count) throw new Error(`${id}: ${count} slices were announced, ${came} came`);
  const path = join(dir, `${id}.json`);
  // A record of an earlier request must not lie beside new pixels.
  rmSync(path, { force: true });
  const maskSize = input.sizePixels / MASK_STEP;
  const channels = input.windowsHu.length;
  if (input.kind === 'slice-sequence') writeFileSync(join(dir, `${id}.shard`), images);
  else
    writeNpy(join(dir, `${id}.npy`), images, [
      images.length / (channels * input.sizePixels ** 2),
      channels,
      input.sizePixels,
      input.sizePixels,
    ]);
  writeNpy(join(dir, `${id}.mask.npy`), masks, [masks.length / maskSize ** 2, maskSize, maskSize]);
  writeFileSync(
    `${path}.tmp`,
    JSON.stringify({
      id,
      ...record,
      ...truth,
      exportSeconds: rounded((performance.now() - startedMs) / 1000),
      tissueAreaCm2: anatomies.map(({ tissueAreaCm2 }) => rounded(tissueAreaCm2)),
      boneAreaCm2: anatomies.map(({ boneAreaCm2 }) => rounded(boneAreaCm2)),
      // Of both halves: some scans cover a part of the neck only.
      texture: [textures.slice(0, Math.ceil(count / 2)), textures.slice(Math.ceil(count / 2))].map(textureOf),
    }),
  );
  renameSync(`${path}.tmp`, path);
}

interface CaseTensors {
  /** The bytes of the planes; of slices compressed. */
  images: Uint8Array;
  masks: Uint8Array;
  truth: object;
  /** Number of slices received. */
  came: number;
}

async function sliceTensors(
  count: number,
  slices: AsyncIterable<LabelledSlice> | Iterable<LabelledSlice>,
  input: InputSpec,
): Promise<CaseTensors> {
  const size = input.sizePixels;
  const maskSize = size / MASK_STEP;
  const channels = input.windowsHu.length;
  const bytes = new Uint8Array(channels * size * size);
  const shard: Buffer[] = [];
  const ends: number[] = [];
  const masks: Uint8Array[] = [];
  const maskRows: number[] = [];
  const maskPixels: number[] = [];
  const labels: (boolean | null)[] = [];
  const pixelMm: number[] = [];
  const levels: (readonly string[])[] = [];
  let written = 0;
  for await (const { image, mask, label, pixelSpacingMm, levels: cut } of slices) {
    const { tensor, box } = modelInput(image, input);
    // More slices than announced are counted, not kept.
    if (written < count) {
      toBytes(tensor, bytes, 0);
      const deflated = deflatedPlanes(bytes, size, size);
      shard.push(deflated);
      ends.push((ends.at(-1) ?? 0) + deflated.length);
    }
    written++;
    if (cut !== undefined) levels.push(cut);
    pixelMm.push(Math.round((((box.right - box.left) * pixelSpacingMm[0]) / size) * 1000) / 1000);
    const small = new Uint8Array(maskSize * maskSize);
    const marked = shrinkMask(mask, image.columns, box, small);
    maskPixels.push(marked);
    maskRows.push(marked > 0 ? masks.push(small) - 1 : -1);
    labels.push(label === undefined ? marked > 0 : label);
  }
  return {
    images: Buffer.concat(shard),
    masks: Buffer.concat(masks),
    truth: {
      labels,
      maskRows,
      maskPixels,
      pixelMm,
      ...(levels.length > 0 ? { levels } : {}),
      shard: { shape: [count, channels, size, size], ends },
    },
    came: written,
  };
}

async function volumeTensors(
  slices: AsyncIterable<LabelledSlice> | Iterable<LabelledSlice>,
  input: VolumeSpec,
): Promise<CaseTensors> {
  const { sizePixels: size, slicesPerRow } = input;
  const channels = input.windowsHu.length;
  const maskLength = (size / MASK_STEP) ** 2;
  const planes: Float32Array[] = [];
  const truths: PlaneTruth[] = [];
  for await (const { image, mask, label, pixelSpacingMm, positionMm, levels, middle } of slices) {
    const { plane, box } = slicePlane(image, pixelSpacingMm, input);
    const small = new Uint8Array(maskLength);
    const marked = shrinkMask(mask, image.columns, box, small);
    planes.push(plane);
    truths.push({
      positionMm,
      label: label === undefined ? marked > 0 : label,
      small,
      levels,
      middle: middle && [
        planePixel(middle[0], box.top, box.bottom, size),
        planePixel(middle[1], box.left, box.right, size),
      ],
    });
  }
  const positionsMm = truths.map(({ positionMm }) => positionMm);
  const together = new Float32Array(planes.length * channels * size * size);
  for (const [index, plane] of planes.entries()) together.set(plane, index * plane.length);
  const { volume, slices: depth } = stackVolume(together, positionsMm, input);
  const images = new Uint8Array(volume.length);
  for (let slice = 0; slice < depth; slice++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (channel * depth + slice) * size * size;
      toBytes(volume.subarray(from, from + size * size), images, (slice * channels + channel) * size * size);
    }
  }
  const masks = new Uint8Array(depth * maskLength);
  const labels = new Array<boolean | null>(depth / slicesPerRow).fill(false);
  const levels = labels.map((): Set<string> => new Set());
  const middles = labels.map((): readonly [number, number] | null => null);
  for (const [plane, shown] of shownBy(positionsMm, depth, input.sliceSpacingMm).entries()) {
    const row = Math.floor(plane / slicesPerRow);
    for (const slice of shown) {
      const { label, small, levels: cut, middle } = truths[slice]!;
      for (const level of cut ?? []) levels[row]!.add(level);
      // A row with a broken slice is broken; one with an unknown slice is unknown.
      labels[row] = label === true || labels[row] === true ? true : label === null ? null : labels[row]!;
      for (let i = 0; i < maskLength; i++) if (small[i] !== 0) masks[plane * maskLength + i] = 1;
      middles[row] = middle ?? middles[row]!;
    }
  }
  return {
    images,
    masks,
    truth: {
      labels,
      maskRows: Array.from({ length: depth }, (_, slice) => slice),
      ...(truths.every((one) => one.levels !== undefined) ? { levels: levels.map((names) => [...names]) } : {}),
      ...(truths.every((one) => one.middle !== undefined)
        ? { middles: middles.map((at) => at?.map(rounded) ?? null) }
        : {}),
    },
    came: planes.length,
  };
}

interface PlaneTruth {
  positionMm: number;
  label: boolean | null;
  small: Uint8Array;
  levels: readonly string[] | undefined;
  /** [row, column], pixels of the plane. */
  middle: readonly [number, number] | null | undefined;
}

/** For each plane of a volume the slices whose truth it has: those that it is nearest to, or the one nearest to it where there are none. */
function shownBy(positionsMm: readonly number[], planes: number, spacingMm: number): number[][] {
  const shown = Array.from({ length: planes }, (): number[] => []);
  const planeOf = (positionMm: number): number => (positionsMm[0]! - positionMm) / spacingMm;
  for (const [slice, position] of positionsMm.entries())
    shown[Math.min(planes - 1, Math.round(planeOf(position)))]!.push(slice);
  return shown.map((slices, plane) => {
    if (slices.length > 0) return slices;
    const distance = (slice: number): number => Math.abs(planeOf(positionsMm[slice]!) - plane);
    return [positionsMm.reduce((best, _, slice) => (distance(slice) < distance(best) ? slice : best), 0)];
  });
}

/** The coordinate of a plane's pixel for that of an image's, along an axis on which the field reaches from `from` to `to`. */
function planePixel(at: number, from: number, to: number, size: number): number {
  return ((at + 0.5 - from) * size) / (to - from) - 0.5;
}

function toBytes(values: Float32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < values.length; i++) bytes[at + i] = values[i]! * 255 + 0.5;
}

/** Marks the cells of `small`, a square grid over the box, that contain a marked pixel of `mask`; returns the total number of marked pixels. */
function shrinkMask(mask: Uint8Array | null, columns: number, box: Box, small: Uint8Array): number {
  const maskSize = Math.sqrt(small.length);
  const [boxRows, boxColumns] = [box.bottom - box.top, box.right - box.left];
  let marked = 0;
  for (let i = 0; mask !== null && i < mask.length; i++) {
    if (mask[i] === 0) continue;
    marked++;
    const row = Math.floor(((Math.floor(i / columns) + 0.5 - box.top) * maskSize) / boxRows);
    const column = Math.floor((((i % columns) + 0.5 - box.left) * maskSize) / boxColumns);
    if (row >= 0 && row < maskSize && column >= 0 && column < maskSize) small[row * maskSize + column] = 1;
  }
  return marked;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Passes the slices on and records what the pixels of each show. */
async function* measured(
  slices: AsyncIterable<LabelledSlice> | Iterable<LabelledSlice>,
  anatomies: Anatomy[],
  textures: Texture[],
): AsyncGenerator<LabelledSlice> {
  for await (const slice of slices) {
    const { hu, rows, columns } = slice.image;
    anatomies.push(measureAnatomy(hu, slice.pixelSpacingMm));
    textures.push(measureTexture(hu, rows, columns));
    yield slice;
  }
}

/** NumPy's format 1.0, unsigned bytes in C order. */
function writeNpy(path: string, data: Uint8Array, shape: readonly number[]): void {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const header = Buffer.from(`${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`, 'latin1');
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  writeFileSync(path, Buffer.concat([prefix, header, data]));
}
