import type { SystemStatus } from '../answers/systemAnswer.ts';
import type { WorklistTotals } from '../answers/worklistAnswer.ts';
import { gibibytes } from '../base/byteSize.ts';
import { LATE_DELIVERY_MS, LATE_REPORT_MS } from './stoppedWork.ts';

export interface Readiness {
  /** Why it cannot receive, analyse, deliver or show; a person must fix it. */
  missing: string[];
  /** What a person must look at, although studies are received and analysed. */
  alarms: string[];
}

/** A night and a half: by then one backup was missed. */
const OLD_BACKUP_MS = 36 * 3_600_000;
/** An archive that is watched and restarts is back by then. */
const SILENT_ARCHIVE_MS = 30 * 60_000;
const CERTIFICATE_SOON_MS = 30 * 86_400_000;
const LOOP_LAG_MS = 1_000;

const minutes = (ms: number): string => `${Math.round(ms / 60_000)} min`;
const span = (ms: number): string =>
  ms < 120_000
    ? `${Math.round(ms / 1000)} s`
    : ms < 7_200_000
      ? minutes(ms)
      : ms < 172_800_000
        ? hours(ms)
        : `${Math.round(ms / 86_400_000)} days`;
const hours = (ms: number): string => `${Math.round(ms / 3_600_000)} h`;

/**
 * Whether the agent can receive, analyse, deliver and show, judged by the status of its parts. `totals` is null when the database cannot be read. `does`: of
 * which roles it is judged (all of them, on a page, which speaks for all agents). The sentences name no patient, because anybody who reaches the port may read
 * them.
 */
export function judgeReadiness(
  system: SystemStatus,
  totals: WorklistTotals | null,
  nowMs: number,
  does: (role: string) => boolean = () => true,
): Readiness {
  return {
    missing: [
      ...(does('receive') ? cannotReceive(system) : []),
      ...(does('infer') ? cannotAnalyse(system) : []),
      ...(system.freeBytes === null ? ['The disk of received objects cannot be read.'] : []),
      ...(totals === null ? ['The database cannot be read. Run: odontoid doctor'] : []),
    ],
    alarms: [
      ...(does('receive') && system.proofOfLife.alarm !== null ? [system.proofOfLife.alarm] : []),
      ...(does('housekeep') && system.auditRepository?.alarm != null ? [system.auditRepository.alarm] : []),
      ...(does('web') ? missingRoles(system) : []),
      ...(does('deliver') ? lateDeliveries(system, totals, nowMs) : []),
      ...(does('infer') ? lateReports(system, nowMs) : []),
      ...(does('receive') ? watching(system, nowMs) : []),
      ...(does('housekeep') ? oldBackup(system, nowMs) : []),
      ...upkeep(system, nowMs),
    ],
  };
}

/** What nobody does, of what another agent would have to do. That nobody receives or analyses is missing, and said there. */
function missingRoles({ livingNodes = {} }: SystemStatus): string[] {
  return Object.entries(livingNodes)
    .filter(([role, count]) => count === 0 && role !== 'receive' && role !== 'infer')
    .map(([role]) => `No agent with the role ${role} is alive: start one. System lists them.`);
}

function cannotReceive({ receiver, freeBytes, disk }: SystemStatus): string[] {
  const found: string[] = [];
  if (!receiver.up) found.push('The receiver is down.');
  if (freeBytes !== null && freeBytes < disk.refuseBelowBytes)
    found.push(
      `Objects are refused: ${gibibytes(freeBytes)} are free, and receive.minFreeBytes asks for ${gibibytes(disk.refuseBelowBytes)}. Free some space.`,
    );
  if (receiver.openAssociations >= receiver.maxAssociations)
    found.push(`All ${receiver.maxAssociations} associations are taken: further senders are turned away.`);
  return found;
}

function cannotAnalyse({ model, modelError }: SystemStatus): string[] {
  return model === null ? [modelError ?? 'No network is loaded.'] : [];
}

