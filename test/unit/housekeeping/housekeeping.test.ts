import { existsSync } from 'node:fs';
import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import { freeBytesUnder, retainCases } from '../../../src/housekeeping/retention.ts';
import { startHousekeeping } from '../../../src/housekeeping/schedule.ts';
import { createAuditLog } from '../../../src/worklist/audit/audit.ts';
import { createMaintenance, newestBackup } from '../../../src/worklist/db/maintenance.ts';
import { openDatabase } from '../../../src/worklist/db/database.ts';
import { removedStudies } from '../../../src/worklist/cases/removedCases.ts';
import {
  claimed,
  deliverAll,
  findingsOf,
  ENCODED_SLICE,
  instanceOf,
  objectsOf,
  openFileWorklist,
  START_MS,
  studyUid,
  temporaryFolder,
  toInferred,
} from '../worklist/fixture.ts';

const DAY_MS = 86_400_000;
const log = createLog('silent');

async function place() {
  const worklist = await openFileWorklist();
  const folder = await temporaryFolder();
  const [spoolDir, resultsDir] = [join(folder, 'spool'), join(folder, 'results')];
  const write = async (path: string) => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, 'bytes');
  };
  const spooled = (study: string) => [1, 2, 3].map((number) => join(spoolDir, instanceOf({ study, number }).path));
  const results = (study: string) =>
    objectsOf(study).map((object) => ({ ...object, path: join(resultsDir, study, `${object.kind}.dcm`) }));
  /** A study with its files on disk, up to its report. */
  const study = async (name: string, probability = 0.9) => {
    for (const path of spooled(name)) await write(path);
    await toInferred(worklist, name, probability);
    for (const object of results(name)) await write(object.path);
    await worklist.store.apply(await claimed(worklist.store, 'report'), { type: 'reported', objects: results(name) });
  };
  const read = async (...names: string[]) => {
    for (const name of names) await worklist.store.markRead(studyUid(name), true, 'ann');
  };
  const retain = (
    wishes: { freeBytes?: () => Promise<number>; isClockTrusted?: () => boolean; maxWaitingBytes?: number } = {},
  ) =>
    retainCases({
      store: worklist.store,
      clock: worklist.clock,
      log,
      spoolDir,
      resultsDir,
      retentionMs: 14 * DAY_MS,
      maxWaitingBytes: Number.MAX_SAFE_INTEGER,
      lowWaterFreeBytes: 1000,
      freeBytes: () => Promise.resolve(2000),
      ...wishes,
    });
  const files = (name: string) =>
    [...spooled(name), ...results(name).map((object) => object.path)].filter((path) => existsSync(path)).length;
  const listed = async () => (await worklist.query.rows()).map((row) => row.studyInstanceUid).sort();
  return { ...worklist, spoolDir, resultsDir, study, read, retain, files, listed };
}

