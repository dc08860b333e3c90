import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeCtSeries } from './ctSeries.ts';
import { runTool } from './dcmtk.ts';

const PROJECT = '/usr/share/doc/invesalius-examples/examples/Cranium.inv3';
/** As the project's main.plist says. */
const SHAPE = { slices: 108, rows: 256, columns: 256 };
const SPACING_MM: [number, number] = [1.5, 0.9570312];

/** Turns the real head CT of Debian's invesalius-examples into a DICOM series in `dir`. */
export async function writeHeadCt(dir: string): Promise<string[]> {
  const unpacked = join(dir, 'unpacked');
  await mkdir(unpacked, { recursive: true });
  const { exitCode, stderr } = await runTool('tar', ['xzf', PROJECT, '-C', unpacked]);
  if (exitCode !== 0) throw new Error(stderr);
  const inner = (await readdir(unpacked))[0]!;
  const raw = await readFile(join(unpacked, inner, 'matrix.dat'));
  const pixels = SHAPE.rows * SHAPE.columns;
  if (raw.length !== SHAPE.slices * pixels * 2) throw new Error(`matrix.dat has ${raw.length} bytes`);
  return writeCtSeries(join(dir, 'series'), {
    key: 'head-ct',
    ...SHAPE,
    spacingMm: SPACING_MM,
    hu: (index) =>
      new Int16Array(raw.buffer.slice(raw.byteOffset + index * pixels * 2, raw.byteOffset + (index + 1) * pixels * 2)),
  });
}
