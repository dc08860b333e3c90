import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  judgementOf,
  readingOrder,
  readingPlace,
  turnFromArrivals,
  type ReadingTurns,
  type WaitingScan,
} from '../../../src/case/readingOrder.ts';

const MAX_WAIT_MS = 60 * 60_000;
const NOW_MS = 10 * MAX_WAIT_MS;
const READING_MS = 5 * 60_000;

const unread = fc
  .record({
    studyInstanceUid: fc.integer({ min: 0, max: 1_000_000 }).map((number) => `1.2.${number}`),
    stat: fc.boolean(),
    arrivedAtMs: fc.integer({ min: NOW_MS - 2 * MAX_WAIT_MS, max: NOW_MS }),
    judgement: fc.constantFrom('suspected' as const, 'unflagged' as const, 'unscored' as const),
    probability: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map((scan): WaitingScan => ({ ...scan, probability: scan.judgement === 'unscored' ? null : scan.probability }));
const list = fc.uniqueArray(unread, { selector: (scan) => scan.studyInstanceUid, maxLength: 40 });
const turns: fc.Arbitrary<ReadingTurns> = fc.record({
  everyKth: fc.integer({ min: 2, max: 10 }),
  flagsInARow: fc.nat(12),
});

/** The list at a moment, as the scans themselves. */
function ordered(scans: readonly WaitingScan[], nowMs: number, of: ReadingTurns): WaitingScan[] {
  const byUid = new Map(scans.map((scan) => [scan.studyInstanceUid, scan]));
  const places = scans.map((scan) => readingPlace(scan, nowMs, MAX_WAIT_MS));
  return readingOrder(places, of).map(({ studyInstanceUid }) => byUid.get(studyInstanceUid)!);
}
const isFlag = (scan: WaitingScan) => !scan.stat && scan.judgement === 'suspected';
const isOverdue = (scan: WaitingScan, nowMs: number) =>
  !scan.stat && scan.judgement !== 'suspected' && nowMs - scan.arrivedAtMs >= MAX_WAIT_MS;

describe('judgement', () => {
  it.each([
    ['suspected', false, 'suspected'],
    ['suspected', true, 'suspected'],
    ['not-suspected', false, 'unflagged'],
    ['not-suspected', true, 'unscored'],
    ['not-analysed', false, 'unscored'],
    ['not-analysed', true, 'unscored'],
    [null, false, 'unscored'],
    [null, true, 'unscored'],
  ] as const)('of %s, held %s, is %s', (decision, held, judgement) => {
    expect(judgementOf({ decision, held })).toBe(judgement);
  });
});

describe('reading order', () => {
  it('is one total order, whatever order the cases come in', () => {
    fc.assert(
      fc.property(list, turns, fc.infiniteStream(fc.nat()), (scans, of, random) => {
        const shuffled = scans
          .map((scan) => ({ scan, key: random.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ scan }) => scan);
        const order = ordered(scans, NOW_MS, of);
        expect(order.map((scan) => scan.studyInstanceUid).sort()).toEqual(
          scans.map((scan) => scan.studyInstanceUid).sort(),
        );
        expect(ordered(shuffled, NOW_MS, of)).toEqual(order);
      }),
    );
  });

  it('has STAT first, then flags with every k-th place for the longest waiting past the cap, then the others', () => {
    fc.assert(
      fc.property(list, turns, (scans, of) => {
        const order = ordered(scans, NOW_MS, of);
        const stats = order.filter(({ stat }) => stat);
        expect(order.slice(0, stats.length)).toEqual(stats);
        const kinds = order
          .slice(stats.length)
          .map((scan) => (isFlag(scan) ? 'F' : isOverdue(scan, NOW_MS) ? 'o' : '.'))
          .join('');
        // Shared places, then what is left past the cap, then what is not.
        expect(kinds).toMatch(/^[Fo]*\.*$/);
        const flags = kinds.lastIndexOf('F');
        let inARow = of.flagsInARow;
        for (const [place, kind] of Array.from(kinds.slice(0, flags + 1)).entries()) {
          const overdueLeft = kinds.slice(place).includes('o');
          expect(kind, `place ${place + 1} of ${kinds}`).toBe(overdueLeft && inARow >= of.everyKth - 1 ? 'o' : 'F');
          inARow = kind === 'F' ? inARow + 1 : 0;
        }
      }),
    );
  });

  it('never lets a case without a score sink below an unflagged one; flags past the cap lead the flags, by arrival', () => {
    fc.assert(
      fc.property(list, turns, (scans, of) => {
        const order = ordered(scans, NOW_MS, of).filter(({ stat }) => !stat);
        const young = order.filter((scan) => NOW_MS - scan.arrivedAtMs < MAX_WAIT_MS);
        const tiers = young.map(({ judgement }) => ['suspected', 'unscored', 'unflagged'].indexOf(judgement));
        expect(tiers).toEqual([...tiers].sort());
        const suspicions = young.filter(isFlag).map((scan) => scan.probability ?? 0);
        expect(suspicions).toEqual([...suspicions].sort((a, b) => b - a));
        const flags = order.filter(isFlag).map((scan) => NOW_MS - scan.arrivedAtMs >= MAX_WAIT_MS);
        expect(flags).toEqual([...flags].sort((a, b) => Number(b) - Number(a)));
        for (const old of [
          order.filter((scan) => isOverdue(scan, NOW_MS)),
          order.filter(isFlag).slice(0, flags.filter(Boolean).length),
        ]) {
          const arrivals = old.map(({ arrivedAtMs }) => arrivedAtMs);
          expect(arrivals).toEqual([...arrivals].sort((a, b) => a - b));
        }
      }),
    );
  });

  it('has a flag of 12 seconds before 200 scans past the cap', () => {
    const backlog = Array.from({ length: 200 }, (_, index): WaitingScan => ({
      studyInstanceUid: `1.${index}`,
      stat: false,
      arrivedAtMs: NOW_MS - MAX_WAIT_MS - index * 60_000,
      judgement: index % 3 === 0 ? 'unscored' : 'unflagged',
      probability: null,
    }));
    const flag: WaitingScan = {
      studyInstanceUid: '2.1',
      stat: false,
      arrivedAtMs: NOW_MS - 12_000,
      judgement: 'suspected',
      probability: 0.97,
    };
    expect(ordered([...backlog, flag], NOW_MS, { everyKth: 5, flagsInARow: 0 })[0]).toBe(flag);
    // Whoever has just read four flags reads the longest waiting scan, and then this one.
    const [first, second] = ordered([...backlog, flag], NOW_MS, { everyKth: 5, flagsInARow: 4 });
    expect([first, second]).toEqual([backlog.at(-1), flag]);
  });
});

interface Arrival {
  gapMs: number;
  judgement: WaitingScan['judgement'];
  stat: boolean;
  probability: number;
}
const arrival: fc.Arbitrary<Arrival> = fc.record({
  // From a flood to a trickle: the reader falls behind in one history and waits in another.
  gapMs: fc.oneof(fc.integer({ min: 0, max: READING_MS }), fc.integer({ min: 0, max: 3 * READING_MS })),
  judgement: fc.constantFrom('suspected' as const, 'unflagged' as const, 'unscored' as const),
  stat: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  probability: fc.double({ min: 0, max: 1, noNaN: true }),
});

/** One reader who always takes the first scan; `seen` is called at each reading with who waits, in order of arrival. */
function read(arrivals: readonly Arrival[], everyKth: number): { scan: WaitingScan; atMs: number }[] {
  let at = 0;
  const coming = arrivals.map(({ gapMs, ...scan }, index): WaitingScan => {
    at += gapMs;
    return { ...scan, studyInstanceUid: `1.${index}`, arrivedAtMs: at };
  });
  const reads: { scan: WaitingScan; atMs: number }[] = [];
  let flagsInARow = 0;
  let left = coming;
  for (let now = 0; left.length > 0; now += READING_MS) {
    const here = left.filter((scan) => scan.arrivedAtMs <= now);
    const first = ordered(here, now, { everyKth, flagsInARow })[0];
    if (first === undefined) continue;
    reads.push({ scan: first, atMs: now });
    if (!first.stat) flagsInARow = isFlag(first) ? flagsInARow + 1 : 0;
    left = left.filter((scan) => scan !== first);
  }
  return reads;
}

describe('the order of two scans, by hand', () => {
  const scan = (over: Partial<WaitingScan>): WaitingScan => ({
    studyInstanceUid: '1.5',
    stat: false,
    arrivedAtMs: NOW_MS - 1_000,
    judgement: 'suspected',
    probability: 0.5,
    ...over,
  });
  const waited = (ms: number) => ({ arrivedAtMs: NOW_MS - ms });
  const old = waited(MAX_WAIT_MS);

  it.each<[string, first: Partial<WaitingScan>, second: Partial<WaitingScan>]>([
    ['a flag that has waited exactly as long as the cap, then one of more suspicion', old, { probability: 0.9 }],
    ['a flag of more suspicion, then one of a moment less than the cap', { probability: 0.9 }, waited(MAX_WAIT_MS - 1)],
    [
      'of flags past the cap the older one',
      { ...waited(MAX_WAIT_MS + 5), probability: 0.1 },
      { ...old, probability: 0.9 },
    ],
    [
      'of others the older one, whatever their scores',
      { ...waited(9), judgement: 'unflagged', probability: 0.1 },
      { ...waited(8), judgement: 'unflagged', probability: 0.4 },
    ],
    [
      'of others past the cap the older one',
      { ...waited(MAX_WAIT_MS + 5), judgement: 'unflagged', probability: 0.1 },
      { ...old, judgement: 'unflagged', probability: 0.4 },
    ],
    ['a flag without a score behind one with any', { probability: 0.01 }, { ...waited(9_000), probability: null }],
    ['of those that came at one time the lower UID', { studyInstanceUid: '1.4' }, { studyInstanceUid: '1.6' }],
    [
      'an overdue scan, then one without a score',
      { ...old, judgement: 'unflagged' },
      { judgement: 'unscored', probability: null },
    ],
    [
      'one without a score, then an unflagged older one',
      { judgement: 'unscored', probability: null },
      { ...waited(9_000), judgement: 'unflagged' },
    ],
    ['STAT without a score, then a flag past the cap', { stat: true, judgement: 'unscored', probability: null }, old],
  ])('%s', (_, first, second) => {
    const [one, other] = [scan({ studyInstanceUid: '1.8', ...first }), scan({ studyInstanceUid: '1.7', ...second })];
    for (const both of [
      [one, other],
      [other, one],
    ])
      expect(ordered(both, NOW_MS, { everyKth: 5, flagsInARow: 0 })).toEqual([one, other]);
  });
});

it.each([
  [3, 0, 'FFoFFoFFo'],
  [3, 1, 'FoFFoFFoF'],
  [3, 2, 'oFFoFFoFF'],
  [3, 9, 'oFFoFFoFF'],
  [2, 0, 'FoFoFoFFF'],
  [5, 0, 'FFFFoFFoo'],
  [9, 0, 'FFFFFFooo'],
])(
  'every %ith place, after %i flags in a row: six flags and three past the cap are %s',
  (everyKth, flagsInARow, order) => {
    const scans = Array.from({ length: 9 }, (_, index): WaitingScan => ({
      studyInstanceUid: `1.${index}`,
      stat: false,
      arrivedAtMs: index < 6 ? NOW_MS - index : NOW_MS - MAX_WAIT_MS - index,
      judgement: index < 6 ? 'suspected' : 'unflagged',
      probability: index / 10,
    }));
    const kinds = ordered(scans, NOW_MS, { everyKth, flagsInARow }).map((scan) => (isFlag(scan) ? 'F' : 'o'));
    expect(kinds.join('')).toBe(order);
  },
);

describe('histories of arrivals, read from the top', () => {
  const history = fc.array(arrival, { minLength: 1, maxLength: 150 });
  const everyKth = fc.integer({ min: 2, max: 10 });

  it('hold no flag up behind more than one scan in k that was not flagged, STAT aside', () => {
    fc.assert(
      fc.property(history, everyKth, (arrivals, k) => {
        const reads = read(arrivals, k).filter(({ scan }) => !scan.stat);
        for (const [index, { scan }] of reads.entries()) {
          if (!isFlag(scan)) continue;
          const before = reads.slice(0, index).filter(({ atMs }) => atMs >= scan.arrivedAtMs);
          const others = before.filter((one) => !isFlag(one.scan)).length;
          expect(others).toBeLessThanOrEqual(Math.ceil(before.length / k));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('read each scan past the cap within k scans for itself and for each that waits longer, STAT aside', () => {
    fc.assert(
      fc.property(history, everyKth, (arrivals, k) => {
        const reads = read(arrivals, k).filter(({ scan }) => !scan.stat);
        for (const [index, { scan, atMs }] of reads.entries()) {
          if (scan.judgement === 'suspected' || atMs - scan.arrivedAtMs < MAX_WAIT_MS) continue;
          const capAtMs = scan.arrivedAtMs + MAX_WAIT_MS;
          const since = reads.slice(0, index + 1).filter((one) => one.atMs >= capAtMs);
          const ahead = since.filter((one) => !isFlag(one.scan)).length - 1;
          expect(since.length).toBeLessThanOrEqual(k * (ahead + 1));
          // Ahead are only scans that came earlier.
          for (const one of since)
            if (!isFlag(one.scan)) expect(one.scan.arrivedAtMs).toBeLessThanOrEqual(scan.arrivedAtMs);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('let a scan past the cap be read though flags never stop coming', () => {
    const plain = { gapMs: 0, judgement: 'unflagged' as const, stat: false, probability: 0.01 };
    const flag = { gapMs: READING_MS / 2, judgement: 'suspected' as const, stat: false, probability: 0.99 };
    const reads = read([plain, plain, ...Array.from({ length: 60 }, () => flag)], 4);
    const waits = reads.filter(({ scan }) => !isFlag(scan)).map(({ scan, atMs }) => atMs - scan.arrivedAtMs);
    // One is read at once, before there was a flag; the other when it is past the cap, not with all flags behind it.
    expect(waits[0]).toBe(0);
    expect(waits[1]).toBeGreaterThanOrEqual(MAX_WAIT_MS);
    expect(waits[1]).toBeLessThanOrEqual(MAX_WAIT_MS + 4 * READING_MS);
  });
});

it.each([
  [0, 0, 5],
  [99, 50, 5],
  [100, 0, 10],
  [600, 1, 10],
  [100, 20, 5],
  [1_000, 20, 10],
  [1_000, 125, 8],
  [1_000, 300, 3],
  [1_000, 900, 3],
])('of %i arrivals with %i flags every %ith place goes to the longest waiting', (arrivals, flagged, k) => {
  expect(turnFromArrivals(arrivals, flagged)).toBe(k);
});
