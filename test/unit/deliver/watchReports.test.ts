import { expect, onTestFinished, test } from 'vitest';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import type { HeldReport } from '../../../src/case/delivery.ts';
import { watchReports, type ReportWatchPorts } from '../../../src/deliver/watchReports.ts';

const MINUTE_MS = 60_000;
const held = (name: string, isVerified: boolean | null): HeldReport => ({
  sopInstanceUid: `${name}.1`,
  seriesInstanceUid: name,
  modality: 'SR',
  isVerified,
});

/** A watch whose minutes pass when the test says so. */
function watching(over: Partial<ReportWatchPorts> & Pick<ReportWatchPorts, 'sources' | 'store'>) {
  let now = 1_000 * MINUTE_MS;
  let wake: () => void = () => undefined;
  let rested: () => void = () => undefined;
  const resting = () => new Promise<void>((resolve) => (rested = resolve));
  let rest = resting();
  const clock: ReportWatchPorts['clock'] = {
    now: () => now,
    monotonicMs: () => now,
    after: () => () => undefined,
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        wake = resolve;
        signal?.addEventListener('abort', () => resolve());
        rested();
      }),
  };
  const watch = watchReports({ verifiedOnly: true, log: createLog('silent'), clock, ...over });
  onTestFinished(() => watch.stop());
  return {
    now: () => now,
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
