import { readFile } from 'node:fs/promises';
import type { EncodedSlice } from '../case/case.ts';
import { modelInput } from '../preprocess/modelInput.ts';
import { decodeCtSlice } from './decodePixels.ts';
import type { ModelCard } from './modelCard.ts';
import type { OnnxModel } from './onnxModel.ts';

/**
 * Decodes, preprocesses and encodes the slice in the Part 10 file at `path`.
 *
 * @throws TriageError of the decoding, or `inference-failed`
 */
export async function encodeSliceFile(path: string, card: ModelCard, model: OnnxModel): Promise<EncodedSlice> {
  const slice = await decodeCtSlice(await readFile(path));
  const input = modelInput(slice, card.input);
  const encoding = await model.encode(input.tensor);
  return {
    ...encoding,
    camRows: card.input.camRows,
    camColumns: card.input.camColumns,
    crop: { ...input.box, ...slice.orientation, rows: slice.storedRows, columns: slice.storedColumns, fullFrame: input.fullFrame },
  };
}
