/** Flags that come while a chime has just rung wait for the next one. */
const GROUP_MS = 30_000;
/** More chimes than this within the span, and what follows becomes one summary at its end. */
const MOST_CHIMES = 3;
const SPAN_MS = 600_000;
/** A page that was just opened does not ring for what is older. */
const FRESH_MS = 600_000;

export interface Flag {
  caseRef: string;
  flaggedAtMs: number;
  claimed: boolean;
}

/** When to ring, and for how many. One chime a study, ever, unless it stopped being flagged in between; none for what somebody reads already. */
export class ChimePlan {
  #heard: Set<string>;
  #waiting = new Set<string>();
  #rung: number[] = [];
  #openedMs: number;

  constructor(heard: Iterable<string>, openedMs: number) {
    this.#heard = new Set(heard);
    this.#openedMs = openedMs;
  }

  /** Studies that need no chime any more, to be kept by the browser. */
  get heard(): string[] {
    return [...this.#heard];
  }

  /** Flags not yet opened or claimed that came since the page was opened, newest first. */
  fresh(open: readonly Flag[]): Flag[] {
    return open.filter((flag) => flag.flaggedAtMs > this.#openedMs && !flag.claimed);
  }

  /** How many flags to ring for now; 0 for silence. */
  next(open: readonly Flag[], nowMs: number): number {
    const refs = new Set(open.map(({ caseRef }) => caseRef));
    this.#heard = new Set([...this.#heard].filter((ref) => refs.has(ref)));
    this.#waiting = new Set([...this.#waiting].filter((ref) => refs.has(ref)));
    for (const { caseRef, flaggedAtMs, claimed } of open) {
      if (this.#heard.has(caseRef)) continue;
      if (claimed || flaggedAtMs < this.#openedMs - FRESH_MS) {
        this.#waiting.delete(caseRef);
        this.#heard.add(caseRef);
      } else this.#waiting.add(caseRef);
    }
    if (this.#waiting.size === 0) return 0;
    this.#rung = this.#rung.filter((at) => nowMs - at < SPAN_MS);
    if (nowMs - (this.#rung.at(-1) ?? -Infinity) < GROUP_MS || this.#rung.length >= MOST_CHIMES) return 0;
    this.#rung.push(nowMs);
    const count = this.#waiting.size;
    for (const ref of this.#waiting) this.#heard.add(ref);
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
