import type { Clock } from '../base/clock.ts';
import type { Sessions } from '../worklist/people/sessions.ts';
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
  show: (who: Principal) => Promise<void>;
}

/** How long names stay shown: as long as a reader may be away from their own desk. */
const SHOWN_FOR_MS = 30 * 60_000;

/** Applies the rule, as it is from one moment to the next, to each requester. A session remembers the request to show names. */
export function createPatientNames(
  rule: () => NamesRule,
  sessions: Pick<Sessions, 'showNames'>,
  clock: Clock,
): PatientNames {
  /** By name, where nobody signs in: all who look are at this machine. */
  const shownHereUntilMs = new Map<string, number>();
  const shownUntilMs = ({ session, name }: Principal): number =>
    (session === null ? shownHereUntilMs.get(name) : session.namesShownUntilMs) ?? 0;
  return {
    get mayBeShown() {
      return rule() !== 'hidden';
    },
    inListFor: (who) => rule() === 'shown' || (rule() === 'on-request' && shownUntilMs(who) > clock.now()),
    mayBeKnownTo: ({ role }) => rule() === 'shown' || role !== 'service',
    show: async ({ session, name }) => {
      const untilMs = clock.now() + SHOWN_FOR_MS;
      if (session === null) shownHereUntilMs.set(name, untilMs);
      else await sessions.showNames(session.id, untilMs);
    },
  };
}
