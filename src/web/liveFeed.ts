import type { Request, Response } from 'express';
import type { Clock } from '../base/clock.ts';

const HEARTBEAT_MS = 5_000;
/** Limit over all pages that listen; no site has more readers or screens at a time. */
const MOST_LISTENERS = 200;
/** Limit for one address, behind which a whole reading room may be: no address can take every place. */
const MOST_FROM_ADDRESS = 100;
/** Limit for one session, token or screen: more tabs than anybody has open. */
const MOST_OF_ONE = 12;

/** A browser with this much unread data is disconnected; it reconnects by itself. */
const MOST_UNREAD_BYTES = 64 * 1024;

export interface LiveFeed {
  /** Answers one request with an event stream that lasts until the browser disconnects or `mayListen` says that its session has ended. HEAD gets the headers only. */
  serve: (request: Request, response: Response, listener: Listener) => void;
  close: () => void;
}

/** Who listens, and until when they may. */
interface Listener {
  address: string;
  /** Session, token or screen; null where nobody signs in. */
  who: string | null;
  mayListen: () => Promise<boolean>;
}

/** Server-sent events: `change` when the worklist may look different, `heartbeat` so that silence means a fault. They carry no identifiers. */
export function createLiveFeed(onChange: (listener: () => void) => () => void, clock: Clock): LiveFeed {
  const listeners = new Map<Response, Listener>();
  let counter = 0;
  const send = (event: string) => {
    counter += 1;
    for (const response of listeners.keys()) {
      if (response.writableLength > MOST_UNREAD_BYTES) response.destroy();
      else response.write(`id: ${counter}\nevent: ${event}\ndata: ${clock.now()}\n\n`);
    }
  };
  // A burst of slices is sent as one change.
  let pending = false;
  let cancelPending = (): void => undefined;
  const unsubscribe = onChange(() => {
    if (pending) return;
    pending = true;
    cancelPending = clock.after(150, () => {
      pending = false;
      send('change');
    });
  });
  let closed = false;
  let cancelBeat = (): void => undefined;
  /** Disconnects everybody whose session has ended, by sign-out or by timeout. */
  const dismiss = async () => {
    for (const [response, { mayListen }] of [...listeners]) {
      // If the check fails, disconnect: the browser reconnects and is authenticated again.
      if (await mayListen().catch(() => false)) continue;
      listeners.delete(response);
      response.end();
    }
  };
  const beat = () => {
    cancelBeat = clock.after(HEARTBEAT_MS, () => {
      dismiss()
        .catch(() => undefined)
        .finally(() => {
          send('heartbeat');
          if (!closed) beat();
        });
    });
  };
  beat();
  return {
    serve: (request, response, listener) => {
      if (request.method === 'HEAD') {
        response.writeHead(200, HEAD).end();
        return;
      }
      if (isFull(listeners, listener)) {
        response.status(503).json({ error: 'too-many-listeners', message: 'Too many pages are open; close some.' });
        return;
      }
      response.writeHead(200, HEAD);
      response.write(`retry: 2000\nevent: heartbeat\ndata: ${clock.now()}\n\n`);
      listeners.set(response, listener);
      response.on('close', () => listeners.delete(response));
    },
    close: () => {
      closed = true;
      unsubscribe();
      cancelPending();
      cancelBeat();
      for (const response of listeners.keys()) response.end();
      listeners.clear();
    },
  };
}

const HEAD = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  Connection: 'keep-alive',
  'X-Accel-Buffering': 'no',
};

function isFull(listeners: ReadonlyMap<Response, Listener>, { address, who }: Listener): boolean {
  const all = [...listeners.values()];
  return (
    all.length >= MOST_LISTENERS ||
    all.filter((other) => other.address === address).length >= MOST_FROM_ADDRESS ||
    (who !== null && all.filter((other) => other.who === who).length >= MOST_OF_ONE)
  );
}
