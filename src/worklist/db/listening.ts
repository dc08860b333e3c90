import pg from 'pg';
import { systemClock } from '../../base/clock.ts';
import { startWakingLoop } from '../../base/wakingLoop.ts';
import type { Listening } from './worklistDatabase.ts';

/** A connection that broke without a word is noticed after so long, and once more for the answer that does not come. */
const ASK_EVERY_MS = 2_000;
const ANSWER_MS = 2_000;
const RETRY_MS = 500;

/** Listens on a channel of a PostgreSQL server, on a connection of its own, until the returned function is called. */
export function listenOn(
  config: pg.ClientConfig,
  channel: string,
  { onMessage, onGap, onError }: Listening,
): () => Promise<void> {
  let listening: pg.Client | null = null;
  const connect = async (): Promise<void> => {
    const client = new pg.Client({ ...config, query_timeout: ANSWER_MS });
    client.on('error', () => undefined);
    client.on('notification', ({ payload = '' }) => onMessage(payload));
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    listening = client;
    client.once('end', () => {
      if (listening !== client) return;
      listening = null;
      loop.wake();
    });
    onGap();
  };
  const loop = startWakingLoop({
    step: async () => {
      if (listening === null) await connect();
      else await stillThere(listening);
      return false;
    },
    pollMs: ASK_EVERY_MS,
    retryMs: () => RETRY_MS,
    onError,
    clock: systemClock,
  });
  /** A connection that does not answer is given up, without waiting for its end. */
  const stillThere = async (client: pg.Client): Promise<void> => {
    try {
      await client.query('select 1');
    } catch (error) {
      listening = null;
      client.end().catch(() => undefined);
      throw error;
    }
  };
  return async () => {
    await loop.stop();
    const last = listening;
    listening = null;
    await last?.end();
  };
}
