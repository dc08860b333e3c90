import type { Kysely, Transaction } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { ResultObject } from '../../case/delivery.ts';
import type { CaseRow, ClosedCause, Schema } from '../db/schema.ts';
import { write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/** Puts the objects of a report into the outbox, one delivery for each destination. Objects that a destination already has are not sent again. */
export async function enqueue(
  trx: Transaction<Schema>,
  context: StoreContext,
  row: CaseRow,
  objects: readonly ResultObject[],
): Promise<void> {
  const now = context.clock.now();
  const addressees = await addresseesOf(trx, context, row);
  for (const object of objects) {
    await putObject(trx, object, { revision: row.revision, formOf: null, now });
    await reviveForms(trx, object.sopInstanceUid, row.revision, now);
    for (const { destination, objection } of addressees)
      await putDelivery(trx, object.sopInstanceUid, destination, now, objection(object));
  }
}

/** Where the results of a case go, and for each object why it does not go there; null where it does. */
async function addresseesOf(
  trx: Transaction<Schema>,
  { options }: StoreContext,
  row: CaseRow,
): Promise<{ destination: string; objection: (object: ResultObject) => ClosedCause | null }[]> {
  const analysis = await trx
    .selectFrom('analyses')
    .select('decision')
    .where('study_instance_uid', '=', row.study_instance_uid)
    .where('revision', '=', row.revision)
    .executeTakeFirst();
  const earlier = await trx
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select('deliveries.destination')
    .distinct()
    .where('result_objects.study_instance_uid', '=', row.study_instance_uid)
    .where('deliveries.sent_at', 'is not', null)
    .execute();
  return destinationsOf(options, row).map((destination) => {
    const wishes = options.wishes.get(destination);
    // A proof goes wherever it is sent to; a result that a destination has is replaced there whatever the new one says.
    const isDecisionWanted =
      wishes?.onlySuspected !== true ||
      row.proof === 1 ||
      analysis?.decision === 'suspected' ||
      earlier.some((one) => one.destination === destination);
    return {
      destination,
      objection: (object) => {
        if (wishes === undefined) return null;
        if (!isDecisionWanted) return 'decision-not-wanted';
        return wishes[wishFor(object)] === true ? null : 'object-not-wanted';
      },
    };
  });
}

/** By which wish of a destination it gets an object. */
function wishFor({ kind, isHeatmap }: ResultObject) {
  if (kind === 'sr') return 'report';
  if (kind === 'ks') return 'keySlices';
  return isHeatmap === true ? 'heatmaps' : 'card';
}

async function putObject(
  trx: Transaction<Schema>,
  object: ResultObject,
  { revision, formOf, now }: { revision: number; formOf: string | null; now: number },
): Promise<void> {
  await trx
    .insertInto('result_objects')
    .values({
      sop_instance_uid: object.sopInstanceUid,
      study_instance_uid: object.studyInstanceUid,
      revision,
      kind: object.kind,
      sop_class_uid: object.sopClassUid,
      series_instance_uid: object.seriesInstanceUid,
      transfer_syntax_uid: object.transferSyntaxUid,
      path: object.path,
      sha256: object.sha256,
      size_bytes: object.sizeBytes,
      created_at: now,
      form_of: formOf,
      is_heatmap: object.isHeatmap === true ? 1 : 0,
    })
    .onConflict((conflict) =>
      conflict.column('sop_instance_uid').doUpdateSet({ revision, path: object.path, file_removed_at: null }),
    )
    .execute();
}

/** Causes that a change of the configuration, or a file that is written anew, can end. */
const NOT_WANTED = ['object-not-wanted', 'decision-not-wanted', 'retired', 'given-up'] as const satisfies ClosedCause[];

/** Makes a result due at a destination, unless it has it, or has it in another form. */
async function putDelivery(
  trx: Transaction<Schema>,
  sopInstanceUid: string,
  destination: string,
  now: number,
  objection: ClosedCause | null = null,
): Promise<void> {
  const status = objection === null ? 'pending' : 'closed';
  await trx
    .insertInto('deliveries')
    .values({
      sop_instance_uid: sopInstanceUid,
      destination,
      status,
      next_attempt_at: now,
      created_at: now,
      sent_at: null,
      confirmed_at: null,
      next_check_at: null,
      last_status: objection,
      last_error: null,
      remark: null,
      receipt: null,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['sop_instance_uid', 'destination'])
        .doUpdateSet({ status, next_attempt_at: now, attempts: 0, ...(objection && { last_status: objection }) })
        .where((delivery) =>
          delivery.or([
            delivery('deliveries.status', 'in', ['cancelled', 'refused']),
            delivery.and([
              delivery('deliveries.status', '=', 'closed'),
              delivery('deliveries.last_status', 'in', NOT_WANTED),
            ]),
          ]),
        ),
    )
    .execute();
}

/** The same report as before: where it goes in a lower SR class, it does so still. */
async function reviveForms(trx: Transaction<Schema>, report: string, revision: number, now: number): Promise<void> {
  await trx.updateTable('result_objects').set({ revision }).where('form_of', '=', report).execute();
  await trx
    .updateTable('deliveries')
    .set({ status: 'pending', next_attempt_at: now, attempts: 0 })
    .where('status', 'in', ['cancelled', 'refused'])
    .where('sop_instance_uid', 'in', (forms) =>
      forms.selectFrom('result_objects').select('sop_instance_uid').where('form_of', '=', report),
    )
    .execute();
}

function destinationsOf(options: StoreContext['options'], row: CaseRow): readonly string[] {
  if (row.proof === 1) return options.proofDestinations;
  if (row.selected_destinations === null) return options.destinations;
  const selected = new Set(JSON.parse(row.selected_destinations) as string[]);
  return options.destinations.filter((name) => selected.has(name));
}

/** Cancels deliveries of earlier revisions that were not accepted yet: a newer revision has begun. */
export async function cancelUnsent(trx: Transaction<Schema>, studyInstanceUid: string): Promise<void> {
  await trx
    .updateTable('deliveries')
    .set({ status: 'cancelled' })
    .where('status', 'in', ['pending', 'refused'])
    .where('sop_instance_uid', 'in', (objects) =>
      objects
        .selectFrom('result_objects')
        .select('sop_instance_uid')
        .where('study_instance_uid', '=', studyInstanceUid),
    )
    .execute();
}

/** Puts the report in another SR class into the outbox, for the one destination that asked for it. */
export async function addForm(
  trx: Transaction<Schema>,
  { sop_instance_uid, destination, revision }: { sop_instance_uid: string; destination: string; revision: number },
  object: ResultObject,
  now: number,
): Promise<void> {
  const { form_of } = await trx
    .selectFrom('result_objects')
    .select('form_of')
    .where('sop_instance_uid', '=', sop_instance_uid)
    .executeTakeFirstOrThrow();
  await putObject(trx, object, { revision, formOf: form_of ?? sop_instance_uid, now });
  await putDelivery(trx, object.sopInstanceUid, destination, now);
}

/** Puts a rejection note into the outbox, for the destination of the delivery that replaces what it rejects. @throws TriageError `not-found` */
export async function addNote(context: StoreContext, id: number, note: ResultObject): Promise<void> {
  await write(context, async (trx, touched) => {
    const { destination, revision } = await deliveryAndObject(trx, id);
    const now = context.clock.now();
    await putObject(trx, note, { revision, formOf: null, now });
    await putDelivery(trx, note.sopInstanceUid, destination, now);
    touched.add(note.studyInstanceUid);
  });
}

export async function deliveryAndObject(db: Kysely<Schema>, id: number) {
  const delivery = await db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select(['deliveries.destination', 'result_objects.study_instance_uid', 'result_objects.revision'])
    .where('deliveries.id', '=', id)
    .executeTakeFirst();
  if (delivery === undefined) throw new TriageError('not-found', `There is no delivery ${id}.`);
  return delivery;
}
