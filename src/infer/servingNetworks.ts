import type { Log } from '../base/log.ts';
import type { TriageModel } from '../case/triageModel.ts';

/** A hold on a network: it is not closed before `release`, even if another one is in use by then. */
export interface ModelLease {
  readonly model: TriageModel;
  /** False once another package is about to be used: values read from the database after that may be meant for the new one. */
  isCurrent: () => boolean;
  release: () => void;
}

interface Serving {
  key: string;
  model: TriageModel;
  holders: number;
  isRetired: boolean;
}

/** The loaded networks of a role: the one in use, and earlier ones that are still held. */
export class ServingNetworks {
  readonly #log: Log;
  /** Every network that is not yet closed, and the promise of its closing once that has begun. */
  readonly #alive = new Map<TriageModel, Promise<void> | null>();
  #serving: Serving | null = null;
  #isSwitching = false;

  constructor(log: Log) {
    this.#log = log;
  }

  get current(): { readonly key: string; readonly model: TriageModel } | null {
    return this.#serving;
  }

  /** Registers a loaded network: from now on it is closed at the end, whether or not it is ever used. */
  loaded(model: TriageModel): void {
    this.#alive.set(model, null);
  }

  /** Puts `model` into use for `key` once `before` has resolved; the previous one is closed when nobody holds it any more. */
  async serve(key: string, model: TriageModel, before: () => Promise<void>): Promise<void> {
    this.#isSwitching = true;
    try {
      await before();
      if (this.#serving?.model === model) this.#serving.key = key;
      else {
        this.retire();
        this.#serving = { key, model, holders: 0, isRetired: false };
      }
    } finally {
      this.#isSwitching = false;
    }
  }

  /** Takes the current network out of use. */
  retire(): void {
    const old = this.#serving;
    this.#serving = null;
    if (old === null) return;
    old.isRetired = true;
    this.#closeIfFree(old);
  }

  lease(): ModelLease | null {
    const held = this.#serving;
    if (held === null) return null;
    held.holders += 1;
    let isReleased = false;
    return {
      model: held.model,
      isCurrent: () => this.#serving === held && !this.#isSwitching,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        held.holders -= 1;
        this.#closeIfFree(held);
      },
    };
  }

  async close(model: TriageModel): Promise<void> {
    const closing =
      this.#alive.get(model) ??
      model.close().catch((error: unknown) => {
        this.#log.warn('a network did not close cleanly', { model: model.identity.name, error });
      });
    this.#alive.set(model, closing);
    await closing;
    this.#alive.delete(model);
  }

  /** Closes every network, held or not. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.#alive.keys()].map((model) => this.close(model)));
    this.#serving = null;
  }

  #closeIfFree(old: Serving): void {
    if (old.isRetired && old.holders === 0) this.close(old.model).catch(() => undefined);
  }
}
