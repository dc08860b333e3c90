import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  axialTiltDegrees,
  orientMatrix,
  orientPoint,
  orientationDifferenceDegrees,
  positionAlongMm,
  superiorNormal,
  toTrainedOrientation,
} from '../../../src/dicom/geometry.ts';
import type { Orientation, Vector3 } from '../../../src/dicom/geometry.ts';

const SUPINE: Orientation = [1, 0, 0, 0, 1, 0];
const radians = (degrees: number): number => (degrees * Math.PI) / 180;
const tilted = (degrees: number): Orientation => [1, 0, 0, 0, Math.cos(radians(degrees)), Math.sin(radians(degrees))];

describe('superiorNormal', () => {
  it('points to the head, however rows and columns run', () => {
    for (const orientation of [SUPINE, [-1, 0, 0, 0, 1, 0], [1, 0, 0, 0, -1, 0], [0, 1, 0, 1, 0, 0]] as const) {
      const normal = superiorNormal(orientation)!;
      expect(normal[2]).toBeCloseTo(1, 12);
      expect(positionAlongMm([7, 8, 9], normal)).toBeCloseTo(9, 12);
    }
  });

  it('is null for direction cosines that are none', () => {
    expect(superiorNormal([0, 0, 0, 0, 0, 0])).toBeNull();
    expect(superiorNormal([1, 0, 0, 1, 0, 0])).toBeNull();
    expect(superiorNormal([2, 0, 0, 0, 1, 0])).toBeNull();
    expect(superiorNormal([1, 0, 0, 0.1, 0.99, 0])).toBeNull();
  });
});

describe('axialTiltDegrees', () => {
  it('is the tilt of the gantry, 90 for other planes', () => {
    expect(axialTiltDegrees(SUPINE)).toBe(0);
    expect(axialTiltDegrees(tilted(-17))).toBeCloseTo(17, 9);
    expect(axialTiltDegrees([0, 1, 0, 0, 0, -1])).toBeCloseTo(90, 9);
    expect(axialTiltDegrees([1, 0, 0, 0, 0, -1])).toBeCloseTo(90, 9);
  });
});

describe('orientationDifferenceDegrees', () => {
  it('is the larger angle of the two directions', () => {
    expect(orientationDifferenceDegrees(SUPINE, tilted(12))).toBeCloseTo(12, 6);
    expect(orientationDifferenceDegrees(SUPINE, [-1, 0, 0, 0, 1, 0])).toBeCloseTo(180, 6);
  });
});

describe('toTrainedOrientation', () => {
  /** Row and column directions after the change, as ImageOrientationPatient. */
  function applied(
    orientation: Orientation,
    change: { transpose: boolean; flipRows: boolean; flipColumns: boolean },
  ): number[] {
    let row: Vector3 = [orientation[0], orientation[1], orientation[2]];
    let column: Vector3 = [orientation[3], orientation[4], orientation[5]];
    if (change.transpose) [row, column] = [column, row];
    const negated = (vector: Vector3): Vector3 => [-vector[0], -vector[1], -vector[2]];
    // Flipping the rows turns the direction that row numbers grow in, which is that of a column.
    if (change.flipRows) column = negated(column);
    if (change.flipColumns) row = negated(row);
    return [...row, ...column];
  }

  it('brings all eight axial orientations, turned and tilted, to rows front to back and columns right to left', () => {
    const sign = fc.constantFrom(-1, 1);
    fc.assert(
      fc.property(
        sign,
        sign,
        fc.boolean(),
        fc.double({ min: -25, max: 25, noNaN: true }),
        fc.double({ min: -25, max: 25, noNaN: true }),
        (rowSign, columnSign, swap, turn, tilt) => {
          const x: Vector3 = [Math.cos(radians(turn)), Math.sin(radians(turn)), 0];
          const y: Vector3 = [
            -Math.sin(radians(turn)) * Math.cos(radians(tilt)),
            Math.cos(radians(turn)) * Math.cos(radians(tilt)),
            Math.sin(radians(tilt)),
          ];
          const [first, second] = swap ? [y, x] : [x, y];
          const orientation = [
            ...first.map((value) => value * rowSign),
            ...second.map((value) => value * columnSign),
          ] as unknown as Orientation;
          const change = toTrainedOrientation(orientation, 40);
          const result = applied(orientation, change!);
          [...x, ...y].forEach((expected, index) => expect(result[index]).toBeCloseTo(expected, 9));
        },
      ),
    );
  });

  it('refuses an orientation between two', () => {
    const turned = Math.SQRT1_2;
    expect(toTrainedOrientation([turned, turned, 0, -turned, turned, 0], 30)).toBeNull();
    expect(toTrainedOrientation([0, 1, 0, 0, 0, -1], 30)).toBeNull();
    expect(toTrainedOrientation(tilted(35), 30)).toBeNull();
    expect(toTrainedOrientation(tilted(25), 30)).toEqual({ transpose: false, flipRows: false, flipColumns: false });
  });
});

it('a point goes where its pixel goes', () => {
  for (const transpose of [false, true])
    for (const flipRows of [false, true])
      for (const flipColumns of [false, true]) {
        const stored = new Uint8Array(3 * 5);
        stored[1 * 5 + 3] = 1;
        const change = { transpose, flipRows, flipColumns };
        const { values, columns } = orientMatrix(stored, 3, 5, change);
        const [row, column] = orientPoint([1, 3], 3, 5, change);
        expect(values.indexOf(1)).toBe(row * columns + column);
      }
});
