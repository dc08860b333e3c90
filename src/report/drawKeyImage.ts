import type { CaseManifest, KeySlice, SliceCrop } from '../case/case.ts';
import { imageName, levelRange } from '../case/findingLine.ts';
import { keyPoint } from '../case/keyPoint.ts';
import type { DecodeLines, SourceSlice, StoredLine } from '../case/triageModel.ts';
import { orientMatrix } from '../dicom/geometry.ts';
import type { Picture } from './drawing.ts';
import { keyImage, type LevelMark } from './keyImage.ts';
import { sagittalSlices } from './sagittalSlices.ts';

interface KeyImageSource {
  manifest: CaseManifest;
  /** Best first. */
  keySlices: readonly [KeySlice, ...KeySlice[]];
  /** The best key slice as stored. */
  stored: SourceSlice;
  /** Of the stored slice: between rows, between columns. */
  pixelSpacingMm: readonly [number, number];
  /** Whether the slices are compressed, so that a line costs as much as the whole slice. */
  isCompressed: boolean;
  /** `path` as the manifest has it. */
  decodeLines: DecodeLines;
}

/** The key image of a flagged scan. Of each slice one line is asked for. */
export async function drawKeyImage(source: KeyImageSource): Promise<Picture> {
  const { manifest, keySlices, stored, pixelSpacingMm, isCompressed, decodeLines } = source;
  const [best, ...others] = keySlices;
  const { crop } = best;
  const { values, rows, columns } = orientMatrix(stored.hu, stored.rows, stored.columns, crop);
  const point = keyPoint(crop);
  const { indices, stepMm } = sagittalSlices(manifest, best.sliceIndex, isCompressed ? 'compressed' : 'native');
  const slices = indices.map((index) => manifest.slices[index]!);
  const lines = await decodeLines(slices, storedColumn(Math.floor(point.column), columns, crop));
  const markOf = ({ sliceIndex, levels = [] }: KeySlice): LevelMark => ({
    positionMm: manifest.slices[sliceIndex]!.positionMm,
    levels: levelRange(levels),
  });
  return keyImage({
    axial: { hu: values, rows, columns },
    pixelSpacingMm: crop.transpose ? [pixelSpacingMm[1], pixelSpacingMm[0]] : pixelSpacingMm,
    point,
    sagittal: slices.map(({ positionMm }, at) => ({
      // The stored order is that of the oriented one, or its reverse.
      line: crop.flipRows ? lines[at]!.toReversed() : lines[at]!,
      positionMm,
    })),
    stepMm,
    name: imageName(best) ?? `slice ${best.sliceIndex + 1} from the head`,
    marks: [markOf(best), ...others.map(markOf)],
  });
}

/** Where the stored matrix has a column of the oriented one. */
function storedColumn(
  column: number,
  columns: number,
  { transpose, flipColumns }: Pick<SliceCrop, 'transpose' | 'flipColumns'>,
): StoredLine {
  const at = flipColumns ? columns - 1 - column : column;
  return transpose ? { row: at } : { column: at };
}
