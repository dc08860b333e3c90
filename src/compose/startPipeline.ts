import { preferSeries, refusalOnArrival } from '../assemble/seriesRank.ts';
import { isPrior } from '../case/scanAge.ts';
import type { TriageModel } from '../case/triageModel.ts';
import { notAnalysed } from '../case/notAnalysed.ts';
import { maxAgeMsOf } from '../config/config.ts';
import { softwareVersion } from '../base/packageRoot.ts';
import { createArrivalEncoder, type ArrivalEncoder } from '../infer/encodeOnArrival.ts';
import type { ModelServing } from '../infer/modelServing.ts';
import { createShadowScoring, type ShadowScoring } from '../models/shadowScoring.ts';
import { assembleStage } from '../pipeline/assembleStage.ts';
import { createInferStage } from '../pipeline/inferStage.ts';
import { createPipeline, type Pipeline } from '../pipeline/pipeline.ts';
import { reportStage } from '../pipeline/reportStage.ts';
import { createReportProcess } from '../report/reportProcess.ts';
import type { Foundation } from './agentPorts.ts';

interface PipelineParts {
  arrival: ArrivalEncoder;
  pipeline: Pipeline;
  shadowScoring: ShadowScoring;
}

/** Starts the encoder of arriving slices, the stages with the loop that runs them, and the scoring by the shadow package. */
export function startPipeline(
  { config, paths, store, resolvePath, releasers, ports: { clock, log, onStep } }: Foundation,
  {
    network,
    shadow,
    decoder,
    isRecordWhole,
  }: {
    network: ModelServing;
    shadow: ModelServing;
    decoder: Pick<TriageModel, 'decodeSlice' | 'decodeLines'>;
    isRecordWhole: (studyInstanceUid: string) => boolean;
  },
): PipelineParts {
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
    clock,
    log: log.child({ component: 'arrival' }),
  });
  releasers.push('arrival', arrival.close);

  const infer = createInferStage({ rules, store, lease: network.lease, arrival, resolvePath, clock });
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
  const pipeline = createPipeline({
    store,
    stages: {
      assemble: assembleStage({
        rules,
        quietMs: rules.quietMs,
        maxAgeMs,
        priors: rules.priors,
        get selection() {
          return config.selection;
        },
        isRecordWhole,
        model: network.model,
        clock,
      }),
      infer: infer.run,
      report: reportStage(writer),
    },
    clock,
    log: log.child({ component: 'pipeline' }),
    leaseMs: config.pipeline.leaseMs,
    describeFailure: (_claim, { code, message }) => {
      const model = network.model();
      return notAnalysed(code, message, model?.identity, model?.provider ?? 'none', clock.now());
    },
    ...(onStep === undefined ? {} : { onStep }),
  });
  releasers.push('pipeline', () => pipeline.stop());

  const shadowScoring = createShadowScoring({
    store,
    lease: shadow.lease,
    isActiveBusy: () => infer.isBusy() || arrival.isBusy(),
    resolvePath,
    clock,
    log: log.child({ component: 'shadow' }),
  });
  releasers.push('shadow', shadowScoring.close);
  return { arrival, pipeline, shadowScoring };
}
