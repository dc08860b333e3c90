import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePart10 } from '../../src/dicom/part10.ts';
import { derivedUid } from '../../src/dicom/uids.ts';
import { runTool } from './dcmtk.ts';

const PROJECT = '/usr/share/doc/invesalius-examples/examples/Cranium.inv3';
/** As the project's main.plist says. */
const SHAPE = { slices: 108, rows: 256, columns: 256 };
const SPACING_MM = { between: 1.5, inPlane: 0.9570312 };

/** Turns the real head CT of Debian's invesalius-examples into a DICOM series in `dir`; its tags claim to be a cervical spine, as careless protocols do. */
export async function writeHeadCt(dir: string): Promise<string[]> {
  const unpacked = join(dir, 'unpacked');
  const series = join(dir, 'series');
  await mkdir(unpacked, { recursive: true });
  await mkdir(series, { recursive: true });
  const { exitCode, stderr } = await runTool('tar', ['xzf', PROJECT, '-C', unpacked]);
  if (exitCode !== 0) throw new Error(stderr);
  const inner = (await readdir(unpacked))[0]!;
  const raw = await readFile(join(unpacked, inner, 'matrix.dat'));
  const pixels = SHAPE.rows * SHAPE.columns;
  if (raw.length !== SHAPE.slices * pixels * 2) throw new Error(`matrix.dat has ${raw.length} bytes`);
  const paths: string[] = [];
  for (let index = 0; index < SHAPE.slices; index++) {
    const path = join(series, `${String(index).padStart(3, '0')}.dcm`);
    const bytes = writePart10({
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
      SOPInstanceUID: derivedUid('head-ct', 'instance', String(index)),
      StudyInstanceUID: derivedUid('head-ct', 'study'),
      SeriesInstanceUID: derivedUid('head-ct', 'series'),
      FrameOfReferenceUID: derivedUid('head-ct', 'frame'),
      PatientName: 'Head^Real',
      PatientID: 'HEAD',
      PatientBirthDate: null,
      PatientSex: null,
      StudyDate: '20120914',
      StudyTime: '151208',
      AccessionNumber: null,
      ReferringPhysicianName: null,
      StudyID: null,
      Manufacturer: null,
      Modality: 'CT',
      BodyPartExamined: 'CSPINE',
      SeriesDescription: 'axial',
      SeriesNumber: '1',
      InstanceNumber: String(index + 1),
      ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
      PatientPosition: 'HFS',
      PositionReferenceIndicator: null,
      AcquisitionNumber: '1',
      KVP: '120',
      ImagePositionPatient: [0, 0, index * SPACING_MM.between],
      ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
      PixelSpacing: [SPACING_MM.inPlane, SPACING_MM.inPlane],
      SliceThickness: SPACING_MM.between,
      Rows: SHAPE.rows,
      Columns: SHAPE.columns,
      SamplesPerPixel: 1,
      PhotometricInterpretation: 'MONOCHROME2',
      BitsAllocated: 16,
      BitsStored: 16,
      HighBit: 15,
      PixelRepresentation: 1,
      RescaleIntercept: '0',
      RescaleSlope: '1',
      RescaleType: 'HU',
      PixelData: new Uint8Array(raw.subarray(index * pixels * 2, (index + 1) * pixels * 2)).buffer,
    });
    await writeFile(path, bytes);
    paths.push(path);
  }
  return paths;
}
