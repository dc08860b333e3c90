import { feedWords } from './feedWords.ts';

/** How long the list may be out of touch before the page says so, and before it freezes the list. */
const SLOW_AFTER_MS = 15_000;
const LOST_AFTER_MS = 30_000;
/** Waiting times grow without any event. */
const READ_ANYWAY_EVERY_MS = 30_000;
/** While the server refuses the line: the answer to a reading tells why, such as that the session has ended. */
const READ_WITHOUT_LINE_EVERY_MS = 3_000;

export type Freshness = { kind: 'live' } | { kind: 'slow'; silentSeconds: number } | { kind: 'lost'; sinceMs: number };

export const LIVE: Freshness = { kind: 'live' };

/** How fresh a list is that was last known to be right at `currentMs`. */
function freshness(currentMs: number, nowMs: number): Freshness {
  const silentMs = nowMs - currentMs;
  if (silentMs < SLOW_AFTER_MS) return LIVE;
  return silentMs < LOST_AFTER_MS
    ? { kind: 'slow', silentSeconds: Math.round(silentMs / 1000) }
    : { kind: 'lost', sinceMs: currentMs };
}

/** The freshness in a few words; empty when lost, which an alert says. */
export function feedText(fresh: Freshness): string {
  if (fresh.kind === 'slow') return feedWords.slowFeed(fresh.silentSeconds);
  return fresh.kind === 'live' ? feedWords.liveFeed : '';
}

export interface Feed {
  /** Reads the list now; never rejects, for the freshness tells of failures. */
  refresh: () => Promise<void>;
  stop: () => void;
}

/**
 * Keeps the list current: reads it whenever the server's events say that it may have changed, one read at a time, and again until a read succeeds.
 * A live line with failing reads is as bad as no line, so both count in what `onFreshness` hears.
 */
export function followFeed(url: string, read: () => Promise<void>, onFreshness: (freshness: Freshness) => void): Feed {
  let heardMs = Date.now();
  /** Of the earliest change that no read has been started for, and of the one being read. */
  let changedMs: number | null = null;
  let readingMs: number | null = null;
  let readAtMs = Date.now();

  const tell = () => onFreshness(freshness(Math.min(heardMs, readingMs ?? changedMs ?? Infinity), Date.now()));

  async function refresh(): Promise<void> {
    changedMs ??= Date.now();
    while (readingMs === null && changedMs !== null) {
      readingMs = changedMs;
      changedMs = null;
      try {
        await read();
        readAtMs = Date.now();
        readingMs = null;
      } catch {
        // The next tick tries again; until then the list counts as behind since the change.
        changedMs = readingMs;
        readingMs = null;
        break;
      }
    }
    tell();
  }
  const begin = () => {
    refresh().catch(reportError);
  };

  let source = open();
  function open(): EventSource {
    const opened = new EventSource(url);
    const heard = () => {
      heardMs = Date.now();
      tell();
    };
    opened.addEventListener('heartbeat', heard);
    // What happened while the line was down is not repeated: an open line is a change too.
    for (const event of ['change', 'open']) {
      opened.addEventListener(event, () => {
        heard();
        begin();
      });
    }
    return opened;
  }
  const timer = window.setInterval(() => {
    // A browser gives up a line for good that is refused: open it anew.
    const refused = source.readyState === EventSource.CLOSED;
    if (changedMs !== null || Date.now() - readAtMs >= (refused ? READ_WITHOUT_LINE_EVERY_MS : READ_ANYWAY_EVERY_MS))
      begin();
    tell();
    if (refused) source = open();
  }, 1_000);
  begin();
  return {
    refresh,
    stop: () => {
      window.clearInterval(timer);
      source.close();
    },
  };
}
