import type { Decision } from '../../case/case.ts';
import { compareReadingPlaces, readingTier } from '../../case/readingOrder.ts';
import type { Judgement, ReadingTier } from '../../case/readingOrder.ts';
import { durationText } from './caseStatus.ts';
import type { CaseStatusKind } from './caseStatus.ts';

/** What the place of an unread case rests on. */
export interface Rankable {
  studyInstanceUid: string;
  /** Clinically urgent, as a person said. */
  stat: boolean;
  arrivedAtMs: number;
  status: CaseStatusKind;
  decision: Decision | null;
  /** 0..1, or null when not scored. */
  probability: number | null;
}

export interface Ranked<T> {
  item: T;
  /** From 1. */
  rank: number;
  /** One sentence: why it stands here. */
  why: string;
  /** The same, without how long it waits. */
  whyBrief: string;
}

function judgementOf(item: Rankable): Judgement {
  // A held case keeps its suspicion: doubt about the patient is no reason to look later.
  if (item.decision === 'suspected') return 'suspected';
  return item.status === 'unflagged' ? 'unflagged' : 'unscored';
}

/**
 * The reading order: clinically urgent, then past the wait cap, then suspected by probability, then whatever has no score
 * (it never sinks below an unflagged scan), then the rest; otherwise by arrival.
 *
 * The cap is the ageing: a case past it stands where arrival alone would put it, or better, whatever the network says of the
 * others; so it holds nobody up for longer (a flag alone without a cap raised the longest waits, PMC8128725).
 */
export function rankCases<T extends Rankable>(items: readonly T[], nowMs: number, maxWaitMs: number): Ranked<T>[] {
  return items
    .map((item) => {
      const { stat, arrivedAtMs } = item;
      const tier = readingTier({ stat, arrivedAtMs, judgement: judgementOf(item) }, nowMs, maxWaitMs);
      return {
        item,
        tier,
        place: { tier, probability: item.probability, arrivedAtMs, studyInstanceUid: item.studyInstanceUid },
      };
    })
    .sort((a, b) => compareReadingPlaces(a.place, b.place))
    .map(({ item, tier }, index) => {
      const whyBrief = whyAt(item, tier, maxWaitMs);
      return {
        item,
        rank: index + 1,
        why: `${whyBrief}; waiting ${durationText(Math.max(0, nowMs - item.arrivedAtMs))}`,
        whyBrief,
      };
    });
}

const STATUS_WORDS: Readonly<Record<CaseStatusKind, string>> = {
  flagged: 'Suspected fracture',
  unflagged: 'AI did not flag it, in order of arrival',
  running: 'AI still running',
  delayed: 'AI delayed',
  'not-analysed': 'Not analysed by AI',
  'outside-domain': 'Outside tested range, not scored',
  failed: 'AI failed, not analysed',
  held: 'Held for checking, not analysed',
};

function whyAt(item: Rankable, tier: ReadingTier, maxWaitMs: number): string {
  const suspicion =
    item.decision === 'suspected' && item.probability !== null
      ? `Suspected fracture, ${item.probability.toFixed(2)}`
      : null;
  const status =
    suspicion === null
      ? STATUS_WORDS[item.status]
      : item.status === 'held'
        ? `${suspicion}, held for checking`
        : suspicion;
  if (tier === 'stat') return `Clinically urgent (STAT); ${status}`;
  if (tier === 'overdue') return `Past the wait limit of ${durationText(maxWaitMs)}; ${status}`;
  return status;
}
