import { RINGS_AGAIN_AFTER_MS } from '../../case/attention.ts';

/** After a chime, new flags wait this long for the next one. */
const GROUP_MS = 30_000;
/** After this many chimes within the span, further flags are summarised in one at its end. */
const MOST_CHIMES = 3;
const SPAN_MS = 600_000;
/** A newly opened page does not ring for flags older than this. */
const FRESH_MS = 600_000;

export interface Flag {
  caseRef: string;
  /** Where to look, in one line; null when it is not known. */
  finding?: string | null;
  flaggedAtMs: number;
  claimed: boolean;
  /** A person has opened it anywhere, or has stopped its ringing. */
  attended?: boolean;
  /** Later than `flaggedAtMs` when its claim was given back: from then on it is as good as new. */
  ringsFromMs?: number;
}

/**
 * When to ring, and for how many flags. A study rings once, and again after a while for as long as nobody opens or claims it; it rings anew if it stopped being
 * flagged in between.
 */
export class ChimePlan {
  /** When each study last rang or was attended to; Infinity for those that need no more chimes. */
  #heard = new Map<string, number>();
  #waiting = new Set<string>();
  #rung: number[] = [];
  #lookedAt: string | null = null;
  #openedMs: number;

  constructor(heard: Iterable<string>, openedMs: number) {
    this.#openedMs = openedMs;
    this.adopt(heard);
  }

  /** What has rung, in the form that the browser keeps: "case@time", or "case" for good. */
  get heard(): string[] {
    return [...this.#heard].map(([ref, atMs]) => (atMs === Infinity ? ref : `${ref}@${atMs}`));
  }

  /** Takes over what another tab has rung for. */
  adopt(heard: Iterable<string>): void {
    for (const entry of heard) {
      const [ref = '', atMs] = entry.split('@');
      const known = this.#heard.get(ref) ?? -Infinity;
      this.#heard.set(ref, Math.max(known, atMs === undefined ? Infinity : Number(atMs)));
    }
  }

  /** Somebody has opened the case here. */
  opened(caseRef: string): void {
    this.#lookedAt = caseRef;
    this.#heard.set(caseRef, Infinity);
  }

  /** Flags that came since the page was opened and were not opened or claimed yet, newest first. */
  fresh(open: readonly Flag[]): Flag[] {
    return open.filter(
      (flag) =>
        (flag.ringsFromMs ?? flag.flaggedAtMs) > this.#openedMs &&
        !flag.claimed &&
        flag.attended !== true &&
        this.#heardOf(flag) !== Infinity,
    );
  }

  /** When it last rang; a flag that was given back counts as one that has not rung yet. */
  #heardOf({ caseRef, flaggedAtMs, ringsFromMs = flaggedAtMs }: Flag): number | undefined {
    const heardMs = this.#heard.get(caseRef);
    if (heardMs === undefined || ringsFromMs <= flaggedAtMs || caseRef === this.#lookedAt) return heardMs;
    return heardMs === Infinity || heardMs < ringsFromMs ? undefined : heardMs;
  }

  /** How many flags to ring for now; 0 for silence. A desk that rings only for what the others have left alone does so `delayMs` later. */
  next(open: readonly Flag[], nowMs: number, delayMs = 0): number {
    const refs = new Set(open.map(({ caseRef }) => caseRef));
    for (const ref of this.#heard.keys()) if (!refs.has(ref)) this.#heard.delete(ref);
    this.#waiting = new Set([...this.#waiting].filter((ref) => refs.has(ref)));
    for (const flag of open) {
      const { caseRef, flaggedAtMs, claimed, attended = false, ringsFromMs = flaggedAtMs } = flag;
      const heardMs = this.#heardOf(flag);
      const isOld = heardMs === undefined && ringsFromMs + delayMs < this.#openedMs - FRESH_MS;
      // The clocks of server and browser may differ: what is new rings at once.
      const isDue = ringsFromMs + delayMs === flaggedAtMs || nowMs >= ringsFromMs + delayMs;
      if (claimed || attended || isOld) {
        this.#waiting.delete(caseRef);
        // After a claim is given back, other readers have ten minutes before it rings again.
        if (heardMs !== Infinity) this.#heard.set(caseRef, claimed ? nowMs : Infinity);
      } else if (isDue && (heardMs === undefined || nowMs - heardMs > RINGS_AGAIN_AFTER_MS)) this.#waiting.add(caseRef);
      else this.#waiting.delete(caseRef);
    }
    if (this.#waiting.size === 0) return 0;
    this.#rung = this.#rung.filter((at) => nowMs - at < SPAN_MS);
    if (nowMs - (this.#rung.at(-1) ?? -Infinity) < GROUP_MS || this.#rung.length >= MOST_CHIMES) return 0;
    this.#rung.push(nowMs);
    const count = this.#waiting.size;
    for (const ref of this.#waiting) this.#heard.set(ref, nowMs);
    this.#waiting.clear();
    return count;
  }
}

/** `22:00` to `07:00` may pass midnight; without both there are no quiet hours. */
export function isQuiet(from: string, to: string, now: Date): boolean {
  if (!/^\d\d:\d\d$/.test(from) || !/^\d\d:\d\d$/.test(to) || from === to) return false;
  const time = `${String(now.getHours()).padStart(2, '0')}:${String(now.getMinutes()).padStart(2, '0')}`;
  return from < to ? time >= from && time < to : time >= from || time < to;
}
