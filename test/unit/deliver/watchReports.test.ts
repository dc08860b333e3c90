import { expect, onTestFinished, test } from 'vitest';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import type { HeldReport, ReportSource } from '../../../src/case/delivery.ts';
import { watchReports, type ReportWatchPorts } from '../../../src/deliver/watchReports.ts';

const MINUTE_MS = 60_000;
const held = (name: string, isVerified: boolean | null): HeldReport => ({
  sopInstanceUid: `${name}.1`,
  seriesInstanceUid: name,
  modality: 'SR',
  isVerified,
});

/** A watch whose minutes pass when the test says so. */
function watching({
  sources,
  ...over
}: Partial<Omit<ReportWatchPorts, 'sources'>> & Pick<ReportWatchPorts, 'store'> & { sources: ReportSource[] }) {
  let now = 1_000 * MINUTE_MS;
  let wake: () => void = () => undefined;
  let rested: () => void = () => undefined;
  const resting = () => new Promise<void>((resolve) => (rested = resolve));
  let rest = resting();
  const restsMs = new Set<number>();
  const clock: ReportWatchPorts['clock'] = {
    now: () => now,
    monotonicMs: () => now,
    after: () => () => undefined,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        restsMs.add(ms);
        wake = resolve;
        signal?.addEventListener('abort', () => resolve());
        rested();
      }),
  };
  const watch = watchReports({ sources: () => sources, verifiedOnly: true, log: createLog('silent'), clock, ...over });
  onTestFinished(() => watch.stop());
  return {
    now: () => now,
    restsMs,
    begun: () => rest,
    minute: async () => {
      now += MINUTE_MS;
      rest = resting();
      wake();
      await rest;
    },
  };
}

test('an archive is asked about what is unread ever more seldom, and not about more than twenty studies a minute', async () => {
  const asked: string[] = [];
  const unread = Array.from({ length: 50 }, (_, index) => ({
    studyInstanceUid: `1.${index}`,
    arrivedAtMs: 999 * MINUTE_MS,
  }));
  const watch = watching({
    store: { unreadStudies: () => Promise.resolve([...unread]), noteReported: () => Promise.resolve(true) },
    sources: [
      {
        name: 'pacs',
        reportsOf: (study) => {
          asked.push(study);
          return Promise.resolve([]);
        },
      },
    ],
  });
  await watch.begun();
  expect(asked).toEqual([]);
  await watch.minute();
  expect(asked).toHaveLength(20);
  await watch.minute();
  expect(new Set(asked).size).toBe(40);
  await watch.minute();
  // The ten that are left come before those that were asked about two minutes ago.
  expect(new Set(asked).size).toBe(50);
  unread.length = 1;
  asked.length = 0;
  for (let minute = 0; minute < 600; minute += 1) await watch.minute();
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.length).toBeLessThan(40);
});

test('an archive that is added while it runs is asked, and one that is gone no more', async () => {
  const asked: string[] = [];
  const archive = (name: string): ReportSource => ({
    name,
    reportsOf: () => {
      asked.push(name);
      return Promise.resolve([]);
    },
  });
  const sources: ReportSource[] = [];
  const watch = watching({
    store: {
      unreadStudies: () => Promise.resolve([{ studyInstanceUid: '1.2', arrivedAtMs: 0 }]),
      noteReported: () => Promise.resolve(true),
    },
    sources,
  });
  await watch.begun();
  expect(asked).toEqual([]);
  sources.push(archive('old'));
  await watch.minute();
  expect(asked).toEqual(['old']);
  sources.splice(0, 1, archive('new'));
  await watch.minute();
  expect(asked).toEqual(['old', 'new']);
});

test.each([
  ['verified', true, ['signed']],
  ['any', false, ['signed', 'silent']],
] as const)(
  '%s: what somebody has signed counts, and what says nothing of it only if the site says so',
  async (_, verifiedOnly, counted) => {
    const noted: unknown[] = [];
    const watch = watching({
      verifiedOnly,
      store: {
        unreadStudies: () => Promise.resolve([{ studyInstanceUid: '1.2', arrivedAtMs: 0 }]),
        noteReported: (study, reports, archive) => {
          noted.push([study, reports.map(({ seriesInstanceUid }) => seriesInstanceUid), archive]);
          return Promise.resolve(true);
        },
      },
      sources: [
        { name: 'down', reportsOf: () => Promise.reject(new TriageError('pacs-unreachable', 'nothing listens there')) },
        {
          name: 'up',
          reportsOf: () => Promise.resolve([held('draft', false), held('signed', true), held('silent', null)]),
        },
      ],
    });
    await watch.begun();
    expect(noted).toEqual([['1.2', counted, 'up']]);
  },
);

test('a study is asked about each time a quarter of its age has passed, at least 2 and at most 60 min, for three days', async () => {
  const askedAfter: number[] = [];
  const wanted = new Set<string>();
  const startMs = 1_000 * MINUTE_MS;
  let minutes = 0;
  const watch = watching({
    store: {
      unreadStudies: (sinceMs, limit) => {
        wanted.add(`${minutes + (startMs - sinceMs) / MINUTE_MS} ${limit}`);
        return Promise.resolve([{ studyInstanceUid: '1.2', arrivedAtMs: startMs }]);
      },
      noteReported: () => Promise.resolve(true),
    },
    sources: [
      {
        name: 'pacs',
        reportsOf: () => {
          askedAfter.push(minutes);
          return Promise.resolve([]);
        },
      },
    ],
  });
  await watch.begun();
  while (minutes < 400) {
    minutes += 1;
    await watch.minute();
  }
  // By hand.
  expect(askedAfter).toEqual([2, 4, 6, 8, 11, 15, 20, 27, 36, 48, 64, 86, 115, 154, 206, 266, 326, 386]);
  expect([...wanted]).toEqual([`${3 * 24 * 60} 2000`]);
  expect([...watch.restsMs]).toEqual([MINUTE_MS]);
});

test.each([
  ['no answer', new TriageError('pacs-unreachable', 'It is off.'), 'the archive cannot be asked for reports'],
  ['a refusal of ours', new TriageError('not-found', 'No such study.'), 'archives are not asked for reports'],
  ['a bug', new TypeError('A bug.'), 'archives are not asked for reports'],
])('%s is told as what it is, and no report is none to be noted', async (_, error, words) => {
  const warned: string[] = [];
  const noted: string[] = [];
  const log = createLog('silent');
  const watch = watching({
    log: { ...log, warn: (message) => warned.push(message) },
    store: {
      unreadStudies: () =>
        Promise.resolve(['1.1', '1.2'].map((study) => ({ studyInstanceUid: study, arrivedAtMs: 0 }))),
      noteReported: (study) => {
        noted.push(study);
        return Promise.resolve(true);
      },
    },
    sources: [
      { name: 'up', reportsOf: (study) => Promise.resolve(study === '1.1' ? [held('draft', false)] : []) },
      { name: 'down', reportsOf: () => Promise.reject(error) },
    ],
  });
  await watch.begun();
  expect(warned).toEqual([words]);
  expect(noted).toEqual([]);
});

test('an archive that another process asks for reports is not asked here', async () => {
  const looked: number[] = [];
  const watch = watching({
    isOurs: () => Promise.resolve(false),
    store: {
      unreadStudies: (sinceMs) => {
        looked.push(sinceMs);
        return Promise.resolve([]);
      },
      noteReported: () => Promise.resolve(true),
    },
    sources: [{ name: 'pacs', reportsOf: () => Promise.resolve([]) }],
  });
  await watch.begun();
  await watch.minute();
  expect(looked).toEqual([]);
});