describe('retention', () => {
  it('removes delivered cases after their time, with every file, and keeps the audit', async () => {
    const { study, read, store, clock, retain, files, listed, database, spoolDir, resultsDir, ...worklist } =
      await place();
    await study('old');
    await read('old');
    await deliverAll({ ...worklist, store, clock, database });
    clock.advance(14 * DAY_MS - 1);
    await study('new');
    await read('new');
    await deliverAll({ ...worklist, store, clock, database });
    expect(await retain()).toBe(0);
    clock.advance(2);
    // Both were received at the fixture's start; only the reopened one is younger.
    await store.recordInstances([instanceOf({ study: 'new', number: 9, receivedAtMs: clock.now() })]);
    expect(await retain()).toBe(1);
    expect([files('old'), files('new')]).toEqual([0, 5]);
    expect(await listed()).toEqual([studyUid('new')]);
    expect(await readdir(join(resultsDir))).toEqual(['new']);
    expect(await readdir(join(spoolDir, 'objects'))).toEqual(['new']);
    const events = await database.db
      .selectFrom('case_events')
      .select('type')
      .where('study_instance_uid', '=', studyUid('old'))
      .orderBy('id')
      .execute();
    expect(events.map((event) => event.type)).toEqual([
      'instanceReceived',
      'seriesChosen',
      'inferred',
      'reported',
      'read',
      'delivered',
      'removed',
    ]);
    expect(
      await database.db.selectFrom('deliveries').selectAll().where('destination', '=', 'pacs').execute(),
    ).toHaveLength(2);
  });

  it('keeps what is unfinished, undelivered, failed or held, however old and however full the disk', async () => {
    const { study, read, store, clock, retain, files, listed, ...worklist } = await place();
    const all = { ...worklist, store, clock };
    await study('held');
    await deliverAll(all);
    await store.recordInstances([instanceOf({ study: 'held', number: 1, content: 'b' })]);
    await study('undelivered');
    await store.recordInstances([instanceOf({ study: 'failed' })]);
    await store.nudgeComplete([studyUid('failed')]);
    await store.fail(await claimed(store, 'assemble'), { code: 'x', message: 'x', retry: false });
    await store.recordInstances([instanceOf({ study: 'ineligible' })]);
    await store.nudgeComplete([studyUid('ineligible')]);
    await store.apply(await claimed(store, 'assemble'), {
      type: 'notEligible',
      series: [],
      findings: findingsOf(null),
    });
    // Read, so that nothing but their state keeps them.
    await read('held', 'undelivered', 'failed', 'ineligible');
    clock.advance(365 * DAY_MS);
    const before = await listed();
    expect(await retain({ freeBytes: () => Promise.resolve(0) })).toBe(0);
    expect(await listed()).toEqual(before);
    expect(files('held')).toBe(5);

    // Its report delivered, the ineligible one is finished too.
    await store.apply(await claimed(store, 'report'), { type: 'reported', objects: [] }).catch(() => undefined);
    expect(await retain()).toBe(0);
  });

  it('removes an ineligible case once its report is delivered', async () => {
    const { read, store, clock, retain, listed, resultsDir, ...worklist } = await place();
    await store.recordInstances([instanceOf({ study: 'ineligible' })]);
    await store.nudgeComplete([studyUid('ineligible')]);
    await store.apply(await claimed(store, 'assemble'), {
      type: 'notEligible',
      series: [],
      findings: findingsOf(null),
    });
    await store.apply(await claimed(store, 'report'), {
      type: 'reported',
      objects: objectsOf('ineligible').map((object) => ({ ...object, path: join(resultsDir, object.kind) })),
    });
    await read('ineligible');
    clock.advance(15 * DAY_MS);
    expect(await retain()).toBe(0);
    await deliverAll({ ...worklist, store, clock });
    expect(await retain()).toBe(1);
    expect(await listed()).toEqual([]);
  });

  it('removes the oldest first while the disk is nearly full, and no more than needed', async () => {
    const { study, read, store, clock, retain, listed, database, ...worklist } = await place();
    for (const name of ['a', 'b', 'c']) await study(name);
    await read('a', 'b', 'c');
    await deliverAll({ ...worklist, store, clock, database });
    for (const [index, name] of ['b', 'a', 'c'].entries())
      await database.db
        .updateTable('cases')
        .set({ last_received_at: START_MS - 2 * 3_600_000 + index })
        .where('study_instance_uid', '=', studyUid(name))
        .execute();
    let free = 0;
    expect(await retain({ freeBytes: () => Promise.resolve((free += 400)) })).toBe(1);
    expect(await listed()).toEqual([studyUid('a'), studyUid('c')].sort());
  });

  it('finishes a removal that was cut short, and starts a study afresh that comes again meanwhile', async () => {
    const { study, read, store, clock, retain, listed, query, ...worklist } = await place();
    for (const name of ['cut', 'again']) await study(name);
    await read('cut', 'again');
    await deliverAll({ ...worklist, store, clock, query });
    clock.advance(15 * DAY_MS);
    await store.beginRemoval(studyUid('cut'), Number.MAX_SAFE_INTEGER);
    await store.beginRemoval(studyUid('again'), Number.MAX_SAFE_INTEGER);
    expect(await listed()).toEqual([]);
    expect(await store.recordInstances([instanceOf({ study: 'again', number: 1, receivedAtMs: clock.now() })])).toEqual(
      ['new'],
    );
    expect(await store.finishRemoval(studyUid('again'))).toBe(false);
    expect(await retain()).toBe(1);
    expect(await query.rows()).toMatchObject([
      { studyInstanceUid: studyUid('again'), state: 'receiving', revision: 1 },
    ]);
  });

  it('deletes what was received of read cases that only wait for a destination, and keeps their results', async () => {
    const { study, read, store, clock, retain, files, listed, database, ...worklist } = await place();
    for (const name of ['waits', 'unread', 'done']) await study(name);
    await read('waits', 'done');
    for (const due of await store.dueDeliveries('pacs', 100))
      if (due.object.studyInstanceUid === studyUid('done')) {
        await store.recordDelivery(due.id, { kind: 'sent', status: '0000' });
        await store.recordDelivery(due.id, { kind: 'confirmed' });
      }
    clock.advance(2 * 3_600_000);
    expect(await retain()).toBe(0);
    expect(['waits', 'unread', 'done'].map(files)).toEqual([5, 5, 5]);
    // What is delivered goes first, and whole.
    let free = 0;
    expect(await retain({ freeBytes: () => Promise.resolve((free += 400)) })).toBe(1);
    expect(['waits', 'unread', 'done'].map(files)).toEqual([5, 5, 0]);
    expect(await retain({ freeBytes: () => Promise.resolve(0) })).toBe(0);
    expect(['waits', 'unread'].map(files)).toEqual([2, 5]);
    expect(await store.filesToDelete(9)).toEqual([]);
    expect(await listed()).toEqual([studyUid('waits'), studyUid('unread')].sort());

    await deliverAll({ ...worklist, store, clock, database });
    clock.advance(15 * DAY_MS);
    expect(await retain()).toBe(1);
    expect(files('waits')).toBe(0);
    expect(await listed()).toEqual([studyUid('unread')]);
  });

  it('gives up pictures that wait, of unflagged cases first, while more waits than may, or the disk is nearly full', async () => {
    const { study, read, clock, retain, resultsDir, store } = await place();
    for (const name of ['unflagged', 'unflagged too', 'unread']) await study(name, 0.03);
    await study('flagged', 0.94);
    await read('unflagged', 'unflagged too', 'flagged');
    clock.advance(2 * 3_600_000);
    const left = (name: string) =>
      ['sr', 'sc'].filter((kind) => existsSync(join(resultsDir, name, `${kind}.dcm`))).join(' ');
    // Four times report and card of 500 bytes each.
    expect(await store.waitingBytes()).toBe(4000);
    await retain({ maxWaitingBytes: 4000 });
    expect(['unflagged', 'unflagged too'].map(left)).toEqual(['sr sc', 'sr sc']);
    await retain({ maxWaitingBytes: 3999 });
    expect(['unflagged', 'unflagged too'].map(left).sort()).toEqual(['sr', 'sr sc']);
    await retain({ freeBytes: () => Promise.resolve(0) });
    expect(['unflagged', 'unflagged too', 'unread', 'flagged'].map(left)).toEqual(['sr', 'sr', 'sr sc', 'sr sc']);

    // The time of what nobody has read is over, too; but what is flagged keeps its card, and every report stays.
    clock.advance(15 * DAY_MS);
    await retain({ maxWaitingBytes: 0, isClockTrusted: () => false });
    expect(left('unread')).toBe('sr sc');
    await retain({ maxWaitingBytes: 0 });
    expect(['unflagged', 'unflagged too', 'unread', 'flagged'].map(left)).toEqual(['sr', 'sr', 'sr', 'sr sc']);
  });

  it('deletes the rest of the files when a deletion was cut short', async () => {
    const { study, read, store, clock, retain, files } = await place();
    await study('cut');
    await read('cut');
    clock.advance(15 * DAY_MS);
    expect(await store.freeFiles(studyUid('cut'), Number.MAX_SAFE_INTEGER)).toBe(true);
    expect(files('cut')).toBe(5);
    expect(await retain()).toBe(0);
    expect(files('cut')).toBe(2);
    expect(await store.filesToDelete(9)).toEqual([]);
  });

  it('deletes nothing outside its folders', async () => {
    const { study, read, store, clock, retain, database, files, ...worklist } = await place();
    await study('x');
    await read('x');
    await deliverAll({ ...worklist, store, clock, database });
    await database.db
      .updateTable('instances')
      .set({ path: '../../etc/passwd' })
      .where('sop_instance_uid', '=', instanceOf({ study: 'x' }).header.sopInstanceUid)
      .execute();
    clock.advance(15 * DAY_MS);
    await expect(retain()).rejects.toMatchObject({ code: 'database-invalid' });
    expect(files('x')).toBe(5);
  });

  /** Delivered cases of every kind that retention may meet: flagged or not, read or not. */
  async function kinds() {
    const opened = await place();
    const { study, read, store, clock, database } = opened;
    const scans: Record<string, { probability: number; isRead: boolean }> = {
      'flagged unread': { probability: 0.91, isRead: false },
      'flagged read': { probability: 0.92, isRead: true },
      'unflagged unread': { probability: 0.03, isRead: false },
      'unflagged read': { probability: 0.04, isRead: true },
    };
    for (const [name, { probability }] of Object.entries(scans)) await study(name, probability);
    for (const name of ['unanalysed unread', 'unanalysed read']) {
      await store.recordInstances([instanceOf({ study: name })]);
      await store.nudgeComplete([studyUid(name)]);
      await store.apply(await claimed(store, 'assemble'), {
        type: 'notEligible',
        series: [],
        findings: findingsOf(null),
      });
      const objects = objectsOf(name).map((object) => ({
        ...object,
        path: join(opened.resultsDir, name, object.kind),
      }));
      await store.apply(await claimed(store, 'report'), { type: 'reported', objects });
    }
    for (const name of [...Object.keys(scans), 'unanalysed unread', 'unanalysed read'])
      if (/ read$/.test(name)) await read(name);
    await deliverAll(opened);
    const names = [...Object.keys(scans), 'unanalysed unread', 'unanalysed read'];
    const left = async () => {
      const uids = await opened.listed();
      return names.filter((name) => uids.includes(studyUid(name)));
    };
    return { ...opened, clock, database, left };
  }

  it('never removes by itself what nobody has read and is flagged or was not analysed, however old and however full the disk', async () => {
    const { clock, retain, left } = await kinds();
    clock.advance(3650 * DAY_MS);
    expect(await retain({ freeBytes: () => Promise.resolve(0) })).toBe(4);
    expect(await left()).toEqual(['flagged unread', 'unanalysed unread']);
  });

  it('removes before its time, on a disk that is nearly full, only what was read: what was not flagged first', async () => {
    const { clock, retain, left } = await kinds();
    clock.advance(2 * 3_600_000);
    let free = 0;
    expect(await retain({ freeBytes: () => Promise.resolve((free += 400)) })).toBe(1);
    expect(await left()).not.toContain('unflagged read');
    expect(await retain({ freeBytes: () => Promise.resolve(0) })).toBe(2);
    expect(await left()).toEqual(['flagged unread', 'unflagged unread', 'unanalysed unread']);
  });

  it('removes nothing for its age while the clock may be wrong', async () => {
    const { clock, retain, left } = await kinds();
    clock.advance(3650 * DAY_MS);
    const before = await left();
    expect(await retain({ isClockTrusted: () => false })).toBe(0);
    expect(await left()).toEqual(before);
    expect(await retain({ isClockTrusted: () => true })).toBe(4);
  });

  it('drops encoded slices of finished cases first, while the disk is nearly full', async () => {
    const { clock, retain, left, store } = await kinds();
    const { sha256 } = instanceOf({ study: 'unflagged read', number: 2 });
    const open = instanceOf({ study: 'arriving' });
    await store.recordInstances([open]);
    await store.saveSliceFeatures('ab', new Map([sha256, open.sha256].map((digest) => [digest, ENCODED_SLICE])));
    clock.advance(2 * 3_600_000);
    const before = await left();
    expect(await retain()).toBe(0);
    expect((await store.sliceFeatures('ab', [sha256, open.sha256])).size).toBe(2);
    let free = 0;
    // Full at the first look only: dropping the encoded slices has sufficed.
    expect(await retain({ freeBytes: () => Promise.resolve((free += 900)) })).toBe(0);
    expect([...(await store.sliceFeatures('ab', [sha256, open.sha256])).keys()]).toEqual([open.sha256]);
    expect(await left()).toEqual(before);
  });

  it('says in the audit why a study was removed, and whether anybody had read it', async () => {
    const { clock, retain, database } = await kinds();
    clock.advance(2 * 3_600_000);
    await retain({ freeBytes: () => Promise.resolve(0) });
    clock.advance(20 * DAY_MS);
    await retain();
    const removed = (await createAuditLog(database, clock).page({ action: 'study.removed' }, 9)).reverse();
    expect(removed.map(({ target, detail }) => [target, detail])).toMatchObject([
      [studyUid('unflagged read'), { read: true, cause: 'disk', state: 'delivered' }],
      [expect.any(String), { read: true, cause: 'disk' }],
      [expect.any(String), { read: true, cause: 'disk' }],
      [studyUid('unflagged unread'), { read: false, cause: 'age', state: 'delivered' }],
    ]);
  });

  it('keeps what each removed study was, and what of it was deleted when and why', async () => {
    const { clock, retain, database, query } = await kinds();
    clock.advance(2 * 3_600_000);
    const diskMs = clock.now();
    await retain({ freeBytes: () => Promise.resolve(0) });
    clock.advance(20 * DAY_MS);
    await retain();
    const { total, studies } = await removedStudies(database.db, 2);
    expect(total).toBe(4);
    expect(studies[0]).toMatchObject({
      studyInstanceUid: studyUid('unflagged unread'),
      decision: 'not-suspected',
      readAtMs: null,
      removedAtMs: clock.now(),
      cause: 'age',
    });
    expect(studies[1]).toMatchObject({ cause: 'disk', removedAtMs: diskMs });
    expect(studies[0]!.objects).toBeGreaterThan(0);
    expect(studies[0]!.results).toBeGreaterThan(0);
    expect(studies[0]!.sizeBytes).toBeGreaterThan(0);

    const removal = await query.studyOf(studyUid('unflagged read')).catch((error: unknown) => error);
    expect(removal).toMatchObject({
      code: 'case-removed',
      message: expect.stringContaining(
        `removed here on ${new Date(diskMs).toISOString().slice(0, 16).replace('T', ' ')} UTC because the disk was nearly full`,
      ) as string,
    });
    await expect(query.studyOf(studyUid('never here'))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('reads the free space of a real disk', async () => {
    expect(await freeBytesUnder(await temporaryFolder())).toBeGreaterThan(0);
  });
});

describe('schedule', () => {
  const options = async () => {
    const worklist = await openFileWorklist();
    const folder = await temporaryFolder();
    const backupsDir = join(folder, 'backups');
    const nudged = vi.fn();
    const retain = () =>
      retainCases({
        store: worklist.store,
        clock: worklist.clock,
        log,
        spoolDir: folder,
        resultsDir: folder,
        retentionMs: 14 * DAY_MS,
        maxWaitingBytes: Number.MAX_SAFE_INTEGER,
        lowWaterFreeBytes: 0,
      });
    const base = {
      maintenance: createMaintenance(worklist.database),
      clock: worklist.clock,
      log,
      retentionCron: '*/10 * * * *',
      nightlyCron: '15 3 * * *',
      backupDir: backupsDir,
      backupsToKeep: 2,
      retain,
      nudge: nudged,
    };
    return { ...worklist, base, backupsDir, nudged };
  };

  it('backs up a database in use, so that the copy opens with everything, and keeps the newest', async () => {
    const { base, backupsDir, clock, store, place: path } = await options();
    await store.recordInstances([instanceOf()]);
    const housekeeping = startHousekeeping(base);
    for (let night = 0; night < 4; night++) {
      expect(await housekeeping.run('nightly')).toBe(true);
      clock.advance(DAY_MS);
    }
    await housekeeping.close();
    const copies = (await readdir(backupsDir)).sort();
    expect(copies).toEqual(['worklist-20261104T080000Z.sqlite', 'worklist-20261105T080000Z.sqlite']);
    expect(newestBackup(backupsDir)).toEqual({
      path: join(backupsDir, copies[1]!),
      atMs: Date.parse('2026-11-05T08:00:00Z'),
    });
    expect(newestBackup(join(backupsDir, 'none'))).toBeNull();
    const copy = await openDatabase(join(backupsDir, copies[1]!));
    expect(await copy.db.selectFrom('cases').select('study_instance_uid').execute()).toEqual([
      { study_instance_uid: studyUid(1) },
    ]);
    await copy.close();
    expect(existsSync(path)).toBe(true);
  });

  it('goes on after a job that failed, and runs no job twice at once', async () => {
    const worklist = await options();
    const { base, store, clock, database, nudged } = worklist;
    const housekeeping = startHousekeeping(base);
    const first = housekeeping.run('retention');
    expect(housekeeping.run('retention')).toBe(first);
    expect(await first).toBe(true);
    expect(await housekeeping.run('nudge')).toBe(true);
    expect(nudged).toHaveBeenCalledTimes(1);

    await store.recordInstances([instanceOf()]);
    await database.db.updateTable('cases').set({ state: 'delivered', read_at: 1 }).execute();
    await database.db.updateTable('instances').set({ path: '../elsewhere' }).execute();
    clock.advance(15 * DAY_MS);
    expect(await housekeeping.run('retention')).toBe(false);
    expect(await housekeeping.run('nightly')).toBe(true);
    await housekeeping.close();
  });

  it('reads the chain of the audit at night, after the copy is made', async () => {
    const { base, backupsDir, database, clock } = await options();
    const audit = createAuditLog(database, clock);
    for (let entry = 0; entry < 3; entry++) await audit.append({ action: 'sign-in', actor: 'ann' });
    const housekeeping = startHousekeeping({ ...base, checkAudit: audit.check });
    expect(await housekeeping.run('nightly')).toBe(true);
    database.sqlite.exec("drop trigger audit_log_no_update; update audit_log set actor = 'eve' where seq = 2");
    clock.advance(DAY_MS);
    expect(await housekeeping.run('nightly')).toBe(false);
    expect(await readdir(backupsDir)).toHaveLength(2);
    expect((await audit.page({ action: 'audit.broken' }, 5)).map(({ target }) => target)).toEqual(['entry 2']);
    await housekeeping.close();
  });

  it('runs every planned job by itself when its minute comes', async () => {
    const { base, backupsDir } = await options();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
    try {
      vi.setSystemTime(new Date(2026, 10, 3, 8, 0, 30));
      const [retain, begin, checkAudit] = [vi.fn(() => Promise.resolve()), vi.fn(() => Promise.resolve()), vi.fn()];
      const nudge = vi.fn();
      const housekeeping = startHousekeeping({
        ...base,
        clock: systemClock,
        nudge,
        retain,
        checkAudit,
        retentionCron: '3 * * * *',
        nightlyCron: '5 8 * * *',
        proof: { cron: '7 * * * *', begin },
      });
      const calls = () => [nudge, retain, checkAudit, begin].map((job) => job.mock.calls.length);
      await vi.advanceTimersByTimeAsync(29_000);
      expect(calls()).toEqual([0, 0, 0, 0]);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(calls()).toEqual([1, 0, 0, 0]);
      await vi.advanceTimersByTimeAsync(2 * 60_000);
      expect(calls()).toEqual([3, 1, 0, 0]);
      await vi.advanceTimersByTimeAsync(2 * 60_000);
      vi.useRealTimers();
      await vi.waitFor(() => expect(checkAudit).toHaveBeenCalledTimes(1), { timeout: 20_000 });
      expect(await readdir(backupsDir)).toHaveLength(1);
      expect(begin).not.toHaveBeenCalled();
      await housekeeping.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('calls a damaged database damaged, and keeps no copy of it', async () => {
    const { base, store, place: path, backupsDir, database } = await options();
    await store.recordInstances(Array.from({ length: 200 }, (_, number) => instanceOf({ number })));
    const housekeeping = startHousekeeping(base);
    expect(await housekeeping.run('retention')).toBe(true);
    const pageSize = database.sqlite.pragma('page_size', { simple: true }) as number;
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    for (let page = 2; page * pageSize < size; page++) await file.write(Buffer.alloc(64, 0xff), 0, 64, page * pageSize);
    await file.close();
    database.sqlite.pragma('shrink_memory');
    expect(await housekeeping.run('nightly')).toBe(false);
    expect(existsSync(backupsDir)).toBe(false);
    await housekeeping.close();
  });

  it('refuses a plan that cron does not understand', async () => {
    const { base } = await options();
    expect(() => startHousekeeping({ ...base, nightlyCron: 'every night' })).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    );
  });
});
