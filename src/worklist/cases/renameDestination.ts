import type { Transaction } from 'kysely';
import type { Schema } from '../db/schema.ts';
import { write, type StoreContext } from './storeContext.ts';
import { deliveringTo } from './workLeases.ts';

/** Gives what is on record under a destination's former name to its present one: deliveries, choices of selection rules, and its watch. Returns how many deliveries. */
export async function renameDestination(context: StoreContext, former: string, name: string): Promise<number> {
  return write(context, async (trx, touched) => {
    const studies = await trx
      .selectFrom('deliveries')
      .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
      .select('result_objects.study_instance_uid')
      .distinct()
      .where('deliveries.destination', '=', former)
      .execute();
    const { numUpdatedRows } = await trx
      .updateTable('deliveries')
      .set({ destination: name })
      .where('destination', '=', former)
      // The agent has run under both names: what it owes the present one is on record already.
      .where('sop_instance_uid', 'not in', (other) =>
        other.selectFrom('deliveries').select('sop_instance_uid').where('destination', '=', name),
      )
      .executeTakeFirstOrThrow();
    await trx.deleteFrom('deliveries').where('destination', '=', former).execute();
    await renameLease(trx, deliveringTo(former), deliveringTo(name));
    await trx.updateTable('asked_commitments').set({ destination: name }).where('destination', '=', former).execute();
    await renameSelected(trx, former, name);
    await renameWatched(trx, former, name);
    for (const study of studies) touched.add(study.study_instance_uid);
    return Number(numUpdatedRows);
  });
}

/** Whoever sends there under the former name keeps the others from doing so, until it learns of the present one. */
async function renameLease(trx: Transaction<Schema>, former: string, name: string): Promise<void> {
  await trx
    .updateTable('work_leases')
    .set({ work: name })
    .where('work', '=', former)
    .where((lease) =>
      lease.not(
        lease.exists(trx.selectFrom('work_leases as present').select('present.work').where('present.work', '=', name)),
      ),
    )
    .execute();
  await trx.deleteFrom('work_leases').where('work', '=', former).execute();
}

async function renameSelected(trx: Transaction<Schema>, former: string, name: string): Promise<void> {
  const rows = await trx
    .selectFrom('cases')
    .select(['study_instance_uid', 'selected_destinations'])
    .where('selected_destinations', 'like', `%"${former}"%`)
    .execute();
  for (const row of rows) {
    const selected = (JSON.parse(row.selected_destinations!) as string[]).map((one) => (one === former ? name : one));
    await trx
      .updateTable('cases')
      .set({ selected_destinations: JSON.stringify([...new Set(selected)]) })
      .where('study_instance_uid', '=', row.study_instance_uid)
      .execute();
  }
}

/** An archive that is already watched, or was asked for priors, under its present name keeps what is known there. */
async function renameWatched(trx: Transaction<Schema>, former: string, name: string): Promise<void> {
  await trx
    .updateTable('prior_searches')
    .set({ archive: name })
    .where('archive', '=', former)
    .where('study_instance_uid', 'not in', (other) =>
      other.selectFrom('prior_searches').select('study_instance_uid').where('archive', '=', name),
    )
    .execute();
  await trx.deleteFrom('prior_searches').where('archive', '=', former).execute();
  const isKnown = (archive: string) =>
    trx.selectFrom('watched_archives').select('name').where('name', '=', archive).executeTakeFirst();
  if ((await isKnown(name)) !== undefined) {
    await trx.deleteFrom('watched_archives').where('name', '=', former).execute();
    await trx.deleteFrom('watched_studies').where('archive', '=', former).execute();
    return;
  }
  await trx.updateTable('watched_archives').set({ name }).where('name', '=', former).execute();
  await trx.updateTable('watched_studies').set({ archive: name }).where('archive', '=', former).execute();
}
