import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClockSteps } from '../base/clockSteps.ts';
import { createWatchedArchives, type WatchedArchives } from '../worklist/cases/watchedArchives.ts';
import { waitingResults } from '../worklist/cases/waitingPictures.ts';
import { oldestUnreportedAtMs } from '../worklist/list/oldestWork.ts';
import type { SystemStatus } from '../answers/systemAnswer.ts';
import type { AuditTrail } from '../auditTrail/auditTrail.ts';
import { freeBytesUnder } from '../housekeeping/retention.ts';
import type { Hl7Server } from '../hl7/hl7Server.ts';
import type { ArrivalEncoder } from '../infer/encodeOnArrival.ts';
import type { ModelServing } from '../infer/modelServing.ts';
import type { ProofOfLife } from '../proofOfLife/proofOfLife.ts';
import type { Receiver } from '../receive/receiverProcess.ts';
import type { Foundation } from './agentPorts.ts';
import { shadowStatus } from './models.ts';
import type { OtherNodes } from './nodes.ts';
import type { NodeSays } from './nodeSays.ts';
import type { OwnCertificates } from './ownCertificates.ts';

interface StatusParts {
  loopLagMs: () => number;
  /** What this node says of itself. */
  own: () => Promise<Pick<NodeSays, 'receives' | 'analyses'>>;
  others: OtherNodes;
  proof: ProofOfLife;
  auditTrail: AuditTrail | null;
  clockSteps: Pick<ClockSteps, 'recent'>;
  certificates: Pick<OwnCertificates, 'expiries' | 'problems'>;
}

/** What this node says of its receiver and its networks, as far as its roles go. */
export async function ownWork(
  { config, roles, store }: Pick<Foundation, 'config' | 'roles' | 'store'>,
  {
    network,
    shadow,
    arrival,
    receiver,
    hl7,
  }: {
    network: ModelServing | null;
    shadow: ModelServing | null;
    arrival: ArrivalEncoder | null;
    /** Null until it has started. */
    receiver: Receiver | null;
    hl7: Hl7Server | null;
  },
): Promise<Pick<NodeSays, 'receives' | 'analyses'>> {
  const model = network?.model() ?? null;
  const counters = receiver?.counters();
  return {
    receives: !roles.has('receive')
      ? null
      : {
          receiver: {
            up: receiver?.isUp() ?? false,
            downSinceMs: receiver?.downSinceMs() ?? null,
            port: receiver?.port ?? 0,
            aeTitle: config.receive.aeTitle,
            stored: counters?.stored ?? 0,
            rejected: counters?.rejected ?? 0,
            refused: counters?.refused ?? 0,
            refusedContexts: counters?.refusedContexts ?? 0,
            aborted: counters?.aborted ?? 0,
            dropped: counters?.dropped ?? 0,
            refusedTls: counters?.refusedTls ?? 0,
            openAssociations: receiver?.openAssociations().size ?? 0,
            maxAssociations: config.receive.maxAssociations,
            restarts: counters?.restarts ?? 0,
          },
          hl7: hl7 && {
            port: hl7.port,
            tlsPort: hl7.tlsPort,
            openConnections: hl7.openConnections(),
            ...hl7.counters(),
          },
        },
    analyses: !roles.has('infer')
      ? null
      : {
          model: model === null ? null : { ...model.identity, provider: model.provider },
          modelError: network?.error() ?? null,
          shadow: await shadowStatus(shadow, store),
          encodedOnArrival: arrival?.encoded() ?? 0,
        },
  };
}

/** The status of the agent, collected from its parts at each request. */
export function systemStatus(foundation: Foundation, parts: StatusParts): () => Promise<SystemStatus> {
  const { config, paths, database, ports } = foundation;
  const { auditTrail, certificates, others } = parts;
  const startedAtMs = ports.clock.now();
  const watched = createWatchedArchives(database, ports.clock);
  return async () => {
    const { last, lastPassedAtMs, alarm } = await parts.proof.status();
    const { receives, analyses } = await parts.own();
    return {
      ...(receives ?? others.receiver()),
      ...others.networks(analyses),
      proofOfLife: {
        alarm,
        lastOutcome: last?.outcome === 'passed' || last?.outcome === 'failed' ? last.outcome : null,
        lastAtMs: last?.finishedAtMs ?? null,
        lastPassedAtMs,
        totalMs: last?.measures.totalMs ?? null,
        probability: last?.measures.probability ?? null,
      },
      auditRepository: (await auditTrail?.status()) ?? null,
      freeBytes: await freeBytesUnder(paths.spool).catch(() => null),
      disk: { refuseBelowBytes: config.receive.minFreeBytes, removeBelowBytes: config.housekeeping.lowWaterFreeBytes },
      startedAtMs,
      oldestUnreportedAtMs: await oldestUnreportedAtMs(database).catch(() => null),
      loopLagMs: parts.loopLagMs(),
      clockStep: parts.clockSteps.recent(),
      backupAtMs: await newestBackupAtMs(paths.backups),
      isBackedUpBySite: config.database.url !== undefined,
      certificates: certificates.expiries(),
      watch: await Promise.all(config.watch.archives.map((name) => watchStatus(name, watched))),
      waitingResults: await waitingResults(database.reads).catch(() => []),
      maxWaitingBytes: config.housekeeping.maxWaitingBytes,
      certificateProblems: certificates.problems(),
      ...livingNodes(others.living()),
    };
  };
}

function livingNodes(living: ReturnType<OtherNodes['living']>): Pick<SystemStatus, 'livingNodes'> {
  return living === undefined ? {} : { livingNodes: living };
}

/** Without what the peer said: anybody may read it. */
async function watchStatus(name: string, watched: WatchedArchives): Promise<SystemStatus['watch'][number]> {
  const { succeededAtMs, lastError, waiting, failing } = await watched.status(name);
  return { name, succeededAtMs, hasFailed: lastError !== null, waiting, failing };
}

/** When the newest copy in the backup folder was made; null without one. */
async function newestBackupAtMs(folder: string): Promise<number | null> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.sqlite'));
  const times = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ mtimeMs }) => Math.round(mtimeMs),
        () => 0,
      ),
    ),
  );
  return times.length === 0 ? null : Math.max(...times);
}
