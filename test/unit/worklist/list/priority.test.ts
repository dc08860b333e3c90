import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rankCases } from '../../../../src/worklist/list/priority.ts';
import type { Rankable } from '../../../../src/worklist/list/priority.ts';

const MAX_WAIT_MS = 60 * 60_000;
const NOW_MS = 10 * MAX_WAIT_MS;

const unread = fc
  .record({
    studyInstanceUid: fc.integer({ min: 0, max: 1_000_000 }).map((number) => `1.2.${number}`),
    stat: fc.boolean().map((stat) => stat),
    arrivedAtMs: fc.integer({ min: NOW_MS - 2 * MAX_WAIT_MS, max: NOW_MS }),
    status: fc.constantFrom(
      'flagged',
      'unflagged',
      'running',
      'delayed',
      'not-analysed',
      'outside-domain',
      'failed',
      'held',
    ),
    probability: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map((item): Rankable => ({
    ...item,
    decision: item.status === 'flagged' ? 'suspected' : item.status === 'unflagged' ? 'not-suspected' : null,
    probability: item.status === 'flagged' || item.status === 'unflagged' ? item.probability : null,
  }));
const list = fc.uniqueArray(unread, { selector: (item) => item.studyInstanceUid, maxLength: 40 });
const uids = (items: readonly { item: Rankable }[]) => items.map(({ item }) => item.studyInstanceUid);

describe('reading order', () => {
  it('is one total order, whatever order the cases come in', () => {
    fc.assert(
      fc.property(list, fc.infiniteStream(fc.nat()), (items, random) => {
        const shuffled = items
          .map((item) => ({ item, key: random.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ item }) => item);
        const ranked = rankCases(items, NOW_MS, MAX_WAIT_MS);
        expect(ranked.map(({ rank }) => rank)).toEqual(items.map((_, index) => index + 1));
        expect(uids(ranked).sort()).toEqual(items.map((item) => item.studyInstanceUid).sort());
        expect(uids(rankCases(shuffled, NOW_MS, MAX_WAIT_MS))).toEqual(uids(ranked));
      }),
    );
  });

  it('puts no case past the cap behind its place by arrival, STAT aside', () => {
    fc.assert(
      fc.property(list, (items) => {
        const order = rankCases(items, NOW_MS, MAX_WAIT_MS)
          .map(({ item }) => item)
          .filter((item) => !item.stat);
        for (const [place, item] of order.entries()) {
          if (NOW_MS - item.arrivedAtMs < MAX_WAIT_MS) continue;
          expect(place).toBeLessThanOrEqual(
            order.filter((other) => other.arrivedAtMs <= item.arrivedAtMs && other !== item).length,
          );
        }
      }),
    );
  });

  it('never lets a case without a score sink below an unflagged one, nor a suspected one below either', () => {
    fc.assert(
      fc.property(list, (items) => {
        const order = rankCases(items, NOW_MS, MAX_WAIT_MS)
          .map(({ item }) => item)
          .filter((item) => !item.stat && NOW_MS - item.arrivedAtMs < MAX_WAIT_MS);
        const tiers = order.map((item) => (item.status === 'flagged' ? 0 : item.status === 'unflagged' ? 2 : 1));
        expect(tiers).toEqual([...tiers].sort());
        const suspicions = order.filter((item) => item.status === 'flagged').map((item) => item.probability ?? 0);
        expect(suspicions).toEqual([...suspicions].sort((a, b) => b - a));
      }),
    );
  });

  it('starves nobody: one reader who always takes the first case reads each within the cap and what had arrived before it', () => {
    const READING_MS = 5 * 60_000;
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            gapMs: fc.integer({ min: 0, max: 2 * READING_MS }),
            flagged: fc.boolean(),
            probability: fc.double({ min: 0, max: 1, noNaN: true }),
          }),
          { minLength: 1, maxLength: 60 },
        ),
        (arrivals) => {
          let at = 0;
          const waiting = arrivals.map(({ gapMs, flagged, probability }, index): Rankable => {
            at += gapMs;
            return {
              studyInstanceUid: `1.${index}`,
              stat: false,
              arrivedAtMs: at,
              status: flagged ? 'flagged' : 'unflagged',
              decision: flagged ? 'suspected' : 'not-suspected',
              probability,
            };
          });
          const olderAtCap = new Map<Rankable, number>();
          let left = waiting;
          for (let now = 0; left.length > 0; now += READING_MS) {
            const here = left.filter((item) => item.arrivedAtMs <= now);
            for (const item of here) {
              if (now - item.arrivedAtMs >= MAX_WAIT_MS && !olderAtCap.has(item))
                olderAtCap.set(
                  item,
                  here.filter((other) => other.arrivedAtMs <= item.arrivedAtMs && other !== item).length,
                );
            }
            const first = rankCases(here, now, MAX_WAIT_MS)[0]?.item;
            if (first === undefined) continue;
            expect(now - first.arrivedAtMs).toBeLessThanOrEqual(
              MAX_WAIT_MS + READING_MS * (1 + (olderAtCap.get(first) ?? 0)),
            );
            left = left.filter((item) => item !== first);
          }
        },
      ),
    );
  });

  it('reads an unflagged case at the cap though flagged ones never stop coming', () => {
    const plain: Rankable = {
      studyInstanceUid: '1.0',
      stat: false,
      arrivedAtMs: 0,
      status: 'unflagged',
      decision: 'not-suspected',
      probability: 0.01,
    };
    const flagged = (arrivedAtMs: number): Rankable => ({
      studyInstanceUid: `1.${arrivedAtMs + 1}`,
      stat: false,
      arrivedAtMs,
      status: 'flagged',
      decision: 'suspected',
      probability: 0.99,
    });
    const firstAt = (now: number) => rankCases([plain, flagged(now), flagged(now - 1000)], now, MAX_WAIT_MS)[0]?.item;
    expect(firstAt(MAX_WAIT_MS - 1)).not.toBe(plain);
    expect(firstAt(MAX_WAIT_MS)).toBe(plain);
  });

  it('says in one sentence why a case stands where it does', () => {
    const now = 4 * 60_000;
    const base = { studyInstanceUid: '1.1', stat: false, arrivedAtMs: 0, probability: null, decision: null } as const;
    const why = (item: Rankable, at = now) => rankCases([item], at, MAX_WAIT_MS)[0]?.why;
    expect(why({ ...base, status: 'flagged', decision: 'suspected', probability: 0.93 })).toBe(
      'Suspected fracture, 0.93; waiting 4 min',
    );
    expect(why({ ...base, status: 'failed' })).toBe('AI failed, not analysed; waiting 4 min');
    expect(why({ ...base, status: 'unflagged', decision: 'not-suspected', probability: 0.1 })).toBe(
      'AI did not flag it, in order of arrival; waiting 4 min',
    );
    expect(why({ ...base, status: 'running', stat: true }, 1000)).toBe(
      'Clinically urgent (STAT); AI still running; waiting under 1 min',
    );
    expect(why({ ...base, status: 'held', decision: 'suspected', probability: 0.8 }, 65 * 60_000)).toBe(
      'Past the wait limit of 1 h 0 min; Suspected fracture, 0.80, held for checking; waiting 1 h 5 min',
    );
    // For a list that has a column for the wait.
    expect(rankCases([{ ...base, status: 'running', stat: true }], 1000, MAX_WAIT_MS)[0]?.whyBrief).toBe(
      'Clinically urgent (STAT); AI still running',
    );
  });
});
