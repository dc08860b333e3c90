/** Patient coordinates (LPS), mm or unit length: +x to the patient's left, +y to the back, +z to the head (PS3.3 C.7.6.2.1.1). */
export type Vector3 = readonly [number, number, number];

/** Direction cosines of a row, then of a column: ImageOrientationPatient. */
export type Orientation = readonly [number, number, number, number, number, number];

/** How a stored matrix is turned into the trained orientation; steps apply in this order. */
export interface OrientationChange {
  transpose: boolean;
  flipRows: boolean;
  flipColumns: boolean;
}

/** How far direction cosines may deviate from unit length and from a right angle; scanners write them with few digits. */
const COSINE_TOLERANCE = 0.01;

/** Unit normal of the slice plane, turned towards the head; null when the direction cosines are not perpendicular unit vectors. */
export function superiorNormal(orientation: Orientation): Vector3 | null {
  const row = rowDirection(orientation);
  const column = columnDirection(orientation);
  const sound = (vector: Vector3): boolean => Math.abs(Math.hypot(...vector) - 1) <= COSINE_TOLERANCE;
  if (!sound(row) || !sound(column) || Math.abs(dot(row, column)) > COSINE_TOLERANCE) return null;
  const normal = sliceNormal(orientation);
  const scale = (normal[2] < 0 ? -1 : 1) / Math.hypot(...normal);
  return [normal[0] * scale, normal[1] * scale, normal[2] * scale];
}

/** Normal of the slice plane as a right-handed system of row, column and normal has it. */
export function sliceNormal(orientation: Orientation): Vector3 {
  const row = rowDirection(orientation);
  const column = columnDirection(orientation);
  return [
    row[1] * column[2] - row[2] * column[1],
    row[2] * column[0] - row[0] * column[2],
    row[0] * column[1] - row[1] * column[0],
  ];
}

/** Distance of a slice from the origin along the normal, mm; slices are ordered by it (PS3.3 C.7.6.2.1.1). */
export function positionAlongMm(imagePositionPatientMm: Vector3, normal: Vector3): number {
  return dot(imagePositionPatientMm, normal);
}

/** Angle between the slice normal and the cranio-caudal axis, degrees 0..90: the tilt of an axial slice. Null as for `superiorNormal`. */
export function axialTiltDegrees(orientation: Orientation): number | null {
  const normal = superiorNormal(orientation);
  return normal === null ? null : degrees(Math.acos(Math.min(1, normal[2])));
}

/**
 * Angle between the slice normal and the line from one slice's first pixel to another's, degrees 0..90: above 0 the stack is sheared, as by a tilted
 * gantry (0018,1120), whose slices lie one above the other along the table and not along their normal.
 */
export function shearDegrees(normal: Vector3, from: Vector3, to: Vector3): number {
  const step: Vector3 = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
  const along = Math.abs(dot(step, normal));
  return degrees(Math.atan2(Math.sqrt(Math.max(0, dot(step, step) - along * along)), along));
}

/** Largest angle between the row or column directions of two images, degrees. */
export function orientationDifferenceDegrees(one: Orientation, other: Orientation): number {
  const between = (a: Vector3, b: Vector3): number => degrees(Math.acos(Math.min(1, Math.max(-1, dot(a, b)))));
  return Math.max(
    between(rowDirection(one), rowDirection(other)),
    between(columnDirection(one), columnDirection(other)),
  );
}

/**
 * How to turn an axial image into one with rows from front to back and columns from the patient's right to left, the orientation that the network
 * was trained on (ImageOrientationPatient 1\0\0\0\1\0). Null when a row or column deviates from its axis by more than `toleranceDegrees`, so that
 * no transpose and flips can achieve it.
 */
export function toTrainedOrientation(orientation: Orientation, toleranceDegrees: number): OrientationChange | null {
  if (superiorNormal(orientation) === null) return null;
  const row = rowDirection(orientation);
  const column = columnDirection(orientation);
  const transpose = Math.abs(row[1]) > Math.abs(row[0]);
  const rightToLeft = transpose ? column[0] : row[0];
  const frontToBack = transpose ? row[1] : column[1];
  const least = Math.cos((toleranceDegrees * Math.PI) / 180);
  if (Math.abs(rightToLeft) < least || Math.abs(frontToBack) < least) return null;
  return { transpose, flipRows: frontToBack < 0, flipColumns: rightToLeft < 0 };
}

/** A stored matrix, `[row][column]`, turned into the trained orientation; returns the same array when nothing changes. */
export function orientMatrix<T extends Float32Array | Uint8Array>(
  stored: T,
  rows: number,
  columns: number,
  { transpose, flipRows, flipColumns }: OrientationChange,
): { values: T; rows: number; columns: number } {
  if (!transpose && !flipRows && !flipColumns) return { values: stored, rows, columns };
  const size = transpose ? { rows: columns, columns: rows } : { rows, columns };
  const values = stored.slice() as T;
  for (let row = 0; row < size.rows; row++) {
    const fromRow = flipRows ? size.rows - 1 - row : row;
    for (let column = 0; column < size.columns; column++) {
      const fromColumn = flipColumns ? size.columns - 1 - column : column;
      values[row * size.columns + column] =
        stored[transpose ? fromColumn * columns + fromRow : fromRow * columns + fromColumn]!;
    }
  }
  return { values, ...size };
}

/** Where a point of a stored matrix, [row, column], lies in the trained orientation. */
export function orientPoint(
  [storedRow, storedColumn]: readonly [number, number],
  rows: number,
  columns: number,
  { transpose, flipRows, flipColumns }: OrientationChange,
): [number, number] {
  const [row, column] = transpose ? [storedColumn, storedRow] : [storedRow, storedColumn];
  const size = transpose ? { rows: columns, columns: rows } : { rows, columns };
  return [flipRows ? size.rows - 1 - row : row, flipColumns ? size.columns - 1 - column : column];
}

function rowDirection(orientation: Orientation): Vector3 {
  return [orientation[0], orientation[1], orientation[2]];
}

function columnDirection(orientation: Orientation): Vector3 {
  return [orientation[3], orientation[4], orientation[5]];
}

function dot(a: Vector3, b: Vector3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function degrees(radians: number): number {
  return (radians * 180) / Math.PI;
}
