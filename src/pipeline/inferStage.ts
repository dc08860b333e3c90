import { nextBest } from '../assemble/assembleStudy.ts';
import type { SeriesRules } from '../assemble/seriesRules.ts';
import type { Clock } from '../base/clock.ts';
import { imageKey } from '../case/frames.ts';
import type { ClaimedCase } from '../case/claim.ts';
import { notAnalysed } from '../case/notAnalysed.ts';
import type { Threshold } from '../case/threshold.ts';
import type { ArrivalEncoder } from '../infer/encodeOnArrival.ts';
import { inferStudy } from '../infer/inferStudy.ts';
import type { ModelLease } from '../infer/servingNetworks.ts';
import { createSliceFeatureSaver, type SliceFeatureStore } from '../infer/sliceFeatures.ts';
import type { Stage, StageOutcome } from './pipeline.ts';

/** What the stage needs from the worklist. */
interface InferStore extends SliceFeatureStore {
  /** The operating point for scans from a source. @throws TriageError `not-found` */
  threshold(modelName: string, sourceAeTitle: string): Promise<Threshold>;
  /** Whether results of a package count now. Its operating point comes into force with it. */
  isModelInForce(sha256: string): Promise<boolean>;
}

export interface InferStageOptions {
  rules: SeriesRules;
  store: InferStore;
  /** The loaded network; null while there is none: cases then wait. */
  lease: () => ModelLease | null;
  arrival: Pick<ArrivalEncoder, 'settle'>;
  /** Whether other nodes may be encoding slices of the same study. */
  hasHelp: () => boolean;
  /** Absolute path of a spool path. */
  resolvePath: (path: string) => string;
  clock: Clock;
}

export interface InferStage {
  run: Stage;
  /** Whether a network is loaded whose results count: on another node its successor may be in use already. */
  isReady: () => Promise<boolean>;
  /** Whether a case is being analysed now. */
  isBusy: () => boolean;
}

const MODEL_RETRY_MS = 1_000;

/** Analyses the chosen series with the loaded network; encoded slices are kept, so that a second attempt does not encode them again. */
export function createInferStage(options: InferStageOptions): InferStage {
  const { lease: takeLease, store, clock } = options;
  let running = 0;
  return {
    isBusy: () => running > 0,
    isReady: async () => {
      const lease = takeLease();
      if (lease === null) return false;
      try {
        return await store.isModelInForce(lease.model.identity.sha256);
      } finally {
        lease.release();
      }
    },
    run: async (claim, signal) => {
      const lease = takeLease();
      if (lease === null) return { type: 'notYet', untilMs: clock.now() + MODEL_RETRY_MS };
      running += 1;
      try {
        return await infer(options, lease, claim, signal);
      } finally {
        running -= 1;
        lease.release();
      }
    },
  };
}

async function infer(
  { rules, store, arrival, hasHelp, resolvePath, clock }: InferStageOptions,
  { model, isCurrent }: ModelLease,
  { record, instances, refused = null }: ClaimedCase,
  signal: AbortSignal,
): Promise<StageOutcome> {
  const { identity, provider } = model;
  const manifest = record.manifest!;
  await arrival.settle(record.studyInstanceUid);
  const threshold = await store.threshold(identity.name, record.sourceAeTitle);
  // Another package is taking over, here or on another node, and the operating point may already be that of the new one.
  if (!isCurrent() || !(await store.isModelInForce(identity.sha256))) return { type: 'notYet', untilMs: clock.now() };
  if (threshold.stopped) {
    const reason = 'AI flags are stopped at this site';
    return { type: 'inferred', findings: notAnalysed('flags-stopped', reason, identity, provider, clock.now()) };
  }
  const saver = createSliceFeatureSaver(store);
  const { findings, manifest: analysed } = await inferStudy({
    manifest,
    next: (tried) => nextBest(instances, rules, tried, { refused, isBrokenOff: record.isBrokenOff === true }),
    maxMissingShare: rules.maxMissingShare,
    model,
    cached: await store.sliceFeatures(identity.sha256, manifest.slices.map(imageKey)),
    ...(hasHelp() && {
      keptByOthers: async (key: string) => (await store.sliceFeatures(identity.sha256, [key])).get(key),
    }),
    resolvePath,
    threshold,
    clock,
    onEncoded: (key, slice) => saver.add(identity.sha256, key, slice),
    heartbeat: () => signal.throwIfAborted(),
  });
  await saver.save();
  return { type: 'inferred', findings, ...(analysed === manifest ? {} : { manifest: analysed }) };
}
