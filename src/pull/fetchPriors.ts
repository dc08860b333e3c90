import type { Clock } from '../base/clock.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import { otherPatients, wantedPriors, type PriorLimits, type ScanWithPriors } from '../case/priorSearch.ts';
import type { ArchiveClient, FoundStudy } from '../pacs/archiveClient.ts';
import type { AuditLog } from '../worklist/audit/audit.ts';
import type { PriorSearches } from '../worklist/cases/priorSearches.ts';
import { pullStudy, type PullPorts } from './pullStudy.ts';
import { orStopping, Stopping, type UntilStop } from './untilStop.ts';

/** An archive that is asked for priors. */
export interface PriorArchive {
  name: string;
  client: Pick<ArchiveClient, 'findOfPatient' | 'retrieve'>;
  /** Whether the selection rules may accept a study, by what the archive says of it. */
  mayBeWanted: (study: FoundStudy) => boolean;
}

export interface PriorsOptions {
  archives: readonly PriorArchive[];
  searches: PriorSearches;
  limits: PriorLimits;
  pull: Omit<PullPorts, 'retrieve'>;
  audit: Pick<AuditLog, 'append'>;
  /** Whether this process is the one that asks. Default: it is. */
  isOurs?: () => Promise<boolean>;
  clock: Clock;
  log: Log;
}

/** A scan is shown before its priors are looked for, so nobody waits for a shorter rest. */
const POLL_MS = 2_000;

/**
 * Looks in archives for earlier neck CTs of the patients whose scans were analysed, and fetches them, one study after the other. Whatever fails is tried again a
 * few times and told to admins only: the scan itself needs nothing of it.
 */
export function startFetchingPriors(options: PriorsOptions): { stop: () => Promise<void> } {
  const { archives, searches, clock, log } = options;
  const loop = startWakingLoop({
    isOurs: options.isOurs,
    step: async (stopping) => {
      await searches.noteNew(archives.map(({ name }) => name));
      let isMore = false;
      for (const archive of archives) {
        if (stopping.aborted) return false;
        if (await searchOne(archive, options, stopping)) isMore = true;
      }
      return isMore;
    },
    pollMs: POLL_MS,
    onError: (error) => log.warn('archives are not asked for priors', { error }),
    clock,
  });
  return { stop: loop.stop };
}

/** Asks the archive for the priors of one scan, and fetches them; false when no scan is due. Ends as soon as `stopping` aborts. */
export async function searchOne(
  archive: PriorArchive,
  options: PriorsOptions,
  stopping: AbortSignal,
): Promise<boolean> {
  const { searches, log } = options;
  const scan = await searches.nextDue(archive.name);
  if (scan === null) return false;
  const { patientId } = scan.patient;
  // An asterisk would ask for other patients too (PS3.4 C.2.2.2.4).
  if (!/^[ -)+->@-[\]-~]{1,64}$/.test(patientId)) {
    await searches.noteDone(
      archive.name,
      scan.studyInstanceUid,
      'a patient ID holds characters that cannot be asked for',
    );
    return true;
  }
  try {
    const others = await fetchPriorsOf(scan, archive, options, orStopping(stopping));
    const [first] = others;
    const why = `${others.length} left there: under the same patient ID, but another ${first}`;
    await searches.noteDone(archive.name, scan.studyInstanceUid, first === undefined ? undefined : why);
    if (first !== undefined) log.warn('studies are no priors', { ...about(archive, scan), reason: why });
  } catch (error) {
    if (error instanceof Stopping) return false;
    if (!(error instanceof TriageError)) throw error;
    await searches.noteFailed(archive.name, scan.studyInstanceUid, messageOf(error));
    log.warn('the priors of a scan are not here', { ...about(archive, scan), reason: messageOf(error) });
  }
  return true;
}

const about = ({ name }: PriorArchive, { studyInstanceUid }: ScanWithPriors) => ({
  destination: name,
  studyInstanceUid,
});

/** How the patients differ whose studies the archive has under the same ID, for each study. @throws TriageError when the archive cannot be asked, or a prior did not come */
async function fetchPriorsOf(
  scan: ScanWithPriors,
  { name, client, mayBeWanted }: PriorArchive,
  { searches, limits, pull, audit, clock }: PriorsOptions,
  untilStop: UntilStop,
): Promise<string[]> {
  const found = await untilStop(client.findOfPatient(scan.patient.patientId));
  const problems: string[] = [];
  for (const study of wantedPriors(found.filter(mayBeWanted), scan, limits, clock.now())) {
    const { studyInstanceUid } = study;
    if (await searches.isHeld(name, study)) continue;
    const { completed, problem } = await untilStop(pullStudy(study, { ...pull, retrieve: client.retrieve }));
    await audit.append({
      action: 'pull.ended',
      actor: 'odontoid',
      target: studyInstanceUid,
      detail: { archive: name, objects: completed, whole: problem === null, priorOf: scan.studyInstanceUid },
    });
    if (problem !== null) problems.push(`${studyInstanceUid}: ${problem}`);
  }
  if (problems.length > 0) throw new TriageError('pacs-unreachable', `${name}: ${problems.join('; ')}.`);
  return otherPatients(found, scan);
}
