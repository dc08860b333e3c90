import type { Clock } from '../base/clock.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { ArchiveClient, FoundStudy } from '../pacs/archiveClient.ts';
import type { DueStudy, WatchedArchives } from '../worklist/cases/watchedArchives.ts';
import { pullStudy, type PullPorts } from './pullStudy.ts';
import { orStopping, Stopping, type UntilStop } from './untilStop.ts';

/** An archive that is asked for new studies. */
export interface WatchedArchive {
  name: string;
  client: ArchiveClient;
  /** Whether a study may be one that the site wants analysed, by what the archive says of it. */
  mayBeWanted: (study: FoundStudy) => boolean;
}

export interface WatchOptions {
  archives: readonly WatchedArchive[];
  store: WatchedArchives;
  /** Days before the last look that are asked for again: studies enter an archive late, and grow. */
  overlapDays: number;
  /** Studies that are fetched from one archive before the others have their turn. */
  mostStudies: number;
  pull: Omit<PullPorts, 'retrieve'>;
  /** Whether this process is the one that asks. Default: it is. */
  isOurs?: () => Promise<boolean>;
  clock: Clock;
  log: Log;
}

export interface Watch {
  /** Asks all archives now, or again after the look in progress. */
  look: () => void;
  /** Waits for nothing that an archive does. */
  stop: () => Promise<void>;
}

const DAY_MS = 86_400_000;

/**
 * Asks archives that cannot push for new CTs, and has them send what is wanted. What was found stands in the database before the last day asked for moves on,
 * so nothing is lost when the agent stops, or a study cannot be fetched: it is tried again until it is here, or no longer in the archive.
 */
export function watchArchives(options: WatchOptions): Watch {
  const { archives, clock, log } = options;
  const loop = startWakingLoop({
    isOurs: options.isOurs,
    step: async (stopping) => {
      const looks = await Promise.all(
        archives.map((archive) =>
          lookAtArchive(archive, options, stopping).catch((error: unknown) => {
            if (error instanceof Stopping) return false;
            throw error;
          }),
        ),
      );
      return looks.some((isMoreDue) => isMoreDue);
    },
    pollMs: null,
    onError: (error) => log.warn('archives are not asked for new studies', { error }),
    clock,
  });
  return { look: loop.wake, stop: loop.stop };
}

/** Asks one archive, and fetches what is due of it. True when more studies are due at once. Rejects as soon as `stopping` aborts. */
export async function lookAtArchive(
  archive: WatchedArchive,
  options: WatchOptions,
  stopping: AbortSignal,
): Promise<boolean> {
  const { store, log, mostStudies } = options;
  const untilStop = orStopping(stopping);
  try {
    await findNew(archive, options, untilStop);
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    await store.noteFailedLook(archive.name, messageOf(error));
    log.warn('the archive cannot be asked for new studies', { destination: archive.name, reason: messageOf(error) });
    return false;
  }
  const due = await store.due(archive.name, mostStudies);
  for (const study of due) {
    const problem = await fetch(study, archive, options, untilStop);
    if (problem === null) continue;
    log.warn('a study cannot be fetched', {
      destination: archive.name,
      studyInstanceUid: study.studyInstanceUid,
      reason: problem,
    });
  }
  return due.length === mostStudies;
}

async function findNew(
  { name, client, mayBeWanted }: WatchedArchive,
  { store, overlapDays, clock }: WatchOptions,
  untilStop: UntilStop,
): Promise<void> {
  const today = dayOf(clock.now());
  const askedTo = (await store.askedTo(name)) ?? today;
  // A clock that was ahead for a while must not hide the days in between.
  const last = askedTo > today ? today : askedTo;
  for (let day = dayBefore(last, overlapDays); day <= today; day = dayBefore(day, -1)) {
    const found = await untilStop(client.findCts(day, day === today ? null : day));
    // In one transaction with what was found: a look that breaks off goes on from here.
    await store.noteFound(name, found.filter(mayBeWanted), day);
  }
}

/** What is wrong; null when nothing is. */
async function fetch(
  study: DueStudy,
  { name, client }: WatchedArchive,
  { store, pull }: WatchOptions,
  untilStop: UntilStop,
): Promise<string | null> {
  const { studyInstanceUid, attempts } = study;
  if (attempts > 0 && (await isGone(studyInstanceUid, client, untilStop))) {
    await store.noteGone(name, studyInstanceUid);
    return 'it is no longer in the archive';
  }
  const { problem } = await untilStop(pullStudy(study, { ...pull, retrieve: client.retrieve }));
  if (problem === null) await store.noteFetched(name, studyInstanceUid);
  else await store.noteFailedFetch(name, studyInstanceUid, problem);
  return problem;
}

/** An archive that cannot be asked has not lost it. */
async function isGone(studyInstanceUid: string, { find }: ArchiveClient, untilStop: UntilStop): Promise<boolean> {
  try {
    return (await untilStop(find('studyInstanceUid', studyInstanceUid))).studies.length === 0;
  } catch (error) {
    if (error instanceof TriageError) return false;
    throw error;
  }
}

/** The day of an instant in local time, as DICOM DA. */
function dayOf(atMs: number): string {
  const at = new Date(atMs);
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0')).join('');
}

function dayBefore(day: string, days: number): string {
  const [year, month, date] = [day.slice(0, 4), day.slice(4, 6), day.slice(6, 8)].map(Number);
  return new Date(Date.UTC(year!, month! - 1, date) - days * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
}
