import { messageOf } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { backoffMs } from '../base/backoff.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { AuditOutbox } from '../worklist/audit/auditOutbox.ts';
import type { AuditSource } from './auditMessage.ts';
import { auditMessageOf, type AuditNaming } from './auditMessageOf.ts';
import { auditXml } from './auditXml.ts';
import { syslogMessage } from './syslogMessage.ts';
import type { SyslogTransport } from './syslogTransport.ts';

export interface AuditTrailOptions {
  outbox: AuditOutbox;
  transport: SyslogTransport;
  naming: AuditNaming;
  source: AuditSource;
  /** Whether this process is the one that sends. Default: it is. */
  isOurs?: () => Promise<boolean>;
  /** An entry that has waited for longer raises an alarm. */
  alarmAfterMs: number;
  clock: Clock;
  log: Log;
  pollMs?: number;
  retryMinMs?: number;
}

interface AuditTrailStatus {
  address: string;
  /** Newest entry that the repository has. */
  sentSeq: number;
  /** Entries that have not been sent, and when the oldest of them was made. */
  waiting: number;
  oldestAtMs: number | null;
  lastError: string | null;
  alarm: string | null;
}

export interface AuditTrail {
  status(): Promise<AuditTrailStatus>;
  /** Makes one last short attempt to send, then stops: the rest waits in the audit. */
  close(): Promise<void>;
}

const BATCH = 200;
const POLL_MS = 2_000;
const RETRY_MIN_MS = 5_000;
const RETRY_MAX_MS = 300_000;
/** How long stopping waits for a slow repository. */
const LAST_TRY_MS = 2_000;

/** Sends the audit, in order, to the site's repository. Nothing waits for it: the entries to be sent are those after the stored position. */
export function startAuditTrail(options: AuditTrailOptions): AuditTrail {
  const {
    outbox,
    transport,
    naming,
    source,
    isOurs = () => Promise.resolve(true),
    clock,
    log,
    pollMs = POLL_MS,
    retryMinMs = RETRY_MIN_MS,
  } = options;
  let lastError: string | null = null;

  /** Sends one batch; false when there was nothing to send. */
  const sendNext = async (): Promise<boolean> => {
    const entries = await outbox.next(BATCH);
    if (entries.length === 0) return false;
    await transport.send(
      entries.map((entry) =>
        syslogMessage(
          { atMs: entry.atMs, hostName: naming.hostName, sequenceId: entry.seq },
          auditXml(auditMessageOf(entry, naming), source),
        ),
      ),
    );
    await outbox.sent(entries.at(-1)!.seq);
    return true;
  };
  const loop = startWakingLoop({
    isOurs,
    step: async () => {
      const more = await sendNext();
      if (lastError !== null) log.info('the audit repository answers again');
      lastError = null;
      return more;
    },
    pollMs,
    retryMs: (failures) => backoffMs(transport.address, failures, retryMinMs, RETRY_MAX_MS),
    onError: (error, failures) => {
      lastError = messageOf(error);
      log.warn('the audit could not be sent to its repository; it waits', { attempt: failures, error });
    },
    clock,
  });

  return {
    status: async () => {
      const { sentSeq, count, oldestAtMs } = await outbox.waiting();
      const late = oldestAtMs !== null && clock.now() - oldestAtMs > options.alarmAfterMs;
      return {
        address: transport.address,
        sentSeq,
        waiting: count,
        oldestAtMs,
        lastError,
        alarm: late
          ? `The audit repository has not got the last ${count} entries of the audit. ${lastError ?? 'It is behind.'}`
          : null,
      };
    },
    close: async () => {
      const last = loop
        .stop()
        .then(async () => (await isOurs()) && (await sendNext()))
        .catch(() => false);
      await Promise.race([last, clock.sleep(LAST_TRY_MS)]);
    },
  };
}
