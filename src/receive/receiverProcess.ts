import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { forkBeside } from '../base/childProcess.ts';
import type { StoredInstance } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ReceiveConfig } from './receiveConfig.ts';
import { recoveredAssociationId, reviveError, type ReceiverEvent, type ReceiverOrder } from './receiverMessages.ts';
import type { Refusal, RefusalKind } from './refusals.ts';
import { listSpool } from './spool.ts';
import { wholeStudies } from './wholeStudies.ts';

export interface ReceiverOptions {
  config: ReceiveConfig;
  spoolDir: string;
  clock: Clock;
  log: Log;
  /** An object is durable on disk; resends and what a crash left untold come here too, perhaps again: recording must be idempotent. */
  onStored(instance: StoredInstance, associationId: string): void;
  /**
   * After every `onStored` of the association. `clean` says that the sender released it; else it was cut, or the receiver died. `whole` are the studies
   * of which nothing more is under way.
   */
  onReleased(associationId: string, studyInstanceUids: string[], end: { clean: boolean; whole: string[] }): void;
  /** Something was turned away at the door, or ended early. */
  onRefused?(refusal: Refusal): void;
}

export interface OpenAssociation {
  callingAeTitle: string;
  address: string;
  openedAtMs: number;
  /** Studies of which something was stored. */
  studyInstanceUids: ReadonlySet<string>;
}

export interface ReceiverCounters {
  associations: number;
  /** Associations rejected. */
  rejected: number;
  /** Objects acknowledged, also those that came again. */
  stored: number;
  /** Objects answered with a failure. */
  refused: number;
  /** Presentation contexts refused. */
  refusedContexts: number;
  /** Associations that ended without a release. */
  aborted: number;
  /** Connections closed at once because too many were open. */
  dropped: number;
  /** How often the process had to be started again. */
  restarts: number;
}

export interface Receiver {
  port: number;
  isUp(): boolean;
  openAssociations(): ReadonlyMap<string, OpenAssociation>;
  /** Reads objects that lie in the spool and are not on record; each that can be read comes as `onStored`. Resolves with the paths that cannot be read. @throws TriageError `receiver-died` */
  describe(paths: readonly string[]): Promise<string[]>;
  counters(): ReceiverCounters;
  peakRssBytes(): Promise<number>;
  /** Takes no more connections, finishes objects in hand, and ends; everything stored has been told when it resolves. */
  close(): Promise<void>;
}

const REFUSAL_COUNTERS = {
  association: 'rejected',
  context: 'refusedContexts',
  object: 'refused',
  abort: 'aborted',
  connection: 'dropped',
} as const satisfies Record<RefusalKind, keyof ReceiverCounters>;

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;
/** A receiver that lived so long was sound. */
const SOUND_AFTER_MS = 60_000;
/** How long before its last message a dead receiver may have stored what it could not tell. */
const UNTOLD_MARGIN_MS = 60_000;
const CLOSE_TIMEOUT_MS = 15_000;
/** Syncs wait for the disk, each in a thread of libuv's. */
const IO_THREADS = '16';
/** The process that reads hostile bytes does not get the agent's environment, which holds its secrets. */
const PASSED_ENVIRONMENT = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'SystemRoot'];

interface TrackedAssociation extends OpenAssociation {
  studyInstanceUids: Set<string>;
}

