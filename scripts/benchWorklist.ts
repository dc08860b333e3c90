// Answers of the worklist at three sizes: 95th percentiles of what the page asks for, read as the agent reads, on threads.
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { caseRef } from '../src/case/caseRef.ts';
import { systemClock as clock } from '../src/base/clock.ts';
import { migrate, openDatabase } from '../src/worklist/db/database.ts';
import { createWorklistQuery } from '../src/worklist/list/worklistQuery.ts';

export const WORKLIST_SIZES = [10_000, 100_000, 1_000_000] as const;

/** Two documents of this size a case. A real one holds some 110 kB (300 slices); only the smallest size has that, because the largest would take 100 GB. */
const JSON_BYTES: Readonly<Record<number, number>> = { 10_000: 55_000, 100_000: 9_000, 1_000_000: 4_500 };
const UNREAD = 1_000;
const ROUNDS = 40;
const DAY_MS = 86_400_000;

/** Milliseconds by what is asked for: 95th percentile, and the median of the CPU time, which other work on the machine changes least. */
export type WorklistTimes = Record<string, number>;

export async function benchWorklist(size: number, folder: string): Promise<WorklistTimes> {
  const path = join(folder, `worklist-${size}.sqlite`);
  await migrate(path);
  seed(path, size);
  return timesOf(path);
}

/** Every ask is made `ROUNDS` times; between them a case changes, so that the list is ordered anew each time. */
async function timesOf(path: string): Promise<WorklistTimes> {
  const database = await openDatabase(path, { readIn: 'threads' });
  const query = createWorklistQuery(database, clock, { maxWaitMs: 3_600_000 });
  const list = { read: false, show: 'all', search: '', location: '', list: null, offset: 0, limit: 60 } as const;
  const asks: Record<string, () => Promise<unknown>> = {
    'first page': () => query.page(list),
    'deep page': () => query.page({ ...list, offset: UNREAD - 100 }),
    'only flagged': () => query.page({ ...list, show: 'flagged' }),
    'search of the unread': () => query.page({ ...list, search: 'doe 17' }),
    'search of all': () => query.page({ ...list, read: true, search: 'P-4711' }),
    'read too': () => query.page({ ...list, read: true, offset: UNREAD + 500 }),
    flags: () => query.flags(500),
    totals: () => query.totals(),
    healthz: () => query.isAnswering(),
  };
  const times: WorklistTimes = {};
  const change = database.sqlite.prepare(
    "insert into case_events (study_instance_uid, revision, at, type, to_state, actor, detail) values ('1.2.3', 1, 0, 'x', 'delivered', 'bench', '{}')",
  );
  try {
    for (const [what, ask] of Object.entries(asks)) {
      await ask();
      const measured: number[] = [];
      const cpu: number[] = [];
      for (let round = 0; round < ROUNDS && measured.reduce((sum, ms) => sum + ms, 0) < 20_000; round++) {
        change.run();
        // Ordering rests after it has worked; a page that is asked for every few seconds does not meet that.
        await clock.sleep(measured.length === 0 ? 0 : Math.min(2_000, 5 * measured.at(-1)!));
        const startMs = clock.monotonicMs();
        const before = process.cpuUsage();
        await ask();
        measured.push(clock.monotonicMs() - startMs);
        const { user, system } = process.cpuUsage(before);
        cpu.push((user + system) / 1000);
      }
      times[`${what}, p95`] = measured.sort((a, b) => a - b)[Math.ceil(measured.length * 0.95) - 1]!;
      times[`${what}, median CPU`] = cpu.sort((a, b) => a - b)[Math.floor(cpu.length / 2)]!;
    }
  } finally {
    await database.close();
  }
  return times;
}

/** Cases of some years, the newest thousand unread, one in twenty flagged. */
function seed(path: string, size: number): void {
  const sqlite = new BetterSqlite3(path);
  sqlite.pragma('synchronous = OFF');
  const padding = 'x'.repeat(JSON_BYTES[size] ?? 4_500);
  const addCase = sqlite.prepare(
    `insert into cases (study_instance_uid, state, revision, patient_id, issuer_of_patient_id, patient_name, patient_birth_date, patient_sex, patient_age,
      accession_number, study_date, study_time, study_description, acquired_at, source_ae_title, first_received_at, last_received_at, last_slice_at, read_at, read_by, case_ref)
     values (?, 'delivered', 1, ?, 'HOSPITAL', ?, '19500102', 'F', '076Y', ?, '20261123', '101500', 'CT C-spine', '20261123101500', 'CT1', ?, ?, ?, ?, ?, ?)`,
  );
  const addAnalysis = sqlite.prepare(
    `insert into analyses (study_instance_uid, revision, manifest, series, findings, decision, probability, threshold, threshold_version, key_slices,
      model_name, model_version, model_sha256, analysed_at)
     values (?, 1, ?, '[]', ?, ?, ?, 0.5, 1, '[{"sopInstanceUid":"1.2.3.4","sliceIndex":41,"score":0.93,"levels":["C5"]}]', 'compact', '1.3.0', ?, ?)`,
  );
  const addEvent = sqlite.prepare(
    "insert into case_events (study_instance_uid, revision, at, type, to_state, actor, detail) values (?, 1, ?, 'delivered', 'delivered', 'deliver', '{}')",
  );
  const nowMs = clock.now();
  const manifest = `{"padding":"${padding}"}`;
  sqlite.transaction(() => {
    for (let index = 0; index < size; index++) {
      const study = `1.2.826.0.1.3680043.8.498.${index}`;
      const arrivedMs = nowMs - Math.round(((size - index) / size) * 1_000 * DAY_MS) - 60_000;
      const isRead = index < size - UNREAD;
      const isFlagged = index % 20 === 0;
      addCase.run(
        study,
        `P-${index}`,
        `Doe${index % 977}^Jane`,
        `ACC${index}`,
        arrivedMs,
        arrivedMs + 40_000,
        arrivedMs + 40_000,
        isRead ? arrivedMs + 3_000_000 : null,
        isRead ? 'ada' : null,
        caseRef(study),
      );
      addAnalysis.run(
        study,
        manifest,
        manifest,
        isFlagged ? 'suspected' : 'not-suspected',
        isFlagged ? 0.6 + (index % 37) / 100 : 0.1,
        'ab'.repeat(32),
        arrivedMs + 55_000,
      );
      addEvent.run(study, arrivedMs);
    }
  })();
  sqlite.close();
}
