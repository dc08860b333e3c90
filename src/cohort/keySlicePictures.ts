import path from 'node:path';
import { encodePng } from '../base/png.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import type { SliceCrop } from '../case/case.ts';
import type { SourceSlice } from '../case/triageModel.ts';
import type { Config } from '../config/config.ts';
import type { Problem } from '../dataset/dataset.ts';
import type { JudgedCase } from '../evaluate/judgedCase.ts';
import { startInferenceProcess } from '../infer/inferenceProcess.ts';
import { keySlicePicture } from '../report/keySlicePicture.ts';

/** Pictures are reduced to about this many pixels a side: a report holds many of them. */
const SIDE_PIXELS = 256;

/**
 * The best key slice of each case with the network's response, as in the agent's reports, by the case's id, each a data URI. A slice that cannot be decoded any
 * more is a problem, and its case has no picture.
 */
export async function keySlicePictures(
  cases: readonly { readonly judged: JudgedCase; readonly folder: string }[],
  { config, clock, log }: { config: Config; clock: Clock; log: Log },
): Promise<{ pictures: Map<string, string>; problems: Problem[] }> {
  const pictures = new Map<string, string>();
  const problems: Problem[] = [];
  const shown = cases.filter(({ judged }) => judged.bestKeySlice !== null);
  if (shown.length === 0) return { pictures, problems };
  const model = await startInferenceProcess({ ...config.infer, threads: 1, clock, log });
  try {
    for (const { judged, folder } of shown) {
      const { file, ...keySlice } = judged.bestKeySlice!;
      try {
        const source = await model.decodeSlice(path.resolve(folder, file), keySlice.frameNumber);
        const factor = Math.max(1, Math.floor(Math.min(source.rows, source.columns) / SIDE_PIXELS));
        const reduced = reduce(source, factor);
        const { rgb, rows, columns } = keySlicePicture(reduced, {
          ...keySlice,
          crop: reduceCrop(keySlice.crop, factor, reduced),
        });
        const png = Buffer.from(encodePng(rgb, rows, columns, 3)).toString('base64');
        pictures.set(judged.id, `data:image/png;base64,${png}`);
      } catch (error) {
        if (!(error instanceof TriageError)) throw error;
        problems.push({ where: judged.id, problem: `no picture of it: ${messageOf(error)}`, dropped: false });
      }
    }
  } finally {
    await model.close();
  }
  return { pictures, problems };
}

/** Means of squares of `factor` pixels a side. */
function reduce({ hu, rows, columns }: SourceSlice, factor: number): SourceSlice {
  const small = { rows: Math.floor(rows / factor), columns: Math.floor(columns / factor) };
  const means = new Float32Array(small.rows * small.columns);
  for (let row = 0; row < small.rows * factor; row++)
    for (let column = 0; column < small.columns * factor; column++)
      means[Math.floor(row / factor) * small.columns + Math.floor(column / factor)]! +=
        hu[row * columns + column]! / factor ** 2;
  return { hu: means, ...small };
}

function reduceCrop(crop: SliceCrop, factor: number, { rows, columns }: SourceSlice): SliceCrop {
  const { top, left, bottom, right } = crop;
  return {
    ...crop,
    top: Math.round(top / factor),
    left: Math.round(left / factor),
    bottom: Math.round(bottom / factor),
    right: Math.round(right / factor),
    rows,
    columns,
  };
}
