import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createCaseStore } from '../../src/worklist/cases/caseStore.ts';
import { migrate, openDatabase } from '../../src/worklist/db/database.ts';
import { createWorklistQuery } from '../../src/worklist/list/worklistQuery.ts';
import { systemClock } from '../../src/base/clock.ts';
import { soakTimeout, tries } from '../soakSize.ts';
import { temporaryFolder } from '../unit/worklist/fixture.ts';
import { instanceOf, objectsOf, studyUid } from '../unit/worklist/facts.ts';

const CHILD = fileURLToPath(new URL('worklistChild.ts', import.meta.url));
const ROUNDS = tries('CRASH_ROUNDS', 4);
const POINT_ROUNDS = tries('CRASH_POINT_ROUNDS', 1);

interface Death {
  code: number | null;
  signal: NodeJS.Signals | null;
  lines: string[];
  errors: string;
}

/** Runs the child to its end, or kills it `killAfterMs` after its first line. */
function run(args: string[], killAfterMs?: number): Promise<Death> {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (data: Buffer) => {
    if (output === '' && killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    output += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // The last line may be cut: what was not said in full was not acknowledged.
    child.on('close', (code, signal) => resolve({ code, signal, lines: output.split('\n').slice(0, -1), errors }));
  });
}

async function migrated(): Promise<string> {
  const path = join(await temporaryFolder(), 'worklist.sqlite');
  await migrate(path);
  return path;
}

describe('kill -9', () => {
  const stages = ['assemble', 'infer', 'report'].flatMap((stage) =>
    ['claimed', 'ran', 'applied'].map((point) => `${stage}:${point}`),
  );

  const inTurn = async (): Promise<void> => {
    const path = await migrated();
    const database = await openDatabase(path);
    const store = createCaseStore(database, systemClock);
    await store.recordInstances([1, 2, 3].map((number) => instanceOf({ number, receivedAtMs: systemClock.now() })));
    await store.nudgeComplete([studyUid(1)]);

    const sent: string[] = [];
    // Two deaths of a stage before its event is on record leave the third and last attempt, which dies after it.
    for (const step of [...stages, 'deliver:due', 'deliver:sent', 'deliver:recorded']) {
      const death = await run(['work', path, step]);
      expect(death, step).toMatchObject({ signal: 'SIGKILL', errors: '' });
      sent.push(...death.lines);
    }
    const last = await run(['work', path, 'never']);
    expect(last).toMatchObject({ code: 0, errors: '' });
    sent.push(...last.lines);

    expect(database.sqlite.pragma('integrity_check', { simple: true })).toBe('ok');
    const { row, results, events } = await createWorklistQuery(database, systemClock, { maxWaitMs: 1 }).caseDetail(
      studyUid(1),
    );
    expect(row).toMatchObject({ state: 'delivered', revision: 1, probability: 0.8 });
    const objects = objectsOf(1).map((object) => object.sopInstanceUid);
    expect(results.map((result) => result.sopInstanceUid).sort()).toEqual([...objects].sort());
    // Killed once as each stage has begun, and once as it has ended.
    expect(events.map((event) => event.type)).toEqual([
      'instanceReceived',
      ...['seriesChosen', 'inferred', 'reported'].flatMap((done) => ['interrupted', 'interrupted', done]),
      'delivered',
    ]);
    expect(new Set(sent)).toEqual(new Set(objects.map((uid) => `sent ${uid}`)));
    await database.close();
  };

  it(
    'at every step of a study in turn: the last start ends with the one result',
    async () => {
      for (let round = 0; round < POINT_ROUNDS; round++) await inTurn();
    },
    soakTimeout(180_000),
  );

  it(
    `${ROUNDS} times in the midst of writing: the file is sound, and nothing that was on record is missing`,
    async () => {
      const path = await migrated();
      const recorded = new Set<string>();
      for (let round = 0; round < ROUNDS; round++) {
        const death = await run(['intake', path, String(round)], 40 + ((round * 97) % 300));
        expect(death).toMatchObject({ signal: 'SIGKILL', errors: '' });
        expect(death.lines.length).toBeGreaterThan(0);
        for (const line of death.lines) recorded.add(line);
        const database = await openDatabase(path);
        expect(database.sqlite.pragma('integrity_check', { simple: true })).toBe('ok');
        expect(database.sqlite.pragma('foreign_key_check')).toEqual([]);
        const known = await createCaseStore(database, systemClock).knownPaths();
        expect([...recorded].filter((line) => !known.has(line))).toEqual([]);
        const orphans = await database.db
          .selectFrom('instances')
          .select('path')
          .where('study_instance_uid', 'not in', (cases) => cases.selectFrom('cases').select('study_instance_uid'))
          .execute();
        expect(orphans).toEqual([]);
        await database.close();
      }
    },
    soakTimeout(180_000),
  );
});
