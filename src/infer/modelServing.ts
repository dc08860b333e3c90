import { messageOf } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ModelIdentity, TriageModel } from '../case/triageModel.ts';

/** A package that a role is to have. */
export interface WantedModel {
  /** The decision behind it: another decision has another key, though it may mean the same package. */
  key: string;
  /** Null when it is whatever lies in the configured folder. */
  identity: ModelIdentity | null;
}

/** A hold on a network: it is not closed before `release`, though another one may serve by then. */
export interface ModelLease {
  readonly model: TriageModel;
  /** False once another package is about to serve: what is read from the database then may be meant for that one. */
  isCurrent: () => boolean;
  release: () => void;
}

export interface ModelServingOptions<Wanted extends WantedModel> {
  /** What is to serve now, or null for nothing. Asked at every look: the database holds the truth. */
  wanted: () => Promise<Wanted | null>;
  /** What may serve instead when `wanted` does not load and nothing serves; null for nothing. */
  fallback: (wanted: Wanted) => Promise<Wanted | null>;
  /** Starts the network. @throws what is wrong with it */
  load: (wanted: Wanted) => Promise<TriageModel>;
  /** The network is loaded and will serve when this resolves. */
  taken: (wanted: Wanted, model: TriageModel) => Promise<void>;
  /** The network did not load. */
  failed: (wanted: Wanted, failure: string) => Promise<void>;
  clock: Clock;
  log: Log;
  /** How often the database is looked at. */
  pollMs?: number;
}

export interface ModelServing {
  /** The network that serves, for a moment's question; null when none does. */
  model: () => TriageModel | null;
  /** The network that serves, for work of some length. */
  lease: () => ModelLease | null;
  /** Why what serves is not what is wanted; null when it is. */
  error: () => string | null;
  /** Looks now, and resolves when what was found is in force. */
  look: () => Promise<void>;
  close: () => Promise<void>;
}

const POLL_MS = 2_000;
/** A package that did not load is tried again after this long, doubled each time while another one serves. */
const RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 600_000;

interface Serving {
  key: string;
  model: TriageModel;
  holders: number;
  isRetired: boolean;
}

/**
 * Keeps the network of a role as the database wants it, without a restart: a new one is loaded beside the old, in a process of its own, and takes over when its
 * golden case agrees; one that does not load leaves the old one serving. The old one is closed when nobody holds it any more.
 */
export function createModelServing<Wanted extends WantedModel>(options: ModelServingOptions<Wanted>): ModelServing {
  const { clock, log, pollMs = POLL_MS } = options;
  let serving: Serving | null = null;
  let isSwitching = false;
  let failure: string | null = null;
  /** The last decision that did not load. */
  let failedKey: string | null = null;
  let retries = 0;
  let retryAtMs = 0;
  let isClosed = false;
  let cancelPoll = (): void => undefined;
  let looking: Promise<void> | null = null;
  /** Every network that is not yet closed. */
  const alive = new Map<TriageModel, Promise<void> | null>();

  const shut = (model: TriageModel): Promise<void> => {
    const closing =
      alive.get(model) ??
      model.close().catch((error: unknown) => {
        log.warn('a network did not close cleanly', { model: model.identity.name, error });
      });
    alive.set(model, closing);
    return closing.then(() => void alive.delete(model));
  };
  const closeIfFree = (old: Serving): void => {
    if (old.isRetired && old.holders === 0) shut(old.model).catch(() => undefined);
  };
  const retire = (old: Serving | null): void => {
    if (old === null) return;
    old.isRetired = true;
    closeIfFree(old);
  };

  /** True when it serves then. */
  const take = async (wanted: Wanted): Promise<boolean> => {
    const current = serving;
    const isSame =
      current !== null && wanted.identity !== null && current.model.identity.sha256 === wanted.identity.sha256;
    const model = isSame ? current.model : await options.load(wanted);
    if (!isSame) alive.set(model, null);
    if (isClosed) return false;
    isSwitching = true;
    try {
      await options.taken(wanted, model);
      if (isSame) current.key = wanted.key;
      else {
        serving = { key: wanted.key, model, holders: 0, isRetired: false };
        retire(current);
      }
      return true;
    } catch (error) {
      if (!isSame) await shut(model);
      throw error;
    } finally {
      isSwitching = false;
    }
  };

  const follow = async (): Promise<void> => {
    const wanted = await options.wanted();
    if (isClosed) return;
    if (wanted === null) {
      retire(serving);
      serving = null;
      failure = null;
      failedKey = null;
      return;
    }
    if (serving?.key === wanted.key) {
      failure = null;
      failedKey = null;
      return;
    }
    if (failedKey === wanted.key && clock.monotonicMs() < retryAtMs) return;
    if (failedKey !== wanted.key) retries = 0;
    try {
      if (await take(wanted)) {
        failure = null;
        failedKey = null;
        log.info('Network in use', {
          model: serving!.model.identity.name,
          version: serving!.model.identity.version,
          provider: serving!.model.provider,
        });
      }
      return;
    } catch (error) {
      failedKey = wanted.key;
      failure = messageOf(error);
      log.error(
        serving === null
          ? 'The network does not load: studies are received and wait'
          : 'The network does not load: the one before goes on serving',
        {
          error,
          ...(wanted.identity === null ? {} : { model: wanted.identity.name, version: wanted.identity.version }),
        },
      );
    }
    await options.failed(wanted, failure);
    if (serving === null) {
      const instead = await options.fallback(wanted);
      if (instead !== null) {
        await take(instead).then(
          () => {
            log.warn('The network that served before serves again', {
              model: serving?.model.identity.name,
              version: serving?.model.identity.version,
            });
          },
          (error: unknown) => {
            log.error('The network that served before does not load either', { error });
          },
        );
      }
    }
    const waitMs = serving === null ? RETRY_MS : Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** Math.min(10, retries));
    retries += 1;
    retryAtMs = clock.monotonicMs() + waitMs;
  };

  const look = (): Promise<void> => {
    if (isClosed) return Promise.resolve();
    looking ??= follow()
      .catch((error: unknown) => {
        log.error('which network is wanted could not be read', { error });
      })
      .finally(() => {
        looking = null;
      });
    return looking;
  };
  const poll = (): void => {
    cancelPoll = clock.after(pollMs, () => {
      look()
        .finally(() => {
          if (!isClosed) poll();
        })
        .catch(() => undefined);
    });
  };
  poll();

  return {
    model: () => serving?.model ?? null,
    lease: () => {
      const held = serving;
      if (held === null) return null;
      held.holders += 1;
      let isReleased = false;
      return {
        model: held.model,
        isCurrent: () => serving === held && !isSwitching,
        release: () => {
          if (isReleased) return;
          isReleased = true;
          held.holders -= 1;
          closeIfFree(held);
        },
      };
    },
    error: () => failure,
    look,
    close: async () => {
      isClosed = true;
      cancelPoll();
      await looking;
      // The stages have stopped by now: whoever still holds it is told by its answers.
      await Promise.all([...alive.keys()].map(shut));
      serving = null;
    },
  };
}
