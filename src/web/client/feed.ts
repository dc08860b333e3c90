/** How long the feed may be silent before the page says so, and before it freezes the list. */
const SLOW_AFTER_MS = 15_000;
const LOST_AFTER_MS = 30_000;

export type FeedState = { kind: 'live' } | { kind: 'slow'; silentSeconds: number } | { kind: 'lost'; sinceMs: number };

/** Follows the server's events; `onChange` is told that the list may have changed, `onState` how fresh the feed is. */
export function followFeed(url: string, onChange: () => void, onState: (state: FeedState) => void): () => void {
  let lastHeardMs = Date.now();
  let source = open();
  function open(): EventSource {
    const opened = new EventSource(url);
    const heard = () => {
      lastHeardMs = Date.now();
    };
    opened.addEventListener('heartbeat', heard);
    opened.addEventListener('change', () => {
      heard();
      onChange();
    });
    opened.addEventListener('open', () => {
      heard();
      // What happened while the line was down is not repeated: read the list again.
      onChange();
    });
    return opened;
  }
  const timer = window.setInterval(() => {
    const silentMs = Date.now() - lastHeardMs;
    if (silentMs < SLOW_AFTER_MS) onState({ kind: 'live' });
    else if (silentMs < LOST_AFTER_MS) onState({ kind: 'slow', silentSeconds: Math.round(silentMs / 1000) });
    else onState({ kind: 'lost', sinceMs: lastHeardMs });
    // A browser gives up on some errors for good: open the line anew.
    if (source.readyState === EventSource.CLOSED) source = open();
  }, 1_000);
  return () => {
    window.clearInterval(timer);
    source.close();
  };
}
