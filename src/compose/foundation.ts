import { join } from 'node:path';
import { changesAnalysis } from '../assemble/lateImages.ts';
import type { AuditTrail } from '../auditTrail/auditTrail.ts';
import { makeFolder } from '../base/durably.ts';
import { createLeaseKeeper } from '../base/leaseKeeper.ts';
import type { Releasers } from '../base/releasers.ts';
import type { DestinationWishes } from '../case/delivery.ts';
import { ruleFor } from '../case/selection.ts';
import { maxAgeMsOf, type Config } from '../config/config.ts';
import type { NodeRole } from '../config/databaseSettings.ts';
import { createAuditLog } from '../worklist/audit/audit.ts';
import { createCaseStore } from '../worklist/cases/caseStore.ts';
import type { DatabaseUser } from '../worklist/db/agentLock.ts';
import { lockDataDir } from '../worklist/db/dataDirLock.ts';
import { migrate, openDatabase, type PostgresPlace } from '../worklist/db/database.ts';
import { createWorklistQuery } from '../worklist/list/worklistQuery.ts';
import type { AgentPorts, Foundation } from './agentPorts.ts';
import { openAuditTrail } from './audit.ts';
import { openLiveValues } from './liveValues.ts';
import { joinNodes } from './nodes.ts';
import { databasePlace, dataPaths, nodeNameOf } from './places.ts';
import { settleDestinations } from './settleDestinations.ts';

/** Maps the DICOM keyword in the configuration to the field name in the header. */
const LOCATION_FROM = {
  CurrentPatientLocation: 'currentPatientLocation',
  InstitutionalDepartmentName: 'institutionalDepartmentName',
  StationName: 'stationName',
  none: null,
} as const;

/** What each destination wants, by its name. */
function wishesOf({ destinations }: Config): Map<string, DestinationWishes> {
  return new Map(
    destinations.map(({ name, objects, decisions, rejectReplaced }) => [
      name,
      {
        report: objects.includes('report'),
        card: objects.includes('card'),
        heatmaps: objects.includes('heatmaps'),
        keySlices: objects.includes('keySlices'),
        onlySuspected: decisions === 'suspected',
        rejectReplaced,
      },
    ]),
  );
}

/** The data folder's lock says nothing of other machines. An agent that lost the database to another one stops. */
async function lockDatabase(
  place: PostgresPlace,
  user: DatabaseUser,
  { log }: AgentPorts,
): Promise<() => Promise<void>> {
  const { lockPostgres } = await import('../worklist/db/agentLock.ts');
  return lockPostgres(place, user, () => {
    log.error('another agent has taken the place of this one while the database was out of reach: this one stops');
    process.kill(process.pid, 'SIGTERM');
  });
}

/** Locks the data folder for this process and opens its contents. @throws TriageError `database-*`, `config-invalid` */
export async function layFoundation(
  ofFiles: Config,
  ports: AgentPorts,
  releasers: Releasers,
): Promise<Foundation & { auditTrail: AuditTrail | null }> {
  const { clock } = ports;
  const paths = dataPaths(ofFiles);
  // The data folder is included because whoever made it may not have synced its name to disk.
  for (const folder of [ofFiles.dataDir, paths.spool, paths.results]) await makeFolder(folder);
  releasers.push('lock', lockDataDir(ofFiles.dataDir));

  const place = databasePlace(ofFiles, ports.environment);
  const roles = new Set(ofFiles.node.roles);
  const nodeName = nodeNameOf(ofFiles);
  if (typeof place !== 'string')
    releasers.push('database lock', await lockDatabase(place, { name: nodeName, isAlone: false }, ports));
  await migrate(place);
  const database = await openDatabase(place, { readIn: 'threads' });
  releasers.push('database', () => database.close());
  const nodes = await joinNodes({ config: ofFiles, paths, database, roles, nodeName, releasers, ports });
  const values = await openLiveValues(ofFiles, database, ports);
  const { config } = values;
  const audit = createAuditLog(database, clock);
  const store = createCaseStore(database, clock, {
    nodeName,
    changesAnalysis: (images) => changesAnalysis(images, config.assemble),
    isIgnored: ({ header, sourceAeTitle, calledAeTitle = '', receivedAtMs }) =>
      ruleFor(config.selection, { headers: [header], sourceAeTitle, calledAeTitle, arrivedAtMs: receivedAtMs })?.do ===
      'ignore',
    urgentRule: ({ header, sourceAeTitle, calledAeTitle = '', receivedAtMs }) =>
      ruleFor(config.worklist.urgent, { headers: [header], sourceAeTitle, calledAeTitle, arrivedAtMs: receivedAtMs })
        ?.name ?? null,
    maxAgeMs: maxAgeMsOf(config.assemble),
    quietMs: config.assemble.quietMs,
    maxAttempts: config.pipeline.maxAttempts,
    retryMinMs: config.pipeline.retryMinMs,
    deliveryRetryMinMs: config.delivery.retryMinMs,
    deliveryRetryMaxMs: config.delivery.retryMaxMs,
    // The page may change them at any moment.
    get destinations() {
      return config.destinations.filter(({ state }) => state !== 'retired').map(({ name }) => name);
    },
    get wishes() {
      return wishesOf(config);
    },
    proofDestinations: config.proofOfLife.sendTo,
    reportNotEligible: config.report.notEligible,
    locationFrom: LOCATION_FROM[config.worklist.location],
  });
  // The lock of the data folder proves that no earlier agent of this node is alive.
  await store.endEarlierLeases();
  const unfollow = store.followOthers((error) =>
    ports.log.warn('changes of other processes come late', { component: 'database', error }),
  );
  if (unfollow !== null) releasers.push('changes of others', unfollow);
  const leases = createLeaseKeeper(store, {
    leaseMs: config.pipeline.leaseMs,
    clock,
    log: ports.log.child({ component: 'leases' }),
  });
  releasers.push('leases', leases.close);
  const holds = async (role: NodeRole, work: string): Promise<boolean> =>
    roles.has(role) && (await leases.hold(work)) !== null;
  const keepsHouse = () => holds('housekeep', 'housekeeping');
  const fetches = () => holds('receive', 'fetching');
  const scoresShadow = () => holds('infer', 'shadow');
  const auditTrail = await openAuditTrail(config, { database, keepsHouse, ports });
  releasers.push('audit', async () => auditTrail?.close());
  // Nobody listened while the agent was down, and the clock may have been set meanwhile.
  await store.settleDueTimes({ hasStepped: false, receives: roles.has('receive') });
  await settleDestinations({ config, database, store, ports });
  const query = createWorklistQuery(database, clock, {
    get maxWaitMs() {
      return config.worklist.maxWaitMinutes * 60_000;
    },
  });
  const resolvePath = (path: string): string => join(paths.spool, path);
  return {
    config,
    values,
    ports,
    roles,
    nodeName,
    nodes,
    releasers,
    paths,
    database,
    audit,
    auditTrail,
    store,
    leases,
    keepsHouse,
    fetches,
    scoresShadow,
    query,
    resolvePath,
  };
}
