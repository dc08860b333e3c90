import type { Clock } from '../base/clock.ts';
import type { LeaseKeeper } from '../base/leaseKeeper.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import type { NodeRole } from '../config/databaseSettings.ts';
import type { EffectiveSetting } from '../config/effectiveSettings.ts';
import type { PipelineStep } from '../pipeline/pipeline.ts';
import type { AuditLog } from '../worklist/audit/audit.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import type { WorklistDatabase } from '../worklist/db/database.ts';
import type { NodeRecord } from '../worklist/nodes/nodeRecord.ts';
import type { WorklistQuery } from '../worklist/list/worklistQuery.ts';
import type { Releasers } from '../base/releasers.ts';
import type { NodeSays } from './nodeSays.ts';
import type { LiveValues } from './liveValues.ts';
import type { dataPaths } from './places.ts';

export interface AgentPorts {
  clock: Clock;
  log: Log;
  environment: NodeJS.ProcessEnv;
  /** Every setting with the place that it comes from; without, the agent was started by a program that gave the values. */
  settings?: readonly EffectiveSetting[];
  /** Named points of the pipeline, for tests that kill the process at each of them. */
  onStep?: (step: PipelineStep, studyInstanceUid: string) => void;
}

/** What every part of the agent depends on. */
export interface Foundation {
  config: Config;
  /** What the page adds to it. */
  values: LiveValues;
  ports: AgentPorts;
  /** What this node does; all, where it is alone. */
  roles: ReadonlySet<NodeRole>;
  /** What it is called among the nodes of the database. */
  nodeName: string;
  /** The nodes of the database; null on a SQLite file, which has one. */
  nodes: NodeRecord<NodeSays> | null;
  releasers: Releasers;
  paths: ReturnType<typeof dataPaths>;
  database: WorklistDatabase;
  audit: AuditLog;
  store: WorklistStore;
  /** Work that one of the nodes on this database does at a time. */
  leases: LeaseKeeper;
  /** Whether this node keeps house now, and sends the audit: one of those on this database does. */
  keepsHouse: () => Promise<boolean>;
  /** Whether this node asks archives and proves that it is alive now: what comes of it must come to its receiver. */
  fetches: () => Promise<boolean>;
  /** Whether this node lets the shadow package score now: one of those that analyse does. */
  scoresShadow: () => Promise<boolean>;
  query: WorklistQuery;
  /** Absolute path of a path in the spool. */
  resolvePath: (path: string) => string;
}
