import { peakRssBytes } from '../base/peakRss.ts';
import { systemClock } from '../base/clock.ts';
import type { Log, LogFields } from '../base/log.ts';
import { COMMITMENT_STATUS, type CommitmentAnswer } from './commitmentService.ts';
import { carryError, recoveredAssociationId, type ReceiverEvent, type ReceiverOrder } from './receiverMessages.ts';
import { openSpool, type Spool } from './spool.ts';
import { startStorageScp, type StorageScp, type StorageScpListener } from './storageScp.ts';
import type { StowServer } from './stowServer.ts';

/** Entry of the receiver process: the only place where untrusted bytes from the network are read. Ends with its parent. */

const BATCH_EVENTS = 256;
/** Beyond this many unreported events senders wait for their answers. */
const MAX_UNTOLD_EVENTS = 2_000;
const CLOSE_GRACE_MS = 5_000;
/** Shorter than the time for which most senders wait for a response. */
const COMMITMENT_ANSWER_MS = 20_000;

const untold: ReceiverEvent[] = [];
let telling = false;
let waitingForRoom: (() => void)[] = [];

/** One message is on its way at a time; events in the meantime go with the next. */
function tell(event?: ReceiverEvent): void {
  if (event !== undefined) untold.push(event);
  if (telling || untold.length === 0 || !process.connected) return;
  telling = true;
  process.send!(untold.splice(0, BATCH_EVENTS), undefined, {}, () => {
    telling = false;
    if (untold.length < MAX_UNTOLD_EVENTS) {
      const waiting = waitingForRoom;
      waitingForRoom = [];
      for (const resolve of waiting) resolve();
    }
    tell();
  });
}

async function room(): Promise<void> {
  while (untold.length >= MAX_UNTOLD_EVENTS) {
    await new Promise<void>((resolve) => {
      waitingForRoom.push(resolve);
    });
  }
}

async function everythingTold(): Promise<void> {
  while (process.connected && (telling || untold.length > 0)) await systemClock.sleep(5);
}

function logTo(bound: LogFields): Log {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, { error, ...fields }: LogFields = {}) => {
      tell({
        type: 'log',
        level,
        message,
        fields: { ...bound, ...fields },
        ...(error === undefined ? {} : { error: carryError(error) }),
      });
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => logTo({ ...bound, ...fields }),
  };
}
const log = logTo({});

/** Requests for commitment, and reports on those of the agent, that it has not answered yet, by number. */
const asked = new Map<number, (answer: CommitmentAnswer) => void>();
let lastAskedId = 0;

async function askAgent(event: (id: number) => ReceiverEvent): Promise<CommitmentAnswer> {
  const id = ++lastAskedId;
  const answered = new Promise<CommitmentAnswer>((resolve) => asked.set(id, resolve));
  // Behind what was stored before it, so that the agent knows of all that is asked about.
  tell(event(id));
  const late = new AbortController();
  const answer = await Promise.race([
    answered,
    systemClock.sleep(COMMITMENT_ANSWER_MS, late.signal).then(() => ({
      status: COMMITMENT_STATUS.processingFailure,
      why: 'the agent did not answer in time: try again',
    })),
  ]);
  late.abort();
  asked.delete(id);
  return answer;
}

let scp: StorageScp | null = null;
let stow: StowServer | null = null;
let spool: Spool | null = null;

async function start({ config, spoolDir, node, idPrefix }: Extract<ReceiverOrder, { type: 'start' }>): Promise<void> {
  spool = await openSpool({
    dir: spoolDir,
    minFreeBytes: config.minFreeBytes,
    maxObjectBytes: config.maxObjectBytes,
    clock: systemClock,
    node,
  });
  const service = {
    config,
    spool,
    clock: systemClock,
    log,
    idPrefix,
    open: new Map<string, string>(),
    listener: {
      opened: (associationId, callingAeTitle, address) => {
        tell({ type: 'opened', associationId, callingAeTitle, address });
      },
      stored: async (associationId, instance) => {
        tell({ type: 'stored', associationId, instance });
        await room();
      },
      commitmentAsked: (request) => askAgent((id) => ({ type: 'commitment-asked', id, request })),
      commitmentReported: (reported) => askAgent((id) => ({ type: 'commitment-reported', id, reported })),
      refused: (associationId, refusal) => {
        tell({ type: 'refused', associationId, refusal });
      },
      ended: (associationId, how) => {
        tell({ type: 'ended', associationId, how });
      },
    } satisfies StorageScpListener,
  };
  scp = await startStorageScp(service);
  if (config.stow !== undefined) {
    // Loaded only where it is wanted: it is a tenth of this process's memory.
    const { startStowServer } = await import('./stowServer.ts');
    stow = await startStowServer({ ...service, stow: config.stow });
  }
  tell({ type: 'listening', port: scp.port, tlsPort: scp.tlsPort, stowPort: stow?.port ?? null });
}

async function describe({ id, paths }: Extract<ReceiverOrder, { type: 'describe' }>): Promise<void> {
  const unreadable: string[] = [];
  for (const path of paths) {
    try {
      tell({ type: 'stored', associationId: recoveredAssociationId(id), instance: await spool!.describe(path) });
      await room();
    } catch (error) {
      unreadable.push(path);
      log.error('an object in the spool cannot be read', { ref: path, error });
    }
  }
  tell({ type: 'described', id, unreadable });
}

async function end(exitCode: number): Promise<void> {
  await everythingTold();
  process.exit(exitCode);
}

async function obey(order: ReceiverOrder): Promise<void> {
  switch (order.type) {
    case 'start':
      try {
        await start(order);
      } catch (error) {
        tell({ type: 'failed', error: carryError(error) });
        await end(1);
      }
      break;
    case 'describe':
      await describe(order);
      break;
    case 'renew-tls':
      try {
        scp?.renewTls(order.tls);
      } catch (error) {
        log.error('the certificate of receive.tls is not renewed', { error });
      }
      break;
    case 'allow':
      scp?.allow(order.callers);
      break;
    case 'commitment':
      asked.get(order.id)?.(order.answer);
      break;
    case 'usage':
      tell({ type: 'usage', id: order.id, peakRssBytes: peakRssBytes() });
      break;
    case 'close':
      await Promise.all([scp?.close(CLOSE_GRACE_MS), stow?.close(CLOSE_GRACE_MS)]);
      await end(0);
      break;
  }
}

async function crash(error: unknown): Promise<void> {
  log.error('the receiver ends because of a bug', { error });
  await end(70);
}

// Received files hold patient data: readable by this user and group only.
process.umask(0o027);
// The agent decides when to stop; a terminal's Ctrl-C reaches both. Exceeding a file size limit must fail the write, not end the process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGXFSZ'] as const) process.on(signal, () => undefined);
const crashed = (error: unknown): void => {
  crash(error).catch(() => process.exit(70));
};
process.on('uncaughtException', crashed);
process.on('unhandledRejection', crashed);
process.on('disconnect', () => process.exit(0));
process.on('message', (order: ReceiverOrder) => {
  obey(order).catch(crashed);
});
