import type { HeldReport, ReportSource } from '../case/delivery.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';

/** What asking for reports needs from the worklist. */
interface ReportedStudies {
  /** Unread studies, newest first, that arrived since `sinceMs`. */
  unreadStudies(sinceMs: number, limit: number): Promise<{ studyInstanceUid: string; arrivedAtMs: number }[]>;
  /** Marks the study as read if one of the reports is somebody else's and has not done so before. */
  noteReported(studyInstanceUid: string, reports: readonly HeldReport[], archive: string): Promise<boolean>;
}

export interface ReportWatchPorts {
  store: ReportedStudies;
  /** The archives that are asked, from one look to the next. */
  sources: () => readonly ReportSource[];
  /** Only reports that a person has signed count. */
  verifiedOnly: boolean;
  /** Whether this process is the one that asks. Default: it is. */
  isOurs?: () => Promise<boolean>;
  clock: Clock;
  log: Log;
}

const LOOK_EVERY_MS = 60_000;
/** Studies that one archive is asked about in one look: an archive must not notice us. */
const MOST_A_LOOK = 20;
/** A study is asked about after a quarter of its age has passed again, within these bounds. */
const SOONEST_AGAIN_MS = 2 * 60_000;
const LATEST_AGAIN_MS = 60 * 60_000;
/** What is unread for longer is left to people. */
const OLDEST_MS = 3 * 86_400_000;
const MOST_UNREAD = 2_000;

/** Asks the archives now and then whether somebody else has reported a study that is unread here. */
export function watchReports(ports: ReportWatchPorts): { stop: () => Promise<void> } {
  const looks = new WeakMap<ReportSource, Look>();
  const lookOf = (source: ReportSource): Look => {
    const look = looks.get(source) ?? lookAt(source, ports);
    looks.set(source, look);
    return look;
  };
  const loop = startWakingLoop({
    isOurs: ports.isOurs,
    step: async () => {
      const sources = ports.sources();
      if (sources.length === 0) return false;
      const nowMs = ports.clock.now();
      const unread = await ports.store.unreadStudies(nowMs - OLDEST_MS, MOST_UNREAD);
      await Promise.all(sources.map((source) => lookOf(source)(unread, nowMs)));
      return false;
    },
    pollMs: LOOK_EVERY_MS,
    onError: (error) => ports.log.warn('archives are not asked for reports', { error }),
    clock: ports.clock,
  });
  return { stop: () => loop.stop() };
}

type Look = (unread: readonly { studyInstanceUid: string; arrivedAtMs: number }[], nowMs: number) => Promise<void>;

/** One look at one archive, which remembers what it was asked about and when. */
function lookAt(source: ReportSource, { store, verifiedOnly, log }: ReportWatchPorts): Look {
  const askedAtMs = new Map<string, number>();
  return async (unread, nowMs) => {
    const known = new Set(unread.map(({ studyInstanceUid }) => studyInstanceUid));
    for (const study of askedAtMs.keys()) if (!known.has(study)) askedAtMs.delete(study);
    const due = unread.filter(({ studyInstanceUid, arrivedAtMs }) => {
      const againMs = Math.min(LATEST_AGAIN_MS, Math.max(SOONEST_AGAIN_MS, (nowMs - arrivedAtMs) / 4));
      return nowMs - (askedAtMs.get(studyInstanceUid) ?? arrivedAtMs) >= againMs;
    });
    // Whoever was asked about longest ago comes first, so that nobody is left out.
    due.sort((a, b) => (askedAtMs.get(a.studyInstanceUid) ?? 0) - (askedAtMs.get(b.studyInstanceUid) ?? 0));
    for (const { studyInstanceUid } of due.slice(0, MOST_A_LOOK)) {
      askedAtMs.set(studyInstanceUid, nowMs);
      try {
        const reports = (await source.reportsOf(studyInstanceUid)).filter(
          ({ isVerified }) => isVerified === true || (isVerified === null && !verifiedOnly),
        );
        if (reports.length > 0) await store.noteReported(studyInstanceUid, reports, source.name);
      } catch (error) {
        if (!(error instanceof TriageError) || error.code !== 'pacs-unreachable') throw error;
        log.warn('the archive cannot be asked for reports', { destination: source.name, reason: messageOf(error) });
        return;
      }
    }
  };
}
