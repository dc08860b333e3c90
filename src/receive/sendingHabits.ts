import type { Clock } from '../base/clock.ts';

/** How soon after a release a sender goes on with a study that it sends in parts. Waiting for longer pauses would delay results more than it saves. */
export const LONGEST_PAUSE_MS = 5_000;
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

/**
 * What is known of how each sender ends its studies. DICOM has no "study finished": most senders release the association after the last object, others
 * open an association for each series or each instance, so that a release says nothing.
 */
export interface SendingHabits {
  /** Call for each object that is stored. */
  came(sender: Sender, studyInstanceUid: string): void;
  /**
   * Call when a sender has released an association, with the studies that no open association (`others`) brings any more. Returns those with which it may
   * go on within {@link LONGEST_PAUSE_MS}: all, where it has lately gone on so with one of them or another, or has just opened an association on which
   * nothing has come yet.
   */
  released(sender: Sender, studyInstanceUids: readonly string[], others: readonly OtherAssociation[]): string[];
}

export function createSendingHabits(clock: Pick<Clock, 'now' | 'monotonicMs'>): SendingHabits {
  /** The latest studies of each sender, the newest last. */
  const senders = new Map<string, Map<string, SentStudy>>();
  const studiesOf = ({ callingAeTitle, address }: Sender): Map<string, SentStudy> => {
    const key = `${callingAeTitle} ${address}`;
    const known = senders.get(key) ?? new Map<string, SentStudy>();
    senders.set(key, known);
    return known;
  };
  const noteReleased = (studies: Map<string, SentStudy>, studyInstanceUid: string): void => {
    const cameInParts = studies.get(studyInstanceUid)?.cameInParts ?? false;
    studies.delete(studyInstanceUid);
    studies.set(studyInstanceUid, { releasedAtMs: clock.monotonicMs(), cameInParts });
    for (const oldest of studies.keys()) if (studies.size > REMEMBERED_STUDIES) studies.delete(oldest);
  };
  return {
    came: (sender, studyInstanceUid) => {
      const study = studiesOf(sender).get(studyInstanceUid);
      if (study?.releasedAtMs == null) return;
      if (clock.monotonicMs() - study.releasedAtMs <= LONGEST_PAUSE_MS) study.cameInParts = true;
      study.releasedAtMs = null;
    },
    released: (sender, studyInstanceUids, others) => {
      const isAboutToSend = others.some(
        (other) =>
          isSame(other, sender) &&
          other.studyInstanceUids.size === 0 &&
          clock.now() - other.openedAtMs <= LONGEST_PAUSE_MS,
      );
      // What comes on an association that was open already is no later part.
      if (isAboutToSend) return [...studyInstanceUids];
      const studies = studiesOf(sender);
      for (const study of studyInstanceUids) noteReleased(studies, study);
      return [...studies.values()].some(({ cameInParts }) => cameInParts) ? [...studyInstanceUids] : [];
    },
  };
}

function isSame(one: Sender, other: Sender): boolean {
  return one.callingAeTitle === other.callingAeTitle && one.address === other.address;
}
