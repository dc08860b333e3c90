import { preferSeries, refusalOnArrival } from '../assemble/seriesRank.ts';
import { isPrior } from '../case/scanAge.ts';
import type { StageName } from '../case/claim.ts';
import type { TriageModel } from '../case/triageModel.ts';
import { notAnalysed } from '../case/notAnalysed.ts';
import { maxAgeMsOf } from '../config/config.ts';
import { softwareVersion } from '../base/packageRoot.ts';
import { createArrivalEncoder, type ArrivalEncoder } from '../infer/encodeOnArrival.ts';
import { followArrivals } from '../infer/followArrivals.ts';
import type { ModelServing } from '../infer/modelServing.ts';
import { shareOwner } from '../infer/sliceShares.ts';
import { createShadowScoring, type ShadowScoring } from '../models/shadowScoring.ts';
import { assembleStage } from '../pipeline/assembleStage.ts';
import { createInferStage } from '../pipeline/inferStage.ts';
import { createPipeline, type Pipeline, type Stage } from '../pipeline/pipeline.ts';
import { reportStage } from '../pipeline/reportStage.ts';
import { createReportProcess } from '../report/reportProcess.ts';
import type { Foundation } from './agentPorts.ts';
import type { OtherNodes } from './nodes.ts';

/** The work of this node on studies, as far as its roles go. */
export interface PipelineParts {
  pipeline: Pipeline;
  /** Null where nothing is analysed. */
  arrival: ArrivalEncoder | null;
  shadowScoring: ShadowScoring | null;
}

interface PipelineNeeds {
  /** Those of a node that analyses. */
  network: ModelServing | null;
  shadow: ModelServing | null;
  decoder: Pick<TriageModel, 'decodeSlice' | 'decodeLines'>;
  isRecordWhole: (studyInstanceUid: string) => boolean;
  /** The other nodes; null until this one has joined them. */
  others: () => OtherNodes | null;
}

/**
 * Starts the stages of this node with the loops that run them. Studies are put together where they are received, because only there it is known whether all
 * of a study is on record. Whoever analyses writes reports too, whose pictures a network's process decodes. Null on a node that does neither.
 */
export function startPipeline(foundation: Foundation, needs: PipelineNeeds): PipelineParts | null {
  const { config, roles, store, releasers, ports } = foundation;
  const { clock, log, onStep } = ports;
  const { network, shadow } = needs;
  const serving = () => servingNetwork(roles.has('infer') ? network : null, needs.others());
  const receives = roles.has('receive');
  if (!receives && !roles.has('infer')) return null;
  const analysis =
    roles.has('infer') && network !== null && shadow !== null
      ? startAnalysis(foundation, { ...needs, network, arrival: startArrival(foundation, network, needs.others) })
      : null;
  const pipeline = createPipeline({
    store,
    stages: {
      ...(receives
        ? { assemble: assembly(foundation, { ...needs, serving, arrival: analysis?.arrival ?? null }) }
        : {}),
      ...analysis?.stages,
    },
    isReady: async (stage) => stage === 'assemble' || (await analysis!.isReady(stage)),
    clock,
    log: log.child({ component: 'pipeline' }),
    leaseMs: config.pipeline.leaseMs,
    describeFailure: (_claim, { code, message }) => {
      const model = serving();
      return notAnalysed(code, message, model?.identity, model?.provider ?? 'none', clock.now());
    },
    ...(onStep === undefined ? {} : { onStep }),
  });
  releasers.push('pipeline', () => pipeline.stop());
  const shadowScoring = analysis === null ? null : startShadow(foundation, shadow!, analysis.isBusy);
  return { arrival: analysis?.arrival ?? null, pipeline, shadowScoring };
}

type Serving = Pick<TriageModel, 'identity' | 'provider'>;

/** The network of this node, or else of another that analyses; null when none is known. */
function servingNetwork(network: ModelServing | null, others: OtherNodes | null): Serving | null {
  const own = network?.model() ?? null;
  const known = others?.networks(null).model ?? null;
  if (own !== null || known === null) return own;
  const { provider, ...identity } = known;
  return { identity, provider };
}

function othersAnalyse(others: OtherNodes | null): boolean {
  return (others?.living()?.infer ?? 1) > 1;
}

