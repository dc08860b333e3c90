import { doubledMs } from '../base/backoff.ts';
import { messageOf } from '../base/errors.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ModelIdentity, TriageModel } from '../case/triageModel.ts';
import { ServingNetworks, type ModelLease } from './servingNetworks.ts';

/** A package that a role is to have. */
export interface WantedModel {
  /** The decision behind it: another decision has another key, though it may mean the same package. */
  key: string;
  /** Null when it is whatever lies in the configured folder. */
  identity: ModelIdentity | null;
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

/**
 * Keeps the network of a role as the database wants it, without a restart: a new one is loaded beside the old, in a process of its own, and takes over when its
 * golden case agrees; one that does not load leaves the old one serving. The old one is closed when nobody holds it any more.
 */
export function createModelServing<Wanted extends WantedModel>(options: ModelServingOptions<Wanted>): ModelServing {
  const { clock, log, pollMs = POLL_MS } = options;
  const networks = new ServingNetworks(log);
  let failure: string | null = null;
  /** The last decision that did not load, how often it has failed, and when it is tried again. */
  let failed: { key: string; times: number; retryAtMs: number } | null = null;
  let isClosed = false;
  let looking: Promise<void> | null = null;

  /** True when it serves then. */
  const take = async (wanted: Wanted): Promise<boolean> => {
    const { current } = networks;
    const isSame =
      current !== null && wanted.identity !== null && current.model.identity.sha256 === wanted.identity.sha256;
    const model = isSame ? current.model : await options.load(wanted);
    if (!isSame) networks.loaded(model);
    if (isClosed) return false;
    try {
      await networks.serve(wanted.key, model, () => options.taken(wanted, model));
      return true;
    } catch (error) {
      if (!isSame) await networks.close(model);
      throw error;
    }
  };

  const allIsWell = (): void => {
    failure = null;
    failed = null;
  };

  const follow = async (): Promise<void> => {
    const wanted = await options.wanted();
    if (isClosed) return;
    if (wanted === null) {
      networks.retire();
      allIsWell();
    } else if (networks.current?.key === wanted.key) allIsWell();
    else if (failed?.key !== wanted.key || clock.monotonicMs() >= failed.retryAtMs) await change(wanted);
  };

  /** Tries to take what is wanted into use. */
  const change = async (wanted: Wanted): Promise<void> => {
    try {
      if (await take(wanted)) {
        allIsWell();
        log.info('Network in use', factsOf(networks.current!.model));
      }
      return;
    } catch (error) {
      failure = messageOf(error);
      log.error(
        networks.current === null
          ? 'The network does not load: studies are received and wait'
          : 'The network does not load: the one before goes on serving',
        { error, ...(wanted.identity && { model: wanted.identity.name, version: wanted.identity.version }) },
      );
    }
    const times = failed?.key === wanted.key ? failed.times + 1 : 1;
    failed = { key: wanted.key, times, retryAtMs: 0 };
    await options.failed(wanted, failure);
    if (networks.current === null) await takeInstead(wanted);
    const waitMs = networks.current === null ? RETRY_MS : doubledMs(times, RETRY_MS, LONGEST_RETRY_MS);
    failed.retryAtMs = clock.monotonicMs() + waitMs;
  };

  const takeInstead = async (wanted: Wanted): Promise<void> => {
    const instead = await options.fallback(wanted);
    if (instead === null) return;
    try {
      if (await take(instead))
        log.warn('The network that served before serves again', factsOf(networks.current!.model));
    } catch (error) {
      log.error('The network that served before does not load either', { error });
    }
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
  const loop = startWakingLoop({
    step: async () => {
      await look();
      return false;
    },
    pollMs,
    onError: (error) => log.error('which network is wanted could not be read', { error }),
    clock,
  });

  return {
    model: () => networks.current?.model ?? null,
    lease: () => networks.lease(),
    error: () => failure,
    look,
    close: async () => {
      isClosed = true;
      await loop.stop();
      await looking;
      // The stages have stopped by now: whoever still holds it is told by its answers.
      await networks.closeAll();
    },
  };
}

function factsOf(model: TriageModel) {
  return { model: model.identity.name, version: model.identity.version, provider: model.provider };
}
