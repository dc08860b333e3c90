import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeCaseTensors } from '../../../training/caseTensors.ts';

it('each plane has the truth of the slices it shows, and one between two that of the nearer', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'planes-'));
  try {
    const labels = [false, true, null, false];
    const middles = [null, [15.5, 20.5], [11.5, 15.5], [15.5, 15.5]] as const;
    const slices = labels.map((label, index) => ({
      image: { hu: new Float32Array(32 * 32), rows: 32, columns: 32 },
      // A break in the middle of the field.
      mask: label === true ? new Uint8Array(32 * 32).fill(1, 16 * 32 + 16, 16 * 32 + 17) : null,
      label,
      pixelSpacingMm: [2, 2] as const,
      positionMm: -3 * index,
      levels: [`C${index + 1}`],
      middle: middles[index]!,
    }));
    const input = { sizePixels: 16, pixelSpacingMm: 2, sliceSpacingMm: 1.5, slicesPerRow: 1, windowsHu: [] };
    await writeCaseTensors(dir, 'case', 4, slices, { kind: 'vertebra-sequence', ...input }, {});
    const record = JSON.parse(await readFile(join(dir, 'case.json'), 'utf8')) as Record<string, unknown>;
    expect(record['labels']).toEqual([false, false, true, true, null, null, false]);
    expect(record['levels']).toEqual([['C1'], ['C1'], ['C2'], ['C2'], ['C3'], ['C3'], ['C4']]);
    // The field begins 8 pixels into the image.
    expect(record['middles']).toEqual([null, null, [7.5, 12.5], [7.5, 12.5], [3.5, 7.5], [3.5, 7.5], [7.5, 7.5]]);
    const masks = (await readFile(join(dir, 'case.mask.npy'))).subarray(-7 * 16);
    expect([...masks.entries()].flatMap(([cell, value]) => (value === 0 ? [] : [cell]))).toEqual([
      2 * 16 + 10,
      3 * 16 + 10,
    ]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
