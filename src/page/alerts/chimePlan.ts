/** After a chime, new flags wait this long for the next one. */
const GROUP_MS = 30_000;
/** After this many chimes within the span, further flags are summarised in one at its end. */
const MOST_CHIMES = 3;
const SPAN_MS = 600_000;
/** A newly opened page does not ring for flags older than this. */
const FRESH_MS = 600_000;

export interface Flag {
  caseRef: string;
  flaggedAtMs: number;
  claimed: boolean;
}

/** A flag that nobody has opened or claimed rings again after this time. */
const AGAIN_MS = 600_000;

/**
 * When to ring, and for how many flags. A study rings once, and again after a while for as long as nobody opens or claims it; it rings anew if it stopped being
 * flagged in between.
 */
export class ChimePlan {
  /** When each study last rang or was attended to; Infinity for those that need no more chimes. */
  #heard = new Map<string, number>();
  #waiting = new Set<string>();
  #rung: number[] = [];
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
    this.#heard.set(caseRef, Infinity);
  }

  /** Flags that came since the page was opened and were not opened or claimed yet, newest first. */
  fresh(open: readonly Flag[]): Flag[] {
    return open.filter(
      ({ caseRef, flaggedAtMs, claimed }) =>
        flaggedAtMs > this.#openedMs && !claimed && this.#heard.get(caseRef) !== Infinity,
    );
  }

  /** How many flags to ring for now; 0 for silence. */
  next(open: readonly Flag[], nowMs: number): number {
    const refs = new Set(open.map(({ caseRef }) => caseRef));
    for (const ref of this.#heard.keys()) if (!refs.has(ref)) this.#heard.delete(ref);
    this.#waiting = new Set([...this.#waiting].filter((ref) => refs.has(ref)));
    for (const { caseRef, flaggedAtMs, claimed } of open) {
      const heardMs = this.#heard.get(caseRef);
      if (claimed || (heardMs === undefined && flaggedAtMs < this.#openedMs - FRESH_MS)) {
        this.#waiting.delete(caseRef);
        // After a claim is given back, other readers have ten minutes before it rings again.
        if (heardMs !== Infinity) this.#heard.set(caseRef, claimed ? nowMs : Infinity);
      } else if (heardMs === undefined || nowMs - heardMs > AGAIN_MS) this.#waiting.add(caseRef);
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
