import type { InstanceHeader, StoredImage } from '../case/case.ts';

/** How long another node may take over a slice of its share before this one, having nothing else to do, encodes it too. */
export const PATIENCE_MS = 2_000;

interface Options {
  /** Null when the slice may belong to an analysed series, otherwise why not. */
  refuse: (header: InstanceHeader) => unknown;
  /** Negative when series `a` would be analysed rather than `b`, judged by headers alone. */
  preferSeries: (a: InstanceHeader, b: InstanceHeader) => number;
  /** Whether an object, by its digest, is in the share of this node. */
  isOurs: (sha256: string) => boolean;
  monotonicMs: () => number;
}

/** A study that arrives, as far as this node has to do with it. `Kept`: what has been made of its slices. */
interface ArrivingStudy<Kept> {
  /** Header of the series that would be analysed. */
  best: InstanceHeader;
  kept: Kept;
  /** Slices of this node's share that are waiting or being encoded. */
  ownWaiting: number;
  /** Slices that are being encoded. */
  inWork: number;
  /** Told when none of its share is left. */
  waiters: (() => void)[];
}

export interface QueuedImage<Kept> {
  study: ArrivingStudy<Kept>;
  image: StoredImage;
  isOurs: boolean;
  dueMs: number;
}

export interface ArrivalQueue<Kept> {
  /** Queues an image of the series that would be analysed, by what is known so far; all others are left out. */
  add(image: StoredImage): void;
  /** The next slice: of this node's share, or else the newest of those that another node has been slow with, which works on the oldest. */
  take(): QueuedImage<Kept> | undefined;
  /** A slice that was taken is done with. */
  done(taken: QueuedImage<Kept>): void;
  /** Whether its study still matters. */
  isWanted(taken: QueuedImage<Kept>): boolean;
  /** Whether nothing of its study is left to do here but this slice. */
  isLast(taken: QueuedImage<Kept>): boolean;
  /** Drops a study. */
  forget(studyInstanceUid: string): void;
  /** Drops every slice that waits. */
  clear(): void;
  /** What was made of a study's slices, when this node's share of it is done; the rest is left to whoever asks. Null for an unknown study. */
  settle(studyInstanceUid: string): Promise<Kept | null>;
  /** What was made of the slices of all studies. */
  kept(): Kept[];
  /** Whether slices of this node's share wait. */
  hasOwn(): boolean;
  /** Whether slices of other nodes' shares wait. */
  hasOthers(): boolean;
}

/** Slices that wait to be encoded while their studies arrive, in the order in which they came. */
export function createArrivalQueue<Kept>(options: Options & { newKept: () => Kept }): ArrivalQueue<Kept> {
  type Study = ArrivingStudy<Kept>;
  type Queued = QueuedImage<Kept>;
  const studies = new Map<string, Study>();
  let own: Queued[] = [];
  let others: Queued[] = [];

  const tellWaiters = (study: Study): void => {
    if (study.ownWaiting === 0) for (const resolve of study.waiters.splice(0)) resolve();
  };
  const drop = (isDropped: (queued: Queued) => boolean): void => {
    const dropped = own.filter(isDropped);
    own = own.filter((queued) => !isDropped(queued));
    others = others.filter((queued) => !isDropped(queued));
    for (const { study } of dropped) study.ownWaiting -= 1;
    for (const { study } of dropped) tellWaiters(study);
  };
  const studyOf = (header: InstanceHeader): Study => {
    const known = studies.get(header.studyInstanceUid);
    if (known !== undefined) return known;
    const study = { best: header, kept: options.newKept(), ownWaiting: 0, inWork: 0, waiters: [] };
    studies.set(header.studyInstanceUid, study);
    return study;
  };

  return {
    add: (image) => {
      const { header } = image;
      if (options.refuse(header) !== null) return;
      const study = studyOf(header);
      if (options.preferSeries(header, study.best) < 0) study.best = header;
      else if (study.best.seriesInstanceUid !== header.seriesInstanceUid) return;
      const isOurs = options.isOurs(image.sha256);
      if (isOurs) study.ownWaiting += 1;
      (isOurs ? own : others).push({ study, image, isOurs, dueMs: options.monotonicMs() + PATIENCE_MS });
    },
    take: () => {
      const due = others.findLastIndex(({ dueMs }) => dueMs <= options.monotonicMs());
      const taken = own.shift() ?? (due < 0 ? undefined : others.splice(due, 1)[0]);
      if (taken !== undefined) taken.study.inWork += 1;
      return taken;
    },
    done: ({ study, isOurs }) => {
      study.inWork -= 1;
      if (isOurs) study.ownWaiting -= 1;
      tellWaiters(study);
    },
    isWanted: ({ study, image }) => studies.get(image.header.studyInstanceUid) === study,
    isLast: ({ study, isOurs }) => study.inWork === 1 && study.ownWaiting === (isOurs ? 1 : 0),
    forget: (studyInstanceUid) => {
      const study = studies.get(studyInstanceUid);
      studies.delete(studyInstanceUid);
      drop((queued) => queued.study === study);
    },
    clear: () => drop(() => true),
    settle: async (studyInstanceUid) => {
      const study = studies.get(studyInstanceUid);
      if (study === undefined) return null;
      drop((queued) => queued.study === study && !queued.isOurs);
      await new Promise<void>((resolve) => {
        study.waiters.push(resolve);
        tellWaiters(study);
      });
      if (studies.get(studyInstanceUid) === study) studies.delete(studyInstanceUid);
      return study.kept;
    },
    kept: () => [...studies.values()].map(({ kept }) => kept),
    hasOwn: () => own.length > 0,
    hasOthers: () => others.length > 0,
  };
}