/** Whether an object is in the share of this node, of the nodes that analyse with its network. One that knows of no other has all. */
function ownShare(
  { nodeName }: Foundation,
  network: ModelServing,
  others: PipelineNeeds['others'],
): (objectSha256: string) => boolean {
  return (objectSha256) => {
    const model = network.model();
    const nodes = model === null ? [] : (others()?.analysing(model.identity.sha256) ?? []);
    return (shareOwner(nodes, objectSha256) ?? nodeName) === nodeName;
  };
}

/** Encodes slices as they come: all, or the share of this node where several analyse. */
function startArrival(foundation: Foundation, network: ModelServing, others: PipelineNeeds['others']): ArrivalEncoder {
  const { config, store, nodes, resolvePath, releasers, ports } = foundation;
  const { clock } = ports;
  const log = ports.log.child({ component: 'arrival' });
  const rules = config.assemble;
  const maxAgeMs = maxAgeMsOf(rules);
  const arrival = createArrivalEncoder({
    lease: () => (config.infer.encodeOnArrival ? network.lease() : null),
    store,
    resolvePath,
    refuse: (header) => {
      // Whether or not it is analysed later: it must not take the place of a new scan now.
      const isOld = maxAgeMs !== null && isPrior([header], clock.now(), maxAgeMs);
      return isOld ? 'it is of a prior' : refusalOnArrival(header, rules);
    },
    preferSeries,
    isOurs: ownShare(foundation, network, others),
    clock,
    log,
  });
  releasers.push('arrival', arrival.close);
  if (nodes !== null) releasers.push('arrivals', followArrivals({ store, arrival, clock, log }).close);
  return arrival;
}

/** The stage that puts studies together. */
function assembly(
  { config, ports: { clock } }: Foundation,
  {
    isRecordWhole,
    serving,
    arrival,
  }: Pick<PipelineNeeds, 'isRecordWhole'> & {
    serving: () => Serving | null;
    arrival: ArrivalEncoder | null;
  },
): Stage {
  const rules = config.assemble;
  const assemble = assembleStage({
    rules,
    quietMs: rules.quietMs,
    maxAgeMs: maxAgeMsOf(rules),
    priors: rules.priors,
    get selection() {
      return config.selection;
    },
    isRecordWhole,
    model: serving,
    clock,
  });
  return async (claim, signal) => {
    const outcome = await assemble(claim, signal);
    if (outcome.type === 'notEligible') arrival?.forget(claim.record.studyInstanceUid);
    return outcome;
  };
}

/** The stages that need a network, and when this node may take a case for them. */
function startAnalysis(
  { config, paths, store, resolvePath, releasers, ports: { clock, log } }: Foundation,
  {
    network,
    decoder,
    arrival,
    others,
  }: Pick<PipelineNeeds, 'decoder' | 'others'> & { network: ModelServing; arrival: ArrivalEncoder },
) {
  const infer = createInferStage({
    rules: config.assemble,
    store,
    lease: network.lease,
    arrival,
    hasHelp: () => othersAnalyse(others()),
    resolvePath,
    clock,
  });
  const writer = createReportProcess({
    writer: {
      resultsDir: paths.results,
      spoolDir: paths.spool,
      softwareVersion: softwareVersion(),
      institutionName: config.report.institutionName,
      options: {
        heatmaps: config.report.heatmaps,
        get keySlices() {
          return config.destinations.some(({ objects }) => objects.includes('keySlices'));
        },
      },
    },
    renderSource: decoder.decodeSlice,
    renderLines: decoder.decodeLines,
    memoryLimitMb: config.report.memoryLimitMb,
    timeoutMs: config.report.timeoutMs,
    clock,
    log: log.child({ component: 'report' }),
  });
  releasers.push('report', () => writer.close());
  return {
    arrival,
    stages: { infer: infer.run, report: reportStage(writer) },
    // Most reports need no network. Without one they are left to others, where there are any.
    isReady: async (stage: StageName) =>
      stage === 'infer' ? infer.isReady() : network.model() !== null || !othersAnalyse(others()),
    isBusy: () => infer.isBusy() || arrival.isBusy(),
  };
}

/** One node at a time lets the shadow package score. */
function startShadow(
  { store, resolvePath, scoresShadow, releasers, ports: { clock, log } }: Foundation,
  shadow: ModelServing,
  isActiveBusy: () => boolean,
): ShadowScoring {
  const shadowScoring = createShadowScoring({
    store,
    isOurs: scoresShadow,
    lease: shadow.lease,
    isActiveBusy,
    resolvePath,
    clock,
    log: log.child({ component: 'shadow' }),
  });
  releasers.push('shadow', shadowScoring.close);
  return shadowScoring;
}
