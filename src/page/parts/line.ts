import { BASE_PATH, below } from './basePath.ts';

/** Messages of the event feed: `open` when the server has answered; events from before are not repeated. */
export type LineEvent = 'open' | 'heartbeat' | 'change';

export interface Line {
  /** The server refuses the feed; a read tells why, such as that the session has ended. */
  isRefused: () => boolean;
  stop: () => void;
}

/** Name of the lock and of the channel shared by the tabs of one browser. */
const SHARED = `odontoid.line${BASE_PATH}`;
const OPEN_AGAIN_AFTER_MS = 1_000;

type Heard = LineEvent | 'refused';

const listeners = new Set<(event: LineEvent) => void>();
let tab: { isRefused: () => boolean; close: () => void } | null = null;

/**
 * Listens to the server's events. All tabs of a browser share one connection, because HTTP/1.1 allows six for each host and a seventh list would never load:
 * the tab that holds the lock has the connection and tells the others; when it is closed the next one opens its own.
 */
export function listenToLine(hear: (event: LineEvent) => void): Line {
  listeners.add(hear);
  tab ??= joinTabs(below('/api/events'), (event) => {
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
  // Browsers offer locks only for pages loaded over TLS or from this machine. Elsewhere each tab has its own connection.
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

/** A connection that is reopened for as long as it is refused. Returns the function that closes it. */
function openOwnLine(url: string, tell: (event: Heard) => void): () => void {
  let source = open();
  function open(): EventSource {
    const opened = new EventSource(url);
    for (const event of ['open', 'heartbeat', 'change'] as const) opened.addEventListener(event, () => tell(event));
    return opened;
  }
  const timer = window.setInterval(() => {
    // A browser does not retry a refused connection by itself.
    if (source.readyState !== EventSource.CLOSED) return;
    tell('refused');
    source = open();
  }, OPEN_AGAIN_AFTER_MS);
  return () => {
    window.clearInterval(timer);
    source.close();
  };
}
