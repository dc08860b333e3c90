import type { Kysely } from 'kysely';
import type { CaseVolume } from '../../answers/caseAnswer.ts';
import type { CaseManifest, ImageReference, InstanceHeader } from '../../case/case.ts';
import { headerOfImage } from '../../case/frames.ts';
import type { OrientationChange } from '../../dicom/geometry.ts';
import { toTrainedOrientation } from '../../dicom/geometry.ts';
import { jsonNumber } from '../db/dialect.ts';
import type { Schema } from '../db/schema.ts';

/** One slice of the volume: where it lies on disk, and how its stored matrix becomes the oriented one. */
export interface VolumeSlice extends ImageReference {
  /** Relative to the spool. */
  path: string;
  sha256: string;
  orientation: OrientationChange;
}

/** Looser than the eligibility rules: whatever is shown was eligible. */
const TOLERANCE_DEGREES = 45;
const AS_STORED: OrientationChange = { transpose: false, flipRows: false, flipColumns: false };

/** Null when the headers do not give the pixel spacing. The middle slice stands for all: a series that is analysed has one geometry. */
export async function caseVolume(
  db: Kysely<Schema>,
  studyInstanceUid: string,
  manifest: CaseManifest,
): Promise<{ volume: Omit<CaseVolume, 'instanceNumbers' | 'frameNumbers'>; orientation: OrientationChange } | null> {
  const middle = manifest.slices[Math.floor(manifest.slices.length / 2)];
  const row = await db
    .selectFrom('instances')
    .select('header')
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('sop_instance_uid', '=', middle?.sopInstanceUid ?? '')
    .where('sha256', '=', middle?.sha256 ?? '')
    .executeTakeFirst();
  if (row === undefined) return null;
  const { rows, columns, pixelSpacingMm, imageOrientationPatient } = headerOfImage(
    JSON.parse(row.header) as InstanceHeader,
    middle?.frameNumber,
  );
  if (rows === null || columns === null || pixelSpacingMm === null) return null;
  const orientation =
    (imageOrientationPatient && toTrainedOrientation(imageOrientationPatient, TOLERANCE_DEGREES)) ?? AS_STORED;
  const [between, along] = pixelSpacingMm;
  return {
    orientation,
    volume: {
      rows: orientation.transpose ? columns : rows,
      columns: orientation.transpose ? rows : columns,
      pixelSpacingMm: orientation.transpose ? [along, between] : [between, along],
      sliceSpacingMm: manifest.sliceSpacingMm,
      positionsMm: manifest.slices.map((slice) => slice.positionMm),
      gaps: manifest.gaps,
    },
  };
}

/** The volume with the numbers by which the PACS names its slices; null as `caseVolume`. */
export async function namedVolume(
  db: Kysely<Schema>,
  studyInstanceUid: string,
  manifest: CaseManifest,
): Promise<CaseVolume | null> {
  const found = await caseVolume(db, studyInstanceUid, manifest);
  if (found === null) return null;
  const frameNumbers = manifest.slices.map(({ frameNumber }) => frameNumber ?? null);
  return {
    ...found.volume,
    instanceNumbers: await instanceNumbersOf(db, studyInstanceUid, manifest),
    ...(frameNumbers.every((number) => number === null) ? {} : { frameNumbers }),
  };
}

/** The number by which the PACS names each slice of the manifest. */
async function instanceNumbersOf(
  db: Kysely<Schema>,
  studyInstanceUid: string,
  manifest: CaseManifest,
): Promise<(number | null)[]> {
  const rows = await db
    .selectFrom('instances')
    .select(['sha256', jsonNumber(db, 'header', 'instanceNumber').as('number')])
    .where('study_instance_uid', '=', studyInstanceUid)
    .execute();
  const bySha256 = new Map(rows.map(({ sha256, number }) => [sha256, number]));
  return manifest.slices.map(({ sha256 }) => bySha256.get(sha256) ?? null);
}
