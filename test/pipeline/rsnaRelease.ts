import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseElements, type Elements } from '../../src/dicom/elements.ts';
import { dcmtk } from '../unit/infer/ctFile.ts';

/** What a data set of the RSNA 2022 release holds, and all that it holds: no SOP class, no modality, no image type, no frame of reference. */
const KEPT = [
  0x00080018, 0x00080023, 0x00080033, 0x00100010, 0x00100020, 0x00180050, 0x0020000d, 0x0020000e, 0x00200013,
  0x00200032, 0x00200037, 0x00280002, 0x00280004, 0x00280010, 0x00280011, 0x00280030, 0x00280100, 0x00280101,
  0x00280102, 0x00280103, 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x7fe00010,
];
const WITH_LONG_LENGTH = /^(OB|OD|OF|OL|OV|OW|SQ|SV|UC|UN|UR|UT|UV)$/;

export interface LabelledFolder {
  /** A folder of phantom slices, `IM0001.dcm` and on. */
  folder: string;
  study: string;
  levels: readonly string[];
  /** Of its breaks, on slices numbered as the files are. */
  boxes?: readonly { slice: number; x: number; y: number; width: number; height: number }[];
  /** Leaves out the compression, which takes a process a slice. */
  plain?: true;
}

/**
 * The miniature of the release as it unpacks, with the pixels of phantoms: every second slice as JPEG Lossless (unless `plain`), and in every second study signed values
 * that are HU themselves, with -2048 in the air around the field of view.
 */
export async function writeRsnaRelease(root: string, studies: readonly LabelledFolder[]): Promise<void> {
  for (const [index, { folder, study, plain }] of studies.entries()) {
    const images = join(root, 'train_images', study);
    await mkdir(images, { recursive: true });
    for (const name of (await readdir(folder)).filter((file) => file.endsWith('.dcm'))) {
      const slice = Number(/\d+/.exec(name)![0]);
      const bare = withoutTheRest(await readFile(join(folder, name)), index % 2 === 1);
      await writeFile(
        join(images, `${slice}.dcm`),
        slice % 2 === 0 && plain !== true ? dcmtk('dcmcjpeg', ['+e1'], bare) : bare,
      );
    }
  }
  const levels = Array.from({ length: 7 }, (_, level) => `C${level + 1}`);
  const rows = studies.map(({ study, levels: broken }) =>
    [study, broken.length > 0 ? 1 : 0, ...levels.map((level) => (broken.includes(level) ? 1 : 0))].join(),
  );
  await writeFile(
    join(root, 'train.csv'),
    `${['StudyInstanceUID', 'patient_overall', ...levels].join()}\n${rows.join('\n')}\n`,
  );
  const boxes = studies.flatMap(({ study, boxes: own = [] }) =>
    own.map(({ slice, x, y, width, height }) => [study, x, y, width, height, slice].join()),
  );
  if (boxes.length > 0)
    await writeFile(
      join(root, 'train_bounding_boxes.csv'),
      `StudyInstanceUID,x,y,width,height,slice_number\n${boxes.join('\n')}\n`,
    );
}

function withoutTheRest(file: Buffer, signed: boolean): Buffer {
  const elements = parseElements(file);
  const kept = KEPT.filter((tag) => elements.has(tag)).map((tag) => element(file, elements, tag));
  const bytes = Buffer.concat([file.subarray(0, elements.datasetOffset), ...kept]);
  return signed ? asSigned(bytes) : bytes;
}

/** An element as it is written, explicit VR. */
function element(file: Buffer, elements: Elements, tag: number): Buffer {
  const { dataOffset, length } = elements.place(tag)!;
  const head = WITH_LONG_LENGTH.test(elements.vr(tag)!) ? 12 : 8;
  return file.subarray(dataOffset - head, dataOffset + length);
}

function asSigned(file: Buffer): Buffer {
  const elements = parseElements(file);
  const bytes = Buffer.from(file);
  const intercept = elements.numbers(0x00281052)![0]!;
  const [rows, columns] = [elements.uint16(0x00280010)!, elements.uint16(0x00280011)!];
  const { dataOffset } = elements.place(0x7fe00010)!;
  for (let pixel = 0; pixel < rows * columns; pixel++) {
    const fromCentre = Math.hypot(Math.floor(pixel / columns) - rows / 2, (pixel % columns) - columns / 2);
    const at = dataOffset + 2 * pixel;
    const hu = file.readUInt16LE(at) + intercept;
    bytes.writeInt16LE(fromCentre > rows / 2 && hu < -900 ? -2048 : hu, at);
  }
  const write = (tag: number, value: number) => bytes.writeUInt16LE(value, elements.place(tag)!.dataOffset);
  write(0x00280101, 16);
  write(0x00280102, 15);
  write(0x00280103, 1);
  const { dataOffset: from, length } = elements.place(0x00281052)!;
  bytes.write('0'.padEnd(length), from, 'latin1');
  return bytes;
}
