import type { Clock } from '../base/clock.ts';
import type { Principal } from './principal.ts';

/** A site's choice: the list tells who the patients are, tells it to a reader who asks, or never does. */
export type NamesRule = 'shown' | 'on-request' | 'hidden';

export interface PatientNames {
  /** A reader may have the list with names, at once or by asking. */
  mayBeShown: boolean;
  /** Whether the list may tell this one now. */
  inListFor: (who: Principal) => boolean;
  /** Whether an opened case may tell this one. It tells every reader: who reads a scan must know whose it is. */
  mayBeKnownTo: (who: Principal) => boolean;
  /** From now on, for a while. */
  show: (who: Principal) => void;
}

/** Names stay for as long as somebody may be away from a desk that is theirs. */
const SHOWN_FOR_MS = 30 * 60_000;

/** Applies the rule to each who asks; what somebody asked for is forgotten when the agent stops. */
export function createPatientNames(rule: NamesRule, clock: Clock): PatientNames {
  const shownUntilMs = new Map<string, number>();
  const keyOf = ({ session, name }: Principal): string => session?.id ?? name;
  return {
    mayBeShown: rule !== 'hidden',
    inListFor: (who) =>
      rule === 'shown' || (rule === 'on-request' && (shownUntilMs.get(keyOf(who)) ?? 0) > clock.now()),
    mayBeKnownTo: ({ role }) => rule === 'shown' || role !== 'service',
    show: (who) => {
      const now = clock.now();
      for (const [key, untilMs] of shownUntilMs) if (untilMs <= now) shownUntilMs.delete(key);
      shownUntilMs.set(keyOf(who), now + SHOWN_FOR_MS);
    },
  };
}
