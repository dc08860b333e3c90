import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { doubledMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { COMMITMENT_STATUS, type CommitmentAnswer } from './commitmentService.ts';
import { reviveError, type ReceiverEvent, type ReceiverOrder } from './receiverMessages.ts';
import {
  createReceiverRecord,
  type OpenAssociation,
  type ReceiverCounters,
  type ReceiverOptions,
} from './receiverRecord.ts';
import type { ServerTls } from '../base/tlsAcceptor.ts';
import type { AllowedCallers, ReceiveConfig } from './receiveConfig.ts';
import { receiverFork } from './receiverFork.ts';
import { listSpool } from './spool.ts';

export interface Receiver {
  port: number;
  /** Null without `tls` in the configuration. */
  tlsPort: number | null;
  /** Loopback port that takes STOW-RS requests from the page's server; null without `stow`, and while the process is being started again. */
  stowPort(): number | null;
  /** Later TLS connections use this certificate, key and authorities. */
  renewTls(tls: ServerTls): void;
  /** Later associations are judged by these sources, also when the process is started again. */
  allow(callers: AllowedCallers): void;
  isUp(): boolean;
  /** When it died; null while it is up. */
  downSinceMs(): number | null;
  openAssociations(): ReadonlyMap<string, OpenAssociation>;
  /** Reads objects that lie in the spool and are not on record; each that can be read comes as `onStored`. Resolves with the paths that cannot be read. @throws TriageError `receiver-died` */
  describe(paths: readonly string[]): Promise<string[]>;
  counters(): ReceiverCounters;
  peakRssBytes(): Promise<number>;
  /** Takes no more connections, finishes the current objects, and ends; when it resolves, everything stored has been reported. */
  close(): Promise<void>;
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;
/** A receiver that ran this long counts as healthy. */
const SOUND_AFTER_MS = 60_000;
/** How long before its last message a dead receiver may have stored objects that it did not report. */
const UNTOLD_MARGIN_MS = 60_000;
const CLOSE_TIMEOUT_MS = 15_000;
/**
 * Starts the receiver in its own process, and restarts it on the same port whenever it dies.
 *
 * @throws TriageError `config-invalid` when it cannot listen, `receiver-died` when it does not start
 */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { clock, log, spoolDir, node } = options;
  const record = createReceiverRecord(options, clock);
  let child: ChildProcess | null = null;
  /** With the ports and the certificate that a restart has to use. */
  let { config } = options;
  let up = false;
  let downSinceMs: number | null = null;
  let stowPort: number | null = null;
  let closing = false;
  let lastId = 0;
  let generation = 0;
  /** Deaths in a row, with the one that comes next. */
  let deaths = 1;
  const waitMs = (): number => doubledMs(deaths, FIRST_WAIT_MS, LONGEST_WAIT_MS);
  let lastMessageAtMs = clock.now();
  let cancelRestart = (): void => undefined;
  // The process may die before the message is sent; its exit is handled elsewhere.
  const order = (message: ReceiverOrder): unknown => child?.connected === true && child.send(message, () => undefined);
  const onEvent = (event: ReceiverEvent, started: (error?: Error) => void): void => {
    if (event.type === 'failed') started(reviveError(event.error));
    else if (event.type === 'listening') {
      config = listeningOn(config, event);
      ({ stowPort } = event);
      up = true;
      downSinceMs = null;
      started();
    } else if (event.type === 'commitment-asked' || event.type === 'commitment-reported')
      answerCommitment(event, options, order);
    else record.take(event);
  };

  const describe = async (paths: readonly string[]): Promise<string[]> => {
    if (!up) throw new TriageError('receiver-died', 'The receiver is being started again; try once more.');
    const id = ++lastId;
    const unreadable = record.describing(id);
    order({ type: 'describe', id, paths: [...paths] });
    return unreadable;
  };

  /** Starts one process; resolves when it listens. */
  const spawn = async (): Promise<void> => {
    const born = receiverFork.take();
    child = born;
    const bornAtMs = clock.monotonicMs();
    await new Promise<void>((resolve, reject) => {
      const started = (error?: Error): void => (error === undefined ? resolve() : reject(error));
      born.on('message', (events: ReceiverEvent[]) => {
        lastMessageAtMs = clock.now();
        for (const event of events) onEvent(event, started);
      });
      whenDead(born, () => {
        started(new TriageError('receiver-died', 'The receiver process ended before it listened.'));
        onDeath(born, clock.monotonicMs() - bornAtMs);
      });
      order({ type: 'start', config, spoolDir, node, idPrefix: `a${++generation}` });
    });
  };

  const onDeath = (dead: ChildProcess, livedMs: number): void => {
    const wasUp = up;
    child = null;
    up = false;
    downSinceMs ??= clock.now();
    record.died(lastMessageAtMs - UNTOLD_MARGIN_MS);
    if (closing || (!wasUp && record.counters.restarts === 0)) return;
    const { exitCode, signalCode: signal } = dead;
    log.error('the receiver died and is started again', { exitCode, signal, durationMs: waitMs() });
    if (livedMs >= SOUND_AFTER_MS) deaths = 1;
    restartLater();
  };

  const restartLater = (): void => {
    cancelRestart = clock.after(waitMs(), () => {
      restart().catch((error: unknown) => {
        // The exit, which follows or has already come, starts the next process.
        log.error('the receiver is not whole yet', { error });
      });
    });
    deaths += 1;
  };

  const restart = async (): Promise<void> => {
    if (closing) return;
    record.counters.restarts++;
    await spawn();
    // First what the dead receiver stored and did not report, then the end of its associations.
    const sinceMs = record.untoldSinceMs();
    if (sinceMs === null) return;
    const unreadable = await describe(await listSpool(spoolDir, sinceMs, node));
    if (unreadable.length > 0) log.error('objects in the spool cannot be read', { count: unreadable.length });
    record.settle();
  };

  await spawn();
  record.settle();

  return {
    get port() {
      return config.port;
    },
    get tlsPort() {
      return config.tls?.port ?? null;
    },
    stowPort: () => (up ? stowPort : null),
    renewTls: (renewed) => {
      if (config.tls === undefined) return;
      const tls = { ...renewed, port: config.tls.port };
      config = { ...config, tls };
      order({ type: 'renew-tls', tls });
    },
    allow: (callers) => {
      config = { ...config, ...callers };
      order({ type: 'allow', callers });
    },
    isUp: () => up,
    downSinceMs: () => downSinceMs,
    openAssociations: () => record.open,
    describe,
    counters: () => ({ ...record.counters }),
    peakRssBytes: () => {
      if (!up) return Promise.resolve(record.peakRssBytes());
      order({ type: 'usage', id: ++lastId });
      return record.asking(lastId);
    },
    close: async () => {
      closing = true;
      cancelRestart();
      if (child !== null) await ended(child, clock, () => order({ type: 'close' }));
      record.settle();
    },
  };
}

function answerCommitment(
  event: Extract<ReceiverEvent, { type: 'commitment-asked' | 'commitment-reported' }>,
  { onCommitmentAsked, onCommitmentReported, log }: ReceiverOptions,
  order: (message: ReceiverOrder) => unknown,
): void {
  const answer = (given: CommitmentAnswer): unknown => order({ type: 'commitment', id: event.id, answer: given });
  const given =
    event.type === 'commitment-asked' ? onCommitmentAsked?.(event.request) : onCommitmentReported?.(event.reported);
  if (given === undefined) {
    answer({ status: COMMITMENT_STATUS.notAuthorized, why: 'no commitment is given here, and none is asked for' });
    return;
  }
  given.then(answer, (error: unknown) => {
    log.error('what concerns a commitment is not on record', { error });
    answer({ status: COMMITMENT_STATUS.processingFailure, why: 'the agent could not record it: try again' });
  });
}

/** Calls back once the process has ended and its channel has closed, which happens after its last message: only then is it known what was reported. */
function whenDead(born: ChildProcess, onDead: () => void): void {
  let isDead = false;
  const ended = (): void => {
    const wasNeverAlive = born.pid === undefined;
    const isRunning = (born.exitCode ?? born.signalCode) === null || born.connected;
    if (isDead || (isRunning && !wasNeverAlive)) return;
    isDead = true;
    onDead();
  };
  for (const event of ['exit', 'disconnect', 'error'] as const) born.on(event, ended);
}

function listeningOn(
  config: ReceiveConfig,
  { port, tlsPort, stowPort }: Extract<ReceiverEvent, { type: 'listening' }>,
): ReceiveConfig {
  const { tls, stow } = config;
  return {
    ...config,
    port,
    ...(tls === undefined || tlsPort === null ? {} : { tls: { ...tls, port: tlsPort } }),
    ...(stow === undefined || stowPort === null ? {} : { stow: { ...stow, port: stowPort } }),
  };
}

/** Asks a process to end; it is killed when it takes too long. */
async function ended(dying: ChildProcess, clock: Clock, ask: () => void): Promise<void> {
  const gone = whenGone(dying);
  ask();
  const cancel = clock.after(CLOSE_TIMEOUT_MS, () => dying.kill('SIGKILL'));
  await gone;
  cancel();
}

async function whenGone(dying: ChildProcess): Promise<void> {
  await Promise.all([
    dying.exitCode === null && dying.signalCode === null ? once(dying, 'exit') : null,
    dying.connected ? once(dying, 'disconnect') : null,
  ]);
}
