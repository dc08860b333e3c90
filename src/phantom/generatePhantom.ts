import type { Vertebra } from '../case/vertebrae.ts';
import type { FractureType, Grade } from './fractures.ts';
import type { PhantomParams } from './phantomParams.ts';
import { flipsFor, levelsOfSlice, renderSlice, sliceZ } from './renderSlice.ts';
import { composeScene, type Scene } from './scene.ts';

/** A synthetic study with its truth. */
export interface Phantom {
  readonly params: PhantomParams;
  readonly rows: number;
  readonly columns: number;
  readonly slices: number;
  readonly pixelSpacingMm: number;
  readonly sliceSpacingMm: number;
  readonly sliceThicknessMm: number;
  /** HU, shape [slice][row][column]; slice 0 is the most superior. */
  readonly hu: Int16Array;
  /** Same shape; 0, or the 1-based index into `fractures`. */
  readonly mask: Uint8Array;
  /** DICOM patient coordinates (mm) of the centre of a slice's first pixel. */
  imagePositionPatientMm(sliceIndex: number): [number, number, number];
  readonly imageOrientationPatient: readonly [number, number, number, number, number, number];
  /** True for slices with any broken voxel. */
  readonly sliceLabels: readonly boolean[];
  /** True when any slice is. */
  readonly caseLabel: boolean;
  readonly fractures: readonly {
    name: string;
    type: FractureType;
    level: Vertebra;
    grade: Grade;
    centreMm: readonly [number, number, number];
  }[];
  /** The vertebrae that each slice crosses. */
  readonly levelsBySlice: readonly (readonly Vertebra[])[];
}

/** Generates the whole study described by the parameters; 1 mm slices of 512 x 512 take about 80 MB. */
export function generatePhantom(params: PhantomParams): Phantom {
  const scene = composeScene(params);
  const pixels = params.rows * params.columns;
  const hu = new Int16Array(pixels * params.slices);
  const mask = new Uint8Array(pixels * params.slices);
  const sliceLabels: boolean[] = [];
  for (let i = 0; i < params.slices; i++) {
    const sliceMask = mask.subarray(i * pixels, (i + 1) * pixels);
    renderSlice(scene, i, hu.subarray(i * pixels, (i + 1) * pixels), sliceMask);
    sliceLabels.push(sliceMask.some((value) => value !== 0));
  }
  const geometry = geometryOf(scene);
  return {
    params,
    rows: params.rows,
    columns: params.columns,
    slices: params.slices,
    pixelSpacingMm: params.pixelSpacingMm,
    sliceSpacingMm: params.sliceSpacingMm,
    sliceThicknessMm: params.sliceThicknessMm,
    hu,
    mask,
    ...geometry,
    sliceLabels,
    caseLabel: sliceLabels.includes(true),
    fractures: scene.fractures.map(({ name, type, level, grade, centreMm }) => ({
      name,
      type,
      level,
      grade,
      centreMm: geometry.toPatient(centreMm),
    })),
    levelsBySlice: Array.from({ length: params.slices }, (_, i) => levelsOfSlice(scene, i)),
  };
}

/** Where a scene's pixels lie in DICOM patient coordinates (PS3.3 C.7.6.2). */
function geometryOf(scene: Scene): Pick<Phantom, 'imagePositionPatientMm' | 'imageOrientationPatient'> & {
  toPatient(point: readonly [number, number, number]): [number, number, number];
} {
  const { rows, columns, pixelSpacingMm: px, position } = scene.params;
  const tilt = (position.tiltDegrees * Math.PI) / 180;
  const cos = Math.cos(tilt);
  const sin = Math.sin(tilt);
  const { flipRows, flipColumns } = flipsFor(position.patientPosition);
  const toPatient = ([x, y, z]: readonly [number, number, number]): [number, number, number] => [
    round(x - scene.centreX),
    round(y * cos - z * sin - scene.centreY),
    round(y * sin + z * cos + position.tableZMm),
  ];
  const across = flipColumns ? -1 : 1;
  const down = flipRows ? -1 : 1;
  return {
    toPatient,
    imageOrientationPatient: [across, 0, 0, 0, round(down * cos), round(down * sin)],
    imagePositionPatientMm: (sliceIndex) =>
      toPatient([
        scene.centreX - across * ((columns - 1) / 2) * px,
        scene.centreY - down * ((rows - 1) / 2) * px,
        sliceZ(scene, sliceIndex),
      ]),
  };
}

/** Fits a DICOM decimal string; 10 nm. */
function round(value: number): number {
  const rounded = Math.round(value * 1e5) / 1e5;
  return rounded === 0 ? 0 : rounded;
}
