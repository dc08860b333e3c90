import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { RecordOutcome, StoredInstance } from '../../../src/case/case.ts';
import type { RefusedObject } from '../../../src/case/refusedObject.ts';
import { createIntake } from '../../../src/receive/intake.ts';
import type { SendingEnd } from '../../../src/receive/receiverRecord.ts';
import { createLog } from '../../../src/base/log.ts';
import { temporaryDirectory } from '../../interop/dcmtk.ts';

const instance = (name: string, studyInstanceUid = ''): StoredInstance =>
  ({ path: name, header: { studyInstanceUid } }) as StoredInstance;
const released = (studies: string[]): [string[], SendingEnd] => [
  studies,
  { how: 'released', openedAtMs: 0, endedAtMs: 9, whole: studies, mayGoOn: [] },
];

/** A store that writes down the order of what reaches it, and can fail. */
function recorder() {
  const seen: string[] = [];
  let failures = 0;
  return {
    seen,
    failNext: (times: number) => {
      failures = times;
    },
    recordInstances: (instances: readonly StoredInstance[]): Promise<RecordOutcome[]> => {
      if (failures-- > 0) return Promise.reject(new Error('database is locked'));
      seen.push(`record ${instances.map(({ path }) => path).join(' ')}`);
      return Promise.resolve(instances.map(({ path }) => (path.startsWith('again') ? 'duplicate' : 'new')));
    },
    noteRefused: (objects: readonly RefusedObject[]) => {
      seen.push(`refused ${objects.map(({ why }) => why).join(' ')}`);
      return Promise.resolve();
    },
    recordedPath: () => Promise.resolve(null),
    nudgeComplete: (studies: readonly string[], waitMs?: number) => {
      seen.push(`complete ${studies.join(' ')}${waitMs === undefined ? '' : ` after ${waitMs}`}`);
      return Promise.resolve();
    },
    noteBrokenOff: (studies: readonly string[], atMs: number) => {
      seen.push(`broken off ${studies.join(' ')} ${atMs}`);
      return Promise.resolve();
    },
    noteSent: (studies: readonly string[], openedAtMs: number) => {
      if (openedAtMs > 0) seen.push(`sent ${studies.join(' ')} ${openedAtMs}`);
      return Promise.resolve();
    },
  };
}