function lateDeliveries(system: SystemStatus, totals: WorklistTotals | null, nowMs: number): string[] {
  const found: string[] = [];
  const oldestDeliveryMs = totals?.outbox.oldestAgeMs ?? 0;
  if (oldestDeliveryMs > LATE_DELIVERY_MS)
    found.push(`A result has waited for ${minutes(oldestDeliveryMs)} to be taken by its destination.`);
  if (totals !== null && totals.outbox.refused > 0)
    found.push(`${totals.outbox.refused} results were refused by a destination, or were changed on disk.`);
  return [...found, ...crowdedDisk(system, nowMs)];
}

function lateReports({ oldestUnreportedAtMs }: SystemStatus, nowMs: number): string[] {
  return oldestUnreportedAtMs !== null && nowMs - oldestUnreportedAtMs > LATE_REPORT_MS
    ? [`A study has waited for ${minutes(nowMs - oldestUnreportedAtMs)} to be analysed and reported.`]
    : [];
}

/** Of the limit for results that wait, so that somebody can look before pictures are given up. */
const CROWDED_SHARE = 0.8;

function crowdedDisk({ waitingResults, maxWaitingBytes }: SystemStatus, nowMs: number): string[] {
  return waitingResults
    .filter(({ bytes }) => bytes > CROWDED_SHARE * maxWaitingBytes)
    .map(
      ({ destination, bytes, oldestAtMs }) =>
        `Results of ${gibibytes(bytes)} wait for ${destination}, the first for ${span(nowMs - oldestAtMs)}: beyond ${gibibytes(maxWaitingBytes)} pictures are given up. Mend that destination, or retire it.`,
    );
}

function watching({ watch, startedAtMs }: SystemStatus, nowMs: number): string[] {
  return watch.flatMap(({ name, succeededAtMs, hasFailed, failing }) => {
    const silentMs = nowMs - (succeededAtMs ?? startedAtMs);
    return [
      ...(hasFailed && silentMs > SILENT_ARCHIVE_MS
        ? [`The archive ${name} could not be asked for new studies for ${minutes(silentMs)}: Connections says why.`]
        : []),
      ...(failing > 0
        ? [
            `${failing} ${failing === 1 ? 'study' : 'studies'} of the archive ${name} cannot be fetched: Connections says why.`,
          ]
        : []),
    ];
  });
}

function oldBackup({ startedAtMs, backupAtMs, isBackedUpBySite = false }: SystemStatus, nowMs: number): string[] {
  const backupAgeMs = nowMs - (backupAtMs ?? startedAtMs);
  if (isBackedUpBySite || backupAgeMs <= OLD_BACKUP_MS) return [];
  return [
    backupAtMs === null
      ? `There is no backup of the database, and the agent has run for ${hours(backupAgeMs)}.`
      : `The last backup of the database is ${hours(backupAgeMs)} old.`,
  ];
}

function upkeep(
  { certificates, certificateProblems, loopLagMs, clockStep, freeBytes, disk }: SystemStatus,
  nowMs: number,
): string[] {
  const found: string[] = [];
  found.push(...certificateProblems);
  for (const { name, expiresAtMs } of certificates)
    if (expiresAtMs - nowMs < CERTIFICATE_SOON_MS)
      found.push(
        expiresAtMs <= nowMs
          ? `The certificate ${name} has expired.`
          : `The certificate ${name} expires in ${Math.floor((expiresAtMs - nowMs) / 86_400_000)} days.`,
      );
  if (freeBytes !== null && freeBytes < disk.removeBelowBytes)
    found.push(
      `The disk is nearly full: ${gibibytes(freeBytes)} are free. Studies that were read go early; what nobody has read stays, and below ${gibibytes(disk.refuseBelowBytes)} objects are refused.`,
    );
  if (clockStep !== null)
    found.push(
      `The clock of this machine was set ${clockStep.byMs > 0 ? 'forward' : 'back'} by ${span(Math.abs(clockStep.byMs))}. Look at its time service.`,
    );
  if (loopLagMs > LOOP_LAG_MS)
    found.push(`The agent stood still for ${(loopLagMs / 1000).toFixed(1)} s in the last minute.`);
  return found;
}
