import { doubledMs } from '../base/backoff.ts';
import { messageOf } from '../base/errors.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ModelIdentity, TriageModel } from '../case/triageModel.ts';
import { ServingNetworks, type ModelLease } from './servingNetworks.ts';

/** The package that a role should use. */
export interface WantedModel {
  /** Identifies the decision: another decision has another key, even if it names the same package. */
  key: string;
  /** Null for whatever is in the configured folder. */
  identity: ModelIdentity | null;
}

export interface ModelServingOptions<Wanted extends WantedModel> {
  /** What should be in use now, or null for nothing. Read at every check: the database holds the truth. */
  wanted: () => Promise<Wanted | null>;
  /** What may be used instead when `wanted` does not load and nothing is in use; null for nothing. */
  fallback: (wanted: Wanted) => Promise<Wanted | null>;
  /** Starts the network. @throws the reason why it does not start */
  load: (wanted: Wanted) => Promise<TriageModel>;
  /** The network is loaded, and is put into use when this resolves. */
  taken: (wanted: Wanted, model: TriageModel) => Promise<void>;
  /** The network did not load. */
  failed: (wanted: Wanted, failure: string) => Promise<void>;
  clock: Clock;
  log: Log;
  /** How often the database is polled. */
  pollMs?: number;
}

export interface ModelServing {
  /** The network in use, for a brief question; null when there is none. */
  model: () => TriageModel | null;
  /** The network in use, held for longer work. */
  lease: () => ModelLease | null;
  /** Why the network in use is not the wanted one; null when it is. */
  error: () => string | null;
  /** Checks now, and resolves when the result is in force. */
  look: () => Promise<void>;
  close: () => Promise<void>;
}

const POLL_MS = 2_000;
/** A package that did not load is tried again after this long, doubled each time while another one is in use. */
const RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 600_000;

/**
 * Keeps the network of a role in line with the database, without a restart: a new one is loaded beside the old, in its own process, and takes over when
 * its golden case agrees; if it does not load, the old one stays in use. The old one is closed when nobody holds it any more.
 */
export function createModelServing<Wanted extends WantedModel>(options: ModelServingOptions<Wanted>): ModelServing {
  const { clock, log, pollMs = POLL_MS } = options;
  const networks = new ServingNetworks(log);
  let failure: string | null = null;
  /** The last decision that did not load, the number of failures, and the time of the next attempt. */
  let failed: { key: string; times: number; retryAtMs: number } | null = null;
  let isClosed = false;
  let looking: Promise<void> | null = null;

  /** True when it is in use afterwards. */
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

  /** Tries to put the wanted package into use. */
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
      // The stages have stopped by now; anything still holding the network gets an error as its answer.
      await networks.closeAll();
    },
  };
}

function factsOf(model: TriageModel) {
  return { model: model.identity.name, version: model.identity.version, provider: model.provider };
}
