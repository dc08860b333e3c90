import type { DeliveryStore } from '../../../src/deliver/deliverResults.ts';
import type { DeliveryOutcome, DueDelivery, ResultObject } from '../../../src/case/delivery.ts';

export interface OutboxRow {
  delivery: DueDelivery;
  dueAtMs: number;
  status: 'pending' | 'sent' | 'confirmed' | 'refused' | 'closed';
  history: DeliveryOutcome[];
}

/** The outbox in memory, with the same states as the real one, for tests of the loop alone. Failed attempts are due again after `retryMs`. */
export function memoryOutbox(retryMs: number) {
  const rows: OutboxRow[] = [];
  /** Transactions of commitments that were asked for, and those that were settled. */
  const [asked, settled]: [string[], string[]] = [[], []];
  /** What destinations have reported on associations of their own: outcomes by kind of object. */
  const reports: { transactionUid: string; committed: OutboxRow[]; failed: [OutboxRow, number | null][] }[] = [];
  const listeners = new Set<(studyInstanceUid: string) => void>();
  const add = (delivery: DueDelivery): void => {
    rows.push({ delivery: { ...delivery, id: rows.length + 1 }, dueAtMs: 0, status: 'pending', history: [] });
  };
  const store: DeliveryStore = {
    dueDeliveries: (destination, limit) =>
      Promise.resolve(
        rows
          .filter(
            (row) =>
              row.delivery.destination === destination &&
              (row.status === 'pending' || row.status === 'sent') &&
              row.dueAtMs <= Date.now(),
          )
          .slice(0, limit)
          .map((row) => ({
            ...row.delivery,
            attempts: row.history.length,
            lastError: reasonOf(row.history.at(-1)),
            state: row.status === 'sent' ? 'sent' : 'pending',
          })),
      ),
    recordDelivery: (id, outcome) => {
      const row = rows.find((candidate) => candidate.delivery.id === id);
      if (row === undefined) return Promise.reject(new Error(`There is no delivery ${id}.`));
      row.history.push(outcome);
      if (outcome.kind === 'retry' || outcome.kind === 'lost') row.status = 'pending';
      else if (outcome.kind === 'other-class') {
        row.status = 'closed';
        add({ ...row.delivery, object: outcome.object });
      } else if (outcome.kind === 'no-sr-class') row.status = 'closed';
      else if (outcome.kind !== 'unconfirmed') row.status = outcome.kind;
      if (outcome.kind === 'retry' || outcome.kind === 'unconfirmed') row.dueAtMs = Date.now() + retryMs;
      for (const listener of listeners) listener(row.delivery.object.studyInstanceUid);
      return Promise.resolve('recorded');
    },
    noteCommitmentAsked: ({ transactionUid }) => {
      asked.push(transactionUid);
      return Promise.resolve();
    },
    reportedCommitments: () =>
      Promise.resolve(
        reports.map(({ transactionUid, committed, failed }) => ({
          transactionUid,
          committed: committed.map(deliveryIn),
          failed: failed.map(([row, reason]) => ({ delivery: deliveryIn(row), reason })),
        })),
      ),
    settleCommitment: (transactionUid) => {
      settled.push(transactionUid);
      reports.splice(0, reports.length, ...reports.filter((report) => report.transactionUid !== transactionUid));
      return Promise.resolve();
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const enqueue = (
    destination: string,
    objects: readonly ResultObject[],
    identity: { patientId: string; accessionNumber: string },
  ): void => {
    for (const object of objects) {
      add({ id: 0, destination, object, caseRevision: 1, attempts: 0, lastError: null, ...identity, state: 'pending' });
    }
    for (const listener of listeners) listener(objects[0]?.studyInstanceUid ?? '');
  };
  return { rows, asked, settled, reports, store, enqueue, statuses: (): string[] => rows.map((row) => row.status) };
}

/** With the state that the row has now. */
function deliveryIn({ delivery, status }: OutboxRow): DueDelivery {
  return { ...delivery, state: status === 'sent' || status === 'confirmed' ? status : 'pending' };
}

function reasonOf(outcome: DeliveryOutcome | undefined): string | null {
  return outcome !== undefined && 'reason' in outcome ? outcome.reason : null;
}
