import { seededRandom } from '../../src/base/random.ts';
import { MODEL } from '../unit/worklist/facts.ts';
import { addStudy, studyUid } from './seededWorklist.ts';
import type { SeededWorklist } from './seededWorklist.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Days whose every scan a reader has judged; before, mostly the flagged ones. */
const JUDGED_DAYS = 60;

/** Studies that are still on the worklist: what a test opens. */
export const PRESENT = [
  { id: 'clear-fracture', outcome: 0.93, verdict: 'agree' },
  { id: 'subtle-fracture', outcome: 0.57, verdict: 'agree' },
  { id: 'artefact', outcome: 0.58, verdict: 'disagree' },
  { id: 'missed-fracture', outcome: 0.44, verdict: 'disagree' },
  { id: 'plain', outcome: 0.08, verdict: 'agree' },
] as const;

/**
 * A site that has worked for four months: some 900 scans of two scanners, one in twenty with a fracture, most of them removed by retention and a few still
 * on the worklist. The operating point is 0.5.
 */
export async function seedThresholdHistory(worklist: SeededWorklist, { days = 120 } = {}): Promise<void> {
  const { store, database, clock } = worklist;
  await store.seedThreshold(MODEL.name, 0.5);
  const uniform = seededRandom('threshold-history').next;
  const today = new Date(clock.now()).setHours(0, 0, 0, 0);
  const scans = [];
  const verdicts = [];
  for (let day = days; day >= 2; day--) {
    const count = 5 + Math.floor(uniform() * 6);
    for (let scan = 0; scan < count; scan++) {
      // Fewer at night.
      const hour = uniform() < 0.8 ? 8 + uniform() * 14 : uniform() * 8;
      const arrivedAtMs = Math.round(today - day * DAY_MS + hour * HOUR_MS);
      const fracture = uniform() < 0.055;
      const score = fracture ? 1 - 0.75 * uniform() ** 2.2 : uniform() ** 4 * 0.9;
      const trauma = uniform() < 0.35;
      const study = studyUid(`past-${day}-${scan}`);
      const flagged = score >= 0.5;
      // Nights wait for the morning.
      const waitMs =
        (flagged ? 12 + uniform() * 40 : 25 + uniform() * 110) * MINUTE_MS + (hour < 6 ? 2 * HOUR_MS * uniform() : 0);
      scans.push({
        study_instance_uid: study,
        source_ae_title: trauma ? 'CT_TRAUMA' : 'CT_ED',
        scanner: trauma ? 'Scanner Works Y' : 'Scanner Works X',
        arrived_at: arrivedAtMs,
        scored_at: arrivedAtMs + 40_000,
        probability: score,
        model_sha256: MODEL.sha256,
        decision: flagged ? ('suspected' as const) : ('not-suspected' as const),
        stat: uniform() < 0.05 ? (1 as const) : (0 as const),
        read_at: arrivedAtMs + Math.round(waitMs),
      });
      if (day > JUDGED_DAYS && uniform() > (flagged ? 0.8 : 0.3)) continue;
      verdicts.push({
        study_instance_uid: study,
        revision: 1,
        verdict: flagged === fracture ? ('agree' as const) : ('disagree' as const),
        fracture: fracture ? ('yes' as const) : ('no' as const),
        model_name: MODEL.name,
        model_version: MODEL.version,
        model_sha256: MODEL.sha256,
        probability: score,
        threshold: 0.5,
        threshold_version: 1,
        created_at: arrivedAtMs + Math.round(waitMs),
        created_by: 'rita',
      });
    }
  }
  for (let at = 0; at < scans.length; at += 200)
    await database.db
      .insertInto('scan_history')
      .values(scans.slice(at, at + 200))
      .execute();
  for (let at = 0; at < verdicts.length; at += 200)
    await database.db
      .insertInto('verdicts')
      .values(verdicts.slice(at, at + 200))
      .execute();
  for (const [index, { id, outcome, verdict }] of PRESENT.entries()) {
    await addStudy(worklist, { id, outcome, arrivedMinutesAgo: 20 + 30 * index });
    await store.recordVerdict(studyUid(id), { revision: 1, verdict, actor: 'rita' });
    await store.markRead(studyUid(id), true, 'rita');
  }
}
