import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseElements } from '../../../src/dicom/elements.ts';
import { decimalString, writePart10, type Dataset } from '../../../src/dicom/part10.ts';
import { derivedUid } from '../../../src/dicom/uids.ts';

const CLASS = {
  /** Legacy Converted Enhanced CT, placed by functional groups (PS3.3 A.70). */
  enhanced: '1.2.840.10008.5.1.4.1.1.2.2',
  /** Multi-frame Grayscale Word Secondary Capture, one position for all frames, as ITK writes a volume. */
  capture: '1.2.840.10008.5.1.4.1.1.7.3',
  /** CT Image of many frames, which the standard does not know. */
  ct: '1.2.840.10008.5.1.4.1.1.2',
} as const;
const MULTI_FRAME_BYTE_CAPTURE = '1.2.840.10008.5.1.4.1.1.7.2';
const SINGLE_FRAME_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

/** Marked pixels of each slice in the order of the files, 0 or 1; null: none. */
type Marks = readonly (Uint8Array | null)[];

export interface MergedScan {
  /** A folder of single slices, `IM0001.dcm` and on. */
  folder: string;
  /** Path in the release without its extension, as `images/0017`. */
  name: string;
  layout: keyof typeof CLASS;
  patientId: string;
  /** Each reader's marks, at a path of their own: as one object, or as a folder with one object for each slice. */
  masks?: readonly { name: string; marks: Marks; layout: 'capture' | 'slices'; ownStudy?: true }[];
}

/** A miniature of "Fracture Detection on Cervical Spine CT" with the pixels of single-frame studies: each scan one multi-frame object, masks as DICOM beside it. */
export async function writeCspineRelease(root: string, scans: readonly MergedScan[]): Promise<void> {
  for (const scan of scans) {
    const slices = await slicesOf(scan.folder);
    await put(root, `${scan.name}.dcm`, volume(scan, slices));
    for (const mask of scan.masks ?? []) await writeMask(root, scan, mask, slices);
  }
}

interface Slice {
  position: string[];
  pixels: Buffer;
  elements: ReturnType<typeof parseElements>;
}

async function slicesOf(folder: string): Promise<Slice[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.dcm')).sort();
  const slices = await Promise.all(
    names.map(async (name): Promise<Slice> => {
      const elements = parseElements(await readFile(path.join(folder, name)));
      const pixelData = elements.pixelData();
      if (pixelData?.kind !== 'native') throw new Error(`${name} is compressed`);
      return { elements, position: elements.strings(0x00200032), pixels: Buffer.from(pixelData.bytes) };
    }),
  );
  // From the feet up: along the normal of the slices, as merged volumes run.
  return slices.sort((a, b) => Number(a.position[2]) - Number(b.position[2]));
}

function volume(scan: MergedScan, slices: readonly Slice[]): Dataset {
  const { elements } = slices[0]!;
  const spacing = Math.abs(Number(slices[1]!.position[2]) - Number(slices[0]!.position[2]));
  const rescale = { RescaleIntercept: elements.string(0x00281052)!, RescaleSlope: elements.string(0x00281053)! };
  const orientation = { ImageOrientationPatient: elements.strings(0x00200037) };
  const measures = { PixelSpacing: elements.strings(0x00280030), SliceThickness: elements.string(0x00180050)! };
  return {
    ...identity(scan, 'image'),
    ...matrix(elements, slices.length),
    SOPClassUID: CLASS[scan.layout],
    // What a converter leaves that knows no better.
    Modality: scan.layout === 'capture' ? 'OT' : 'CT',
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    ...(scan.layout === 'enhanced'
      ? {
          SharedFunctionalGroupsSequence: [
            {
              PlaneOrientationSequence: [orientation],
              PixelMeasuresSequence: [measures],
              PixelValueTransformationSequence: [{ ...rescale, RescaleType: 'HU' }],
            },
          ],
          PerFrameFunctionalGroupsSequence: slices.map(({ position }) => ({
            PlanePositionSequence: [{ ImagePositionPatient: position }],
          })),
        }
      : {
          ...orientation,
          ...measures,
          ...rescale,
          ImagePositionPatient: slices[0]!.position,
          SpacingBetweenSlices: decimalString(spacing),
        }),
    PixelData: bufferOf(Buffer.concat(slices.map(({ pixels }) => pixels))),
  };
}

async function writeMask(
  root: string,
  scan: MergedScan,
  mask: NonNullable<MergedScan['masks']>[number],
  slices: readonly Slice[],
): Promise<void> {
  const { elements } = slices[0]!;
  const pixels = elements.uint16(0x00280010)! * elements.uint16(0x00280011)!;
  const common = {
    ...identity(mask.ownStudy ? { ...scan, name: mask.name } : scan, mask.name),
    Modality: 'OT',
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
  };
  const bytes = mask.marks.map((marks) => Buffer.from((marks ?? new Uint8Array(pixels)).map((value) => value * 255)));
  if (mask.layout === 'capture') {
    const all = Buffer.concat(bytes);
    await put(root, `${mask.name}.dcm`, {
      ...common,
      ...matrix(elements, slices.length),
      SOPClassUID: MULTI_FRAME_BYTE_CAPTURE,
      PixelData: bufferOf(all),
    });
    return;
  }
  for (const [index, frame] of bytes.entries())
    await put(root, `${mask.name}/${index + 1}.dcm`, {
      ...common,
      ...matrix(elements, 1),
      SOPClassUID: SINGLE_FRAME_CAPTURE,
      SOPInstanceUID: derivedUid('cspine', mask.name, String(index)),
      ImagePositionPatient: slices[index]!.position,
      PixelData: bufferOf(frame),
    });
}

function identity({ name, patientId }: MergedScan, object: string): Dataset {
  return {
    SOPInstanceUID: derivedUid('cspine', name, object, 'object'),
    StudyInstanceUID: derivedUid('cspine', name, 'study'),
    SeriesInstanceUID: derivedUid('cspine', name, object, 'series'),
    PatientID: patientId,
    PatientName: 'Anonymous',
  };
}

function matrix(elements: Slice['elements'], frames: number): Dataset {
  return {
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: elements.uint16(0x00280010)!,
    Columns: elements.uint16(0x00280011)!,
    PixelRepresentation: 0,
    ...(frames > 1 ? { NumberOfFrames: String(frames) } : {}),
  };
}

function bufferOf(bytes: Buffer): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

async function put(root: string, name: string, dataset: Dataset): Promise<void> {
  const file = path.join(root, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, writePart10(dataset));
}
