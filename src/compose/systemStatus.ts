import type { SystemStatus } from '../answers/systemAnswer.ts';
import type { AuditTrail } from '../auditTrail/auditTrail.ts';
import { freeBytesUnder } from '../housekeeping/retention.ts';
import type { ArrivalEncoder } from '../infer/encodeOnArrival.ts';
import type { ModelServing } from '../infer/modelServing.ts';
import type { ProofOfLife } from '../proofOfLife/proofOfLife.ts';
import type { Receiver } from '../receive/receiverProcess.ts';
import type { Foundation } from './agentPorts.ts';
import { shadowStatus } from './models.ts';

interface StatusParts {
  network: ModelServing;
  shadow: ModelServing;
  proof: ProofOfLife;
  arrival: ArrivalEncoder;
  auditTrail: AuditTrail | null;
  /** Null until it has started. */
  receiver: () => Receiver | null;
}

/** How the agent is, gathered from its parts at the moment of asking. */
export function systemStatus({ config, paths, store }: Foundation, parts: StatusParts): () => Promise<SystemStatus> {
  const { network, shadow, arrival, auditTrail } = parts;
  return async () => {
    const model = network.model();
    const receiver = parts.receiver();
    const counters = receiver?.counters();
    const { last, lastPassedAtMs, alarm } = await parts.proof.status();
    return {
      model: model === null ? null : { ...model.identity, provider: model.provider },
      modelError: network.error(),
      shadow: await shadowStatus(shadow, store),
      receiver: {
        up: receiver?.isUp() ?? false,
        port: receiver?.port ?? 0,
        aeTitle: config.receive.aeTitle,
        stored: counters?.stored ?? 0,
        rejected: counters?.rejected ?? 0,
        refused: counters?.refused ?? 0,
        refusedContexts: counters?.refusedContexts ?? 0,
        aborted: counters?.aborted ?? 0,
        dropped: counters?.dropped ?? 0,
      },
      proofOfLife: {
        alarm,
        lastOutcome: last?.outcome === 'passed' || last?.outcome === 'failed' ? last.outcome : null,
        lastAtMs: last?.finishedAtMs ?? null,
        lastPassedAtMs,
        totalMs: last?.measures.totalMs ?? null,
        probability: last?.measures.probability ?? null,
      },
      auditRepository: (await auditTrail?.status()) ?? null,
      encodedOnArrival: arrival.encoded(),
      freeBytes: await freeBytesUnder(paths.spool).catch(() => null),
    };
  };
}
