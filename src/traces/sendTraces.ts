import { backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { TraceOutbox } from '../worklist/traces/traceOutbox.ts';
import { otlpRequest } from './otlpRequest.ts';

export interface TraceOptions {
  outbox: Pick<TraceOutbox, 'next' | 'sent'>;
  /** Takes OTLP/HTTP. */
  endpoint: string;
  /** Version of the software, which the collector is told. */
  version: string;
  /** Whether this process is the one that sends. */
  isOurs: () => Promise<boolean>;
  clock: Clock;
  log: Log;
  pollMs?: number;
  retryMinMs?: number;
}

/** Events that are looked at in one step: at most two spans each. */
const BATCH = 200;
const POLL_MS = 5_000;
const RETRY_MIN_MS = 5_000;
const RETRY_MAX_MS = 300_000;
const TIMEOUT_MS = 10_000;

/** Sends the ways of studies to a collector, oldest first. Nothing waits for it: what it does not take stays in the database. The function returned ends it. */
export function startTraces(options: TraceOptions): () => Promise<void> {
  const { outbox, endpoint, version, isOurs, clock, log, pollMs = POLL_MS, retryMinMs = RETRY_MIN_MS } = options;
  let isFailing = false;
  const loop = startWakingLoop({
    isOurs,
    step: async (stopping) => {
      const batch = await outbox.next(BATCH);
      if (batch === null) return false;
      if (batch.spans.length > 0) await post(endpoint, otlpRequest(batch.spans, version), { clock, stopping });
      await outbox.sent(batch.sentId);
      if (isFailing) log.info('the collector of traces answers again');
      isFailing = false;
      return true;
    },
    pollMs,
    retryMs: (failures) => backoffMs(endpoint, failures, retryMinMs, RETRY_MAX_MS),
    onError: (error, failures) => {
      isFailing = true;
      log.warn('traces could not be sent to their collector; they wait', { attempt: failures, error });
    },
    clock,
  });
  return loop.stop;
}

async function post(
  endpoint: string,
  body: unknown,
  { clock, stopping }: { clock: Pick<Clock, 'after'>; stopping: AbortSignal },
): Promise<void> {
  const late = new AbortController();
  const cancel = clock.after(TIMEOUT_MS, () => late.abort(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.any([late.signal, stopping]),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the collector answers HTTP ${response.status}`);
  } finally {
    cancel();
  }
}
