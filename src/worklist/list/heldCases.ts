import { sql, type Transaction } from 'kysely';
import type { NeedsAttention } from '../../answers/adminAnswers.ts';
import { jsonText } from '../db/dialect.ts';
import type { Schema } from '../db/schema.ts';

/** What of a held study is out, and what is not. */
export type HeldFacts = Pick<NeedsAttention['held'][number], 'delivered' | 'aside'>;

/** For each of the studies: which destinations have a report of it, and whose objects were set aside. */
export async function heldFacts(db: Transaction<Schema>, studies: readonly string[]): Promise<Map<string, HeldFacts>> {
  const facts = new Map<string, HeldFacts>(studies.map((study) => [study, { delivered: [], aside: [] }]));
  if (studies.length === 0) return facts;
  const delivered = await db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select(['result_objects.study_instance_uid as study', 'deliveries.destination'])
    .select(({ fn }) => fn.max('deliveries.confirmed_at').as('atMs'))
    .where('result_objects.study_instance_uid', 'in', studies)
    .where('result_objects.kind', '=', 'sr')
    .where('deliveries.status', '=', 'confirmed')
    .groupBy(['study', 'deliveries.destination'])
    .orderBy('deliveries.destination')
    .execute();
  for (const { study, destination, atMs } of delivered)
    facts.get(study)!.delivered.push({ destination, atMs: atMs ?? 0 });
  const aside = await db
    .selectFrom('instances')
    .select([
      'study_instance_uid as study',
      jsonText(db, 'header', 'patientId').as('patientId'),
      jsonText(db, 'header', 'patientName').as('patientName'),
      sql<number>`count(*)`.as('objects'),
    ])
    .where('study_instance_uid', 'in', studies)
    .where('kind', '!=', 'own')
    .where('set_aside', '=', 1)
    .groupBy(['study', 'patientId', 'patientName'])
    .orderBy('patientId')
    .execute();
  for (const { study, ...one } of aside) facts.get(study)!.aside.push(one);
  return facts;
}