/**
 * Starts the receiver in a process of its own, and again whenever it dies, on the same port.
 *
 * @throws TriageError `config-invalid` when it cannot listen, `receiver-died` when it does not start
 */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { clock, log } = options;
  const counters: ReceiverCounters = {
    associations: 0,
    rejected: 0,
    stored: 0,
    refused: 0,
    refusedContexts: 0,
    aborted: 0,
    dropped: 0,
    restarts: 0,
  };
  const open = new Map<string, TrackedAssociation>();
  const describing = new Map<
    number,
    { studyInstanceUids: Set<string>; resolve: (unreadable: string[]) => void; reject: (error: Error) => void }
  >();
  const asking = new Map<number, (peakRssBytes: number) => void>();
  let child: ChildProcess | null = null;
  let port = options.config.port;
  let up = false;
  let closing = false;
  let lastId = 0;
  let generation = 0;
  let waitMs = FIRST_WAIT_MS;
  let lastMessageAtMs = clock.now();
  let peakRssBytes = 0;
  let cancelRestart = (): void => undefined;
  /** What a death left to be done, until it has been done. */
  let aftermath: { sinceMs: number; associations: Map<string, TrackedAssociation> } | null = null;

  const order = (message: ReceiverOrder): void => {
    // It may die between the question and the pipe; its death is heard of elsewhere.
    if (child?.connected === true) child.send(message, () => undefined);
  };
  const call = (name: string, run: () => void): void => {
    try {
      run();
    } catch (error) {
      log.error('what a received object set off has failed', { action: name, error });
    }
  };
  const release = (
    associationId: string,
    { studyInstanceUids }: { studyInstanceUids: ReadonlySet<string> },
    clean: boolean,
  ): void => {
    const others = [...open.values(), ...(aftermath?.associations.values() ?? [])];
    const whole = wholeStudies({ studyInstanceUids, clean }, others);
    call('onReleased', () => {
      options.onReleased(associationId, [...studyInstanceUids], { clean, whole });
    });
  };

  const onEvent = (event: ReceiverEvent, started: (error?: Error) => void): void => {
    switch (event.type) {
      case 'listening':
        port = event.port;
        up = true;
        started();
        break;
      case 'failed':
        started(reviveError(event.error));
        break;
      case 'opened':
        counters.associations++;
        open.set(event.associationId, {
          callingAeTitle: event.callingAeTitle,
          address: event.address,
          openedAtMs: clock.now(),
          studyInstanceUids: new Set(),
        });
        break;
      case 'stored': {
        const recovery = [...describing].find(([id]) => recoveredAssociationId(id) === event.associationId)?.[1];
        if (recovery === undefined) counters.stored++;
        (recovery ?? open.get(event.associationId))?.studyInstanceUids.add(event.instance.header.studyInstanceUid);
        call('onStored', () => {
          options.onStored(event.instance, event.associationId);
        });
        break;
      }
      case 'refused': {
        const { refusal } = event;
        counters[REFUSAL_COUNTERS[refusal.kind]]++;
        call('onRefused', () => options.onRefused?.(refusal));
        break;
      }
      case 'ended': {
        const association = open.get(event.associationId);
        open.delete(event.associationId);
        if (association !== undefined) release(event.associationId, association, event.clean);
        break;
      }
      case 'described': {
        const recovery = describing.get(event.id);
        describing.delete(event.id);
        if (recovery === undefined) break;
        if (recovery.studyInstanceUids.size > 0) release(recoveredAssociationId(event.id), recovery, false);
        recovery.resolve(event.unreadable);
        break;
      }
      case 'usage':
        peakRssBytes = Math.max(peakRssBytes, event.peakRssBytes);
        asking.get(event.id)?.(event.peakRssBytes);
        asking.delete(event.id);
        break;
      case 'log':
        log[event.level](event.message, {
          ...event.fields,
          ...(event.error === undefined ? {} : { error: reviveError(event.error) }),
        });
        break;
    }
  };

  const describe = async (paths: readonly string[]): Promise<string[]> => {
    if (!up) throw new TriageError('receiver-died', 'The receiver is being started again; try once more.');
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      describing.set(id, { studyInstanceUids: new Set(), resolve, reject });
      order({ type: 'describe', id, paths: [...paths] });
    });
  };

  /** Starts one process; resolves when it listens. */
  const spawn = async (): Promise<void> => {
    const environment = Object.fromEntries(
      PASSED_ENVIRONMENT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    );
    const born = forkBeside(import.meta.url, 'receiverChild', {
      execArgv: ['--max-old-space-size=256'],
      env: { ...environment, UV_THREADPOOL_SIZE: IO_THREADS },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child = born;
    const bornAtMs = clock.monotonicMs();
    await new Promise<void>((resolve, reject) => {
      const started = (error?: Error): void => {
        if (error === undefined) resolve();
        else reject(error);
      };
      born.on('message', (events: ReceiverEvent[]) => {
        lastMessageAtMs = clock.now();
        for (const event of events) onEvent(event, started);
      });
      // The channel closes after its last message; only then is it known what was told.
      let isDead = false;
      const ended = (): void => {
        const wasNeverAlive = born.pid === undefined;
        if (
          isDead ||
          !(wasNeverAlive || (born.exitCode ?? born.signalCode) !== null) ||
          (born.connected && !wasNeverAlive)
        )
          return;
        isDead = true;
        started(new TriageError('receiver-died', 'The receiver process ended before it listened.'));
        onDeath(born, clock.monotonicMs() - bornAtMs);
      };
      for (const event of ['exit', 'disconnect', 'error'] as const) born.on(event, ended);
      order({
        type: 'start',
        config: { ...options.config, port },
        spoolDir: options.spoolDir,
        idPrefix: `a${++generation}`,
      });
    });
  };

  const onDeath = (dead: ChildProcess, livedMs: number): void => {
    const wasUp = up;
    child = null;
    up = false;
    for (const { reject } of describing.values())
      reject(new TriageError('receiver-died', 'The receiver died while it read the spool.'));
    describing.clear();
    for (const answer of asking.values()) answer(peakRssBytes);
    asking.clear();
    aftermath ??= { sinceMs: lastMessageAtMs - UNTOLD_MARGIN_MS, associations: new Map() };
    for (const [associationId, association] of open) aftermath.associations.set(associationId, association);
    open.clear();
    if (closing || (!wasUp && counters.restarts === 0)) return;
    log.error('the receiver died and is started again', {
      exitCode: dead.exitCode,
      signal: dead.signalCode,
      durationMs: waitMs,
    });
    if (livedMs >= SOUND_AFTER_MS) waitMs = FIRST_WAIT_MS;
    restartLater();
  };

  const restartLater = (): void => {
    cancelRestart = clock.after(waitMs, () => {
      restart().catch((error: unknown) => {
        // Its death, which follows or has come, starts the next one.
        log.error('the receiver is not whole yet', { error });
      });
    });
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  };

  const restart = async (): Promise<void> => {
    if (closing) return;
    counters.restarts++;
    await spawn();
    await settleAftermath();
  };

  /** Tells what the dead receiver had stored and could not tell, then that its associations are over. */
  const settleAftermath = async (): Promise<void> => {
    if (aftermath === null) return;
    const current = aftermath;
    const unreadable = await describe(await listSpool(options.spoolDir, current.sinceMs));
    if (unreadable.length > 0) log.error('objects in the spool cannot be read', { count: unreadable.length });
    releaseAftermath();
  };
  const releaseAftermath = (): void => {
    for (const [associationId, association] of aftermath?.associations ?? [])
      release(associationId, association, false);
    aftermath = null;
  };

  await spawn();
  aftermath = null;

  return {
    get port() {
      return port;
    },
    isUp: () => up,
    openAssociations: () => open,
    describe,
    counters: () => ({ ...counters }),
    peakRssBytes: () => {
      if (!up) return Promise.resolve(peakRssBytes);
      const id = ++lastId;
      return new Promise((resolve) => {
        asking.set(id, resolve);
        order({ type: 'usage', id });
      });
    },
    close: async () => {
      closing = true;
      cancelRestart();
      const dying = child;
      if (dying !== null) {
        const gone = Promise.all([
          dying.exitCode === null && dying.signalCode === null ? once(dying, 'exit') : null,
          dying.connected ? once(dying, 'disconnect') : null,
        ]);
        order({ type: 'close' });
        const cancel = clock.after(CLOSE_TIMEOUT_MS, () => dying.kill('SIGKILL'));
        await gone;
        cancel();
      }
      releaseAftermath();
    },
  };
}
