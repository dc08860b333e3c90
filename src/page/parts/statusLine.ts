import type { StoppedWork } from '../../answers/systemAnswer.ts';
import { POLL_EVERY_MS, type Freshness } from './freshness.ts';
import { feedWords } from './feedWords.ts';
import { clockTime, minuteTime } from './format.ts';

/** While one of these lasts, a list without scans says nothing about the scanners. */
const KEEPS_SCANS_OUT: ReadonlySet<StoppedWork['why']> = new Set(['receiver-down', 'disk-full']);

/** What the one line about the agent's work says; `isFault`: somebody has to do something. */
export interface StatusLine {
  text: string;
  isFault: boolean;
}

/**
 * Whether scans arrive, are analysed and delivered, in one line. A list that is out of date cannot say so, and where work has stopped nothing is called live.
 * Empty while the list is lost, because an alert says that.
 */
export function statusLine(fresh: Freshness, stopped: readonly StoppedWork[], nowMs: number): StatusLine {
  if (fresh.kind === 'lost') return { text: '', isFault: true };
  if (fresh.kind === 'slow') return { text: feedWords.slowFeed(fresh.silentSeconds), isFault: true };
  if (stopped.length > 0) return { text: stopped.map((one) => stoppedText(one, nowMs)).join(' · '), isFault: true };
  return {
    text: fresh.kind === 'polling' ? feedWords.polling(POLL_EVERY_MS / 1000) : feedWords.liveFeed,
    isFault: false,
  };
}

/** What has stopped, and since when: `Scans do not arrive since 14:03`. */
function stoppedText({ why, sinceMs }: StoppedWork, nowMs: number): string {
  return feedWords.since(feedWords.stopped[why], sinceMs === null ? null : minuteTime(sinceMs, nowMs));
}

/** The text of an empty list: it says that there is nothing only when that is certain. */
export function emptyText(
  fresh: Freshness,
  stopped: readonly StoppedWork[],
  lastReceivedAtMs: number | null,
  nowMs: number,
): string {
  const { text, isFault } = statusLine(fresh, stopped, nowMs);
  if (fresh.kind === 'slow' || fresh.kind === 'lost' || stopped.some(({ why }) => KEEPS_SCANS_OUT.has(why)))
    return feedWords.emptyUnsure;
  const received = lastReceivedAtMs === null ? null : clockTime(lastReceivedAtMs, nowMs);
  return feedWords.empty(received, isFault ? `${text}.` : text);
}
