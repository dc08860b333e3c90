import type { Clock } from '../base/clock.ts';
import type { Principal } from './principal.ts';

/** A site's choice: the list shows patients' names, shows them to a reader on request, or never does. */
export type NamesRule = 'shown' | 'on-request' | 'hidden';

export interface PatientNames {
  /** Whether a reader may see the list with names, at once or on request. */
  readonly mayBeShown: boolean;
  /** Whether the list may show names to this requester now. */
  inListFor: (who: Principal) => boolean;
  /** Whether an opened case may show names to this requester. Every reader sees them: whoever reads a scan must know the patient. */
  mayBeKnownTo: (who: Principal) => boolean;
  /** Shows names from now on, for a while. */
  show: (who: Principal) => void;
}

/** How long names stay shown: as long as a reader may be away from their own desk. */
const SHOWN_FOR_MS = 30 * 60_000;

/** Applies the rule, as it is from one moment to the next, to each requester; requests to show names are forgotten when the agent stops. */
export function createPatientNames(rule: () => NamesRule, clock: Clock): PatientNames {
  const shownUntilMs = new Map<string, number>();
  const keyOf = ({ session, name }: Principal): string => session?.id ?? name;
  return {
    get mayBeShown() {
      return rule() !== 'hidden';
    },
    inListFor: (who) =>
      rule() === 'shown' || (rule() === 'on-request' && (shownUntilMs.get(keyOf(who)) ?? 0) > clock.now()),
    mayBeKnownTo: ({ role }) => rule() === 'shown' || role !== 'service',
    show: (who) => {
      const now = clock.now();
      for (const [key, untilMs] of shownUntilMs) if (untilMs <= now) shownUntilMs.delete(key);
      shownUntilMs.set(keyOf(who), now + SHOWN_FOR_MS);
    },
  };
}