describe('intake', () => {
  it('keeps the order: what an association brought is on record before its study is called complete', async () => {
    const store = recorder();
    const fresh: string[] = [];
    const intake = createIntake({
      store,
      resolvePath: (path) => path,
      onNew: (instances) => fresh.push(...instances.map(({ path }) => path)),
      longestPauseMs: 5_000,
      clock: systemClock,
      log: createLog('silent'),
    });
    intake.stored(instance('a'));
    intake.stored(instance('again-b'));
    intake.ended(...released(['study-1']));
    intake.stored(instance('c'));
    intake.ended(...released(['study-2']));
    intake.ended(...released([]));
    await intake.drained();
    expect(store.seen.join('; ').replace('record a; record again-b', 'record a again-b')).toBe(
      'record a again-b; complete study-1; record c; complete study-2',
    );
    expect(fresh).toEqual(['a', 'c']);
  });

  it('notes what was refused in its turn, before its study is called complete', async () => {
    const store = recorder();
    const intake = createIntake({
      store,
      resolvePath: (path) => path,
      onNew: () => undefined,
      longestPauseMs: 5_000,
      clock: systemClock,
      log: createLog('silent'),
    });
    intake.stored(instance('a'));
    for (const why of ['first', 'second']) intake.refused({ why } as RefusedObject);
    intake.stored(instance('b'));
    intake.refused({ why: 'third' } as RefusedObject);
    intake.ended(...released(['study']));
    await intake.drained();
    expect(store.seen.join('; ').replace('refused first; refused second', 'refused first second')).toBe(
      'record a; refused first second; record b; refused third; complete study',
    );
  });

  it('loses nothing when the database fails for a while', async () => {
    const store = recorder();
    store.failNext(1);
    const intake = createIntake({
      store,
      resolvePath: (path) => path,
      onNew: () => undefined,
      longestPauseMs: 5_000,
      clock: { ...systemClock, sleep: () => Promise.resolve() },
      log: createLog('silent'),
    });
    for (const name of ['a', 'b', 'c']) intake.stored(instance(name));
    intake.ended(...released(['study']));
    await intake.drained();
    expect(
      store.seen
        .filter((entry) => entry.startsWith('record'))
        .join(' ')
        .replaceAll('record ', ''),
    ).toBe('a b c');
    expect(store.seen.at(-1)).toBe('complete study');
  });

  it('calls nothing complete at once while other nodes receive: they may have the rest of a study', async () => {
    const store = recorder();
    let others = true;
    const intake = createIntake({
      store,
      resolvePath: (path) => path,
      onNew: () => undefined,
      longestPauseMs: 5_000,
      othersReceive: () => others,
      clock: systemClock,
      log: createLog('silent'),
    });
    intake.ended(...released(['study-1']));
    await intake.drained();
    others = false;
    intake.ended(...released(['study-2']));
    await intake.drained();
    expect(store.seen).toEqual(['complete study-1 after 5000', 'complete study-2']);
  });

  it('says how each association ended, and which studies it still holds', async () => {
    const store = recorder();
    store.failNext(1);
    const intake = createIntake({
      store,
      resolvePath: (path) => path,
      onNew: () => undefined,
      longestPauseMs: 5_000,
      clock: { ...systemClock, sleep: () => Promise.resolve() },
      log: createLog('silent'),
    });
    intake.stored(instance('a', 'study-1'));
    expect([intake.holds('study-1'), intake.holds('study-2')]).toEqual([true, false]);
    intake.ended(['study-1'], { how: 'broken', openedAtMs: 3, endedAtMs: 5, whole: [], mayGoOn: [] });
    intake.ended(['study-1'], { how: 'closed', openedAtMs: 6, endedAtMs: 7, whole: [], mayGoOn: [] });
    intake.ended(['study-1'], { how: 'unknown', openedAtMs: 6, endedAtMs: 7, whole: [], mayGoOn: [] });
    const whole = ['study-1', 'study-3'];
    intake.ended([...whole, 'study-2'], { how: 'released', openedAtMs: 8, endedAtMs: 9, whole, mayGoOn: ['study-3'] });
    await intake.drained();
    expect(store.seen).toEqual([
      'record a',
      'broken off study-1 5',
      'sent study-1 study-3 study-2 8',
      'complete study-1',
      'complete study-3 after 5000',
    ]);
    expect(intake.holds('study-1')).toBe(false);
  });

  it.each([
    ['keeps the recorded file of an object that came again', 'objects/first.dcm', ['first.dcm: first']],
    ['puts it where the recorded file was lost', 'objects/lost.dcm', ['first.dcm: first', 'lost.dcm: again']],
    [
      'touches no file that is recorded under the name with which it comes',
      'objects/again.dcm',
      ['again.dcm: again', 'first.dcm: first'],
    ],
    ['keeps what is recorded nowhere', null, ['again.dcm: again', 'first.dcm: first']],
  ])('%s', async (_what, recorded, left) => {
    const { dir, remove } = await temporaryDirectory();
    onTestFinished(remove);
    await mkdir(join(dir, 'objects'));
    for (const name of ['first', 'again']) await writeFile(join(dir, 'objects', `${name}.dcm`), name);
    const intake = createIntake({
      store: {
        ...recorder(),
        recordInstances: () => Promise.resolve(['copy']),
        recordedPath: () => Promise.resolve(recorded),
      },
      resolvePath: (path) => join(dir, path),
      onNew: () => undefined,
      longestPauseMs: 5_000,
      clock: systemClock,
      log: createLog('silent'),
    });
    intake.stored(instance('objects/again.dcm'));
    await intake.drained();
    const names = (await readdir(join(dir, 'objects'))).sort();
    const read = async (name: string) => `${name}: ${await readFile(join(dir, 'objects', name), 'utf8')}`;
    expect(await Promise.all(names.map(read))).toEqual(left);
  });
});
