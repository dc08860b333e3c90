/** What the server says on its line: `open` when it has answered, for what happened before is not repeated. */
export type LineEvent = 'open' | 'heartbeat' | 'change';

export interface Line {
  /** The server does not give the line; a reading tells why, such as that the session has ended. */
  isRefused: () => boolean;
  stop: () => void;
}

/** Name of the lock and of the channel that the tabs of one browser share. */
const SHARED = 'odontoid.line';
const OPEN_AGAIN_AFTER_MS = 1_000;

type Heard = LineEvent | 'refused';

const listeners = new Set<(event: LineEvent) => void>();
let tab: { isRefused: () => boolean; close: () => void } | null = null;

/**
 * Hears the server's events. All tabs of a browser share one line, for HTTP/1.1 has six connections a host, and a seventh list would never load: the tab
 * that holds the lock has the line and tells the others; when it is closed the next one opens its own.
 */
export function listenToLine(hear: (event: LineEvent) => void): Line {
  listeners.add(hear);
  tab ??= joinTabs('/api/events', (event) => {
    for (const listener of [...listeners]) listener(event);
  });
  return {
    isRefused: () => tab?.isRefused() ?? false,
    stop: () => {
      listeners.delete(hear);
      if (listeners.size > 0) return;
      tab?.close();
      tab = null;
    },
  };
}

function joinTabs(url: string, tell: (event: LineEvent) => void) {
  const channel = new BroadcastChannel(SHARED);
  const ended = new AbortController();
  let refused = false;
  const hear = (event: Heard) => {
    refused = event === 'refused';
    if (event !== 'refused') tell(event);
  };
  channel.addEventListener('message', ({ data }) => hear(data as Heard));
  const lead = () =>
    new Promise<void>((done) => {
      const close = openOwnLine(url, (event) => {
        channel.postMessage(event);
        hear(event);
      });
      ended.signal.addEventListener('abort', () => {
        close();
        done();
      });
    });
  // Browsers have locks where the page came over TLS or from this machine. Elsewhere each tab has a line of its own.
  const locks = (navigator as { locks?: LockManager }).locks;
  if (locks === undefined) lead().catch(reportError);
  else
    locks.request(SHARED, { signal: ended.signal }, lead).catch((error: unknown) => {
      if (!ended.signal.aborted) reportError(error);
    });
  return {
    isRefused: () => refused,
    close: () => {
      ended.abort();
      channel.close();
    },
  };
}

/** A line that is opened again for as long as it is refused. Returns what closes it. */
function openOwnLine(url: string, tell: (event: Heard) => void): () => void {
  let source = open();
  function open(): EventSource {
    const opened = new EventSource(url);
    for (const event of ['open', 'heartbeat', 'change'] as const) opened.addEventListener(event, () => tell(event));
    return opened;
  }
  const timer = window.setInterval(() => {
    // A browser gives up a line for good that is refused.
    if (source.readyState !== EventSource.CLOSED) return;
    tell('refused');
    source = open();
  }, OPEN_AGAIN_AFTER_MS);
  return () => {
    window.clearInterval(timer);
    source.close();
  };
}
