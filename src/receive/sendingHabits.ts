import type { Clock } from '../base/clock.ts';

/** How many studies of each sender are remembered. */
const REMEMBERED_STUDIES = 10;

interface Sender {
  callingAeTitle: string;
  address: string;
}

interface OtherAssociation extends Sender {
  openedAtMs: number;
  studyInstanceUids: ReadonlySet<string>;
}

interface SentStudy {
  /** On the monotonic clock; null while the sender sends more of it. */
  releasedAtMs: number | null;
  cameInParts: boolean;
}

interface KnownSender {
  /** The latest ones, the newest last. */
  studies: Map<string, SentStudy>;
  /** Whether one study at least has been followed until it could no longer be going on. */
  isKnown: boolean;
}

/**
 * What is known of how each sender ends its studies. DICOM has no "study finished": most senders release the association after the last object, others
 * open an association for each series or each instance, so that a release says nothing.
 */
export interface SendingHabits {
  /** Call for each object that is stored. */
  came(sender: Sender, studyInstanceUid: string): void;
  /**
   * Call when a sender has released an association, with the studies that no open association (`others`) brings any more. Returns those with which it may
   * go on within the longest pause: all, where it has lately gone on so with one of them or another, has just opened an association on which nothing has
   * come yet, or has not been followed through one study so far.
   */
  released(sender: Sender, studyInstanceUids: readonly string[], others: readonly OtherAssociation[]): string[];
}

/** @param longestPauseMs How soon after a release a sender goes on with a study that it sends in parts, ms */
export function createSendingHabits(longestPauseMs: number, clock: Pick<Clock, 'now' | 'monotonicMs'>): SendingHabits {
  const senders = new Map<string, KnownSender>();
  const isOver = ({ releasedAtMs }: SentStudy): boolean =>
    releasedAtMs !== null && clock.monotonicMs() - releasedAtMs > longestPauseMs;
  const senderOf = ({ callingAeTitle, address }: Sender): KnownSender => {
    const key = `${callingAeTitle} ${address}`;
    const sender = senders.get(key) ?? { studies: new Map<string, SentStudy>(), isKnown: false };
    senders.set(key, sender);
    sender.isKnown ||= [...sender.studies.values()].some(isOver);
    return sender;
  };
  const noteReleased = (studies: Map<string, SentStudy>, studyInstanceUid: string): void => {
    const cameInParts = studies.get(studyInstanceUid)?.cameInParts ?? false;
    studies.delete(studyInstanceUid);
    studies.set(studyInstanceUid, { releasedAtMs: clock.monotonicMs(), cameInParts });
    for (const oldest of studies.keys()) if (studies.size > REMEMBERED_STUDIES) studies.delete(oldest);
  };
  return {
    came: (sender, studyInstanceUid) => {
      const study = senderOf(sender).studies.get(studyInstanceUid);
      if (study?.releasedAtMs == null) return;
      if (!isOver(study)) study.cameInParts = true;
      study.releasedAtMs = null;
    },
    released: (sender, studyInstanceUids, others) => {
      const isAboutToSend = others.some(
        (other) =>
          isSame(other, sender) &&
          other.studyInstanceUids.size === 0 &&
          clock.now() - other.openedAtMs <= longestPauseMs,
      );
      // What comes on an association that was open already is no later part.
      if (isAboutToSend) return [...studyInstanceUids];
      const { studies, isKnown } = senderOf(sender);
      for (const study of studyInstanceUids) noteReleased(studies, study);
      const mayGoOn = !isKnown || [...studies.values()].some(({ cameInParts }) => cameInParts);
      return mayGoOn ? [...studyInstanceUids] : [];
    },
  };
}

function isSame(one: Sender, other: Sender): boolean {
  return one.callingAeTitle === other.callingAeTitle && one.address === other.address;
}
