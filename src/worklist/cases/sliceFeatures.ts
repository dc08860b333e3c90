import type { EncodedSlice, SliceCrop } from '../../case/case.ts';
import { sql, type Kysely } from 'kysely';
import type { Schema } from '../db/schema.ts';
import { write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/** Rows read in one statement: SQLite limits the number of parameters. */
const BATCH = 500;

/** Of an image's key: the digest of the object, which for a frame is followed by its number. */
export const objectSha256 = sql<string>`substr(instance_sha256, 1, 64)`;

const bytesOf = (values: Float32Array): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes;
};

const floatsOf = (bytes: Buffer): Float32Array =>
  Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));

/** One JSON column holds the small values: where the input lies, and what the pixels show. Versions before 0.2 wrote no anatomy, and no texture. */
function placeOf(column: string): Pick<EncodedSlice, 'crop' | 'anatomy' | 'texture'> {
  const { anatomy, texture, ...crop } = JSON.parse(column) as SliceCrop &
    Partial<Pick<EncodedSlice, 'anatomy' | 'texture'>>;
  return { crop, anatomy: anatomy ?? null, texture: texture ?? null };
}

/** Slices that this model has encoded already, by `imageKey`. */
export async function sliceFeatures(
  context: StoreContext,
  modelSha256: string,
  imageKeys: readonly string[],
): Promise<Map<string, EncodedSlice>> {
  const found = new Map<string, EncodedSlice>();
  for (let start = 0; start < imageKeys.length; start += BATCH) {
    const rows = await context.db
      .selectFrom('slice_features')
      .selectAll()
      .where('model_sha256', '=', modelSha256)
      .where('instance_sha256', 'in', imageKeys.slice(start, start + BATCH))
      .execute();
    for (const row of rows) {
      found.set(row.instance_sha256, {
        feature: floatsOf(row.feature),
        imageProbability: row.image_probability,
        cam: floatsOf(row.cam),
        camRows: row.cam_rows,
        camColumns: row.cam_columns,
        ...placeOf(row.crop),
      });
    }
  }
  return found;
}

/** Keeps encoded slices, so that a restart does not encode them again. Existing rows are left unchanged. */
export async function saveSliceFeatures(
  context: StoreContext,
  modelSha256: string,
  features: ReadonlyMap<string, EncodedSlice>,
): Promise<void> {
  await write(context, async (trx) => {
    for (const [imageKey, slice] of features) {
      await trx
        .insertInto('slice_features')
        .values({
          model_sha256: modelSha256,
          instance_sha256: imageKey,
          image_probability: slice.imageProbability,
          feature: bytesOf(slice.feature),
          cam: bytesOf(slice.cam),
          cam_rows: slice.camRows,
          cam_columns: slice.camColumns,
          crop: JSON.stringify({ ...slice.crop, anatomy: slice.anatomy, texture: slice.texture }),
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
  });
}

/** Deletes the features of a study's slices, for every model: its result is final, and they only take up disk (9.5 kB a slice). */
export async function dropSliceFeatures(trx: Kysely<Schema>, studyInstanceUid: string): Promise<void> {
  await trx
    .deleteFrom('slice_features')
    .where(objectSha256, 'in', (instances) =>
      instances.selectFrom('instances').select('sha256').where('study_instance_uid', '=', studyInstanceUid),
    )
    .execute();
}
