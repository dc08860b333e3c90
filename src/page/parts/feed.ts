import { LIVE, POLL_EVERY_MS, type Freshness } from './freshness.ts';
import { listenToLine } from './line.ts';

/** How long the list may be out of date before the page says so, and before it freezes the list. */
const SLOW_AFTER_MS = 15_000;
const LOST_AFTER_MS = 30_000;
/** After this long without any data, although the server sends a heartbeat every 5 s, something on the way must be buffering the feed. */
const SILENT_AFTER_MS = 12_000;
/** How often to read without any event, because waiting times grow. */
const READ_ANYWAY_EVERY_MS = 30_000;
/** How often to read while the server refuses the feed: the response tells why, such as that the session has ended. */
const READ_WITHOUT_LINE_EVERY_MS = 3_000;

/** How fresh a list is that was last known to be correct at `currentMs`; the feed was last heard at `heardMs`. */
function freshness(currentMs: number, heardMs: number, nowMs: number): Freshness {
  const oldMs = nowMs - currentMs;
  if (oldMs >= LOST_AFTER_MS) return { kind: 'lost', sinceMs: currentMs };
  if (oldMs >= SLOW_AFTER_MS) return { kind: 'slow', silentSeconds: Math.round(oldMs / 1000) };
  return nowMs - heardMs < SLOW_AFTER_MS ? LIVE : { kind: 'polling' };
}

export interface Feed {
  /** Reads the list now; never rejects, because the freshness reports failures. */
  refresh: () => Promise<void>;
  stop: () => void;
}

/**
 * Keeps the list up to date: reads it whenever the server's events say that it may have changed, one read at a time, and again until a read succeeds.
 * A live feed with failing reads is as bad as no feed, so both count in the freshness passed to `onFreshness`. Where no event arrives, as behind a proxy that
 * buffers responses, it reads every few seconds instead.
 */
export function followFeed(read: () => Promise<void>, onFreshness: (freshness: Freshness) => void): Feed {
  let heardMs = Date.now();
  /** Times of the earliest change for which no read has started, and of the one being read. */
  let changedMs: number | null = null;
  let readingMs: number | null = null;
  /** When the newest successful read began. */
  let readAtMs = Date.now();

  const tell = () =>
    onFreshness(
      freshness(Math.min(Math.max(heardMs, readAtMs), readingMs ?? changedMs ?? Infinity), heardMs, Date.now()),
    );

  async function refresh(): Promise<void> {
    changedMs ??= Date.now();
    while (readingMs === null && changedMs !== null) {
      readingMs = changedMs;
      changedMs = null;
      const beganMs = Date.now();
      try {
        await read();
        readAtMs = beganMs;
        readingMs = null;
      } catch {
        // The next tick tries again; until then the list counts as out of date since the change.
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
  const line = listenToLine((event) => {
    heardMs = Date.now();
    tell();
    // Events missed while the feed was down are not repeated, so opening it counts as a change.
    if (event !== 'heartbeat') begin();
  });
  const timer = window.setInterval(() => {
    const nowMs = Date.now();
    const everyMs = line.isRefused()
      ? READ_WITHOUT_LINE_EVERY_MS
      : nowMs - heardMs >= SILENT_AFTER_MS
        ? POLL_EVERY_MS
        : READ_ANYWAY_EVERY_MS;
    if (changedMs !== null || nowMs - readAtMs >= everyMs) begin();
    tell();
  }, 1_000);
  begin();
  return {
    refresh,
    stop: () => {
      window.clearInterval(timer);
      line.stop();
    },
  };
}
