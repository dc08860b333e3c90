import type { UrgentBy } from '../../case/urgentBy.ts';
import type { Decision } from '../../case/decision.ts';
import { judgementOf, readingPlace } from '../../case/readingOrder.ts';
import { durationText } from './caseStatus.ts';
import type { CaseStatusKind } from './caseStatus.ts';

/** What the place of an unread case depends on. */
export interface Rankable {
  studyInstanceUid: string;
  /** Clinically urgent, and what says so; absent: a person. */
  stat: boolean;
  urgentBy?: UrgentBy | null;
  arrivedAtMs: number;
  status: CaseStatusKind;
  decision: Decision | null;
  /** 0..1, or null when not scored. */
  probability: number | null;
  /** Who had read it before other images were analysed. */
  readBefore?: string | null;
}

/** Why a case stands where it does, in one sentence, and the same sentence without the waiting time. */
export interface WhyHere {
  why: string;
  whyBrief: string;
}

/** Why an unread case stands where it does. It does not depend on the other cases: `src/case/readingOrder.ts` has the order. */
export function whyHere(item: Rankable, nowMs: number, maxWaitMs: number): WhyHere {
  const judgement = judgementOf({ decision: item.decision, held: item.status === 'held' });
  const { group, pastCap } = readingPlace({ ...item, judgement }, nowMs, maxWaitMs);
  const status = statusWords(item);
  const place =
    group === 'stat'
      ? `Clinically urgent (STAT)${BY[item.urgentBy ?? 'person']}; ${status}`
      : pastCap
        ? `Past the wait limit of ${durationText(maxWaitMs)}; ${status}`
        : status;
  const whyBrief = item.readBefore == null ? place : `${changedSince(item.readBefore)}; ${place}`;
  return { why: `${whyBrief}; waiting ${durationText(Math.max(0, nowMs - item.arrivedAtMs))}`, whyBrief };
}

const BY: Readonly<Record<UrgentBy, string>> = { person: '', order: ', by order', rule: ', by rule' };

function changedSince(reader: string): string {
  return reader === '' ? 'Changed since it was read' : `Changed since it was read by ${reader}`;
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

function statusWords({ status, decision, probability }: Rankable): string {
  if (decision !== 'suspected' || probability === null) return STATUS_WORDS[status];
  const suspicion = `Suspected fracture, ${probability.toFixed(2)}`;
  return status === 'held' ? `${suspicion}, held for checking` : suspicion;
}
