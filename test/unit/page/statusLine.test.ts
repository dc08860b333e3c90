import { expect, test } from 'vitest';
import { STOPPED_WORK } from '../../../src/answers/systemAnswer.ts';
import type { Freshness } from '../../../src/page/parts/freshness.ts';
import { feedWords } from '../../../src/page/parts/feedWords.ts';
import { emptyText, statusLine } from '../../../src/page/parts/statusLine.ts';

const NOW_MS = new Date(2026, 10, 29, 16, 30).getTime();
const FRESH: Freshness[] = [
  { kind: 'live' },
  { kind: 'polling' },
  { kind: 'slow', silentSeconds: 17 },
  { kind: 'lost', sinceMs: NOW_MS - 31_000 },
];
/** Every set of ways in which work has stopped. */
const SETS = Array.from({ length: 2 ** STOPPED_WORK.length }, (_, bits) =>
  STOPPED_WORK.filter((_way, at) => (bits >> at) % 2 === 1),
);
const STATES = FRESH.flatMap((fresh) => SETS.map((ways) => ({ fresh, ways })));

test('in no state is anything called live while some of the work has stopped or the list may be old', () => {
  expect(STATES).toHaveLength(128);
  for (const { fresh, ways } of STATES) {
    const stopped = ways.map((why) => ({ why, sinceMs: NOW_MS - 60_000 }));
    const works = ways.length === 0;
    const line = statusLine(fresh, stopped, NOW_MS);
    const isLive = fresh.kind === 'live' && works;
    const name = `${fresh.kind} ${ways.join(' ')}`;
    expect(line.text === feedWords.liveFeed, name).toBe(isLive);
    expect(line.isFault, name).toBe(!works || fresh.kind === 'slow' || fresh.kind === 'lost');
    if (!isLive) {
      expect(line.text, name).not.toMatch(/live\b(?! line)/i);
      expect(emptyText(fresh, stopped, null, NOW_MS), name).not.toContain(feedWords.liveFeed);
    }
    // A list that may be old says nothing of the work; a list that is right names all that has stopped.
    if (fresh.kind === 'live' || fresh.kind === 'polling')
      for (const why of ways) expect(line.text, name).toContain(`${feedWords.stopped[why]} since 16:29`);
  }
});

test('what has stopped is said with its time, and without one where it is not known', () => {
  const live: Freshness = { kind: 'live' };
  expect(statusLine(live, [{ why: 'receiver-down', sinceMs: NOW_MS - 27 * 60_000 }], NOW_MS).text).toBe(
    'Scans do not arrive since 16:03',
  );
  expect(statusLine(live, [{ why: 'disk-full', sinceMs: null }], NOW_MS).text).toBe('Scans are refused');
});

test('an empty list vouches for nothing while scans cannot arrive', () => {
  const text = (why: (typeof STOPPED_WORK)[number]) =>
    emptyText({ kind: 'live' }, [{ why, sinceMs: null }], NOW_MS - 60_000, NOW_MS);
  expect(text('receiver-down')).toBe(feedWords.emptyUnsure);
  expect(text('disk-full')).toBe(feedWords.emptyUnsure);
  expect(text('no-model')).toBe('No scans waiting. Last received 16:29:00. Scans are not analysed.');
  expect(emptyText({ kind: 'live' }, [], null, NOW_MS)).toBe('No scans waiting. Nothing received yet. Feed live');
});
