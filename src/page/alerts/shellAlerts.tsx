import './alerts.css';
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { clockTime } from '../parts/format.ts';
import { listenToLine } from '../parts/line.ts';
import type { WorklistAnswer } from '../../answers/worklistAnswer.ts';
import { read } from '../parts/session.ts';
import { alertWords as words } from './alertWords.ts';
import type { Flag } from './chimePlan.ts';
import type { Alerts } from './useAlerts.ts';

/** Without a list on the screen, flags are read at most this long after a change. */
const READ_AFTER_MS = 3_000;
const MOST_SHOWN = 3;

/** Passes on what a list on the screen already knows. */
let offer: (open: readonly Flag[], lost: boolean) => void = () => undefined;

export const AlertsOfShell = createContext<Alerts>({ fresh: [], blocked: false, ring: () => undefined });

/** For the list on the screen: passes its flags to the shell, and returns the alerts made from them. */
export function useShellAlerts(open: readonly Flag[] | null, lost: boolean): Alerts {
  useEffect(() => {
    if (open !== null) offer(open, lost);
  }, [open, lost]);
  return useContext(AlertsOfShell);
}

/** The open flags: taken from the list on the screen, or else read from the server. None are read while nobody is signed in. */
export function useOpenFlags(how: 'off' | 'of-list' | 'by-itself'): { open: readonly Flag[] | null; lost: boolean } {
  const [known, setKnown] = useState<{ open: readonly Flag[] | null; lost: boolean }>({ open: null, lost: false });
  useEffect(() => {
    offer = (open, lost) => setKnown({ open, lost });
  }, []);
  useEffect(() => {
    if (how !== 'by-itself') return;
    let changed = true;
    const look = () => {
      if (!changed) return;
      changed = false;
      read<WorklistAnswer>('/api/worklist?limit=1&masked=true').then(
        ({ flags }) => setKnown({ open: flags.open, lost: false }),
        () => {
          changed = true;
        },
      );
    };
    look();
    const line = listenToLine((event) => {
      if (event !== 'heartbeat') changed = true;
    });
    const timer = window.setInterval(look, READ_AFTER_MS);
    return () => {
      window.clearInterval(timer);
      line.stop();
    };
  }, [how]);
  return known;
}

/** Shown on every screen: flags that came since it was opened, each a link to its case. */
export function NewFlags({ fresh, looksAt }: { fresh: readonly Flag[]; looksAt: string | undefined }) {
  const others = fresh.filter(({ caseRef }) => caseRef !== looksAt);
  return (
    <div role="status" class="new-flags">
      {others.length > 0 && (
        <ul aria-label={words.newFlags}>
          {others.length > MOST_SHOWN && <li class="kind-flag">{words.newFlagsOf(others.length)}</li>}
          {others.slice(0, MOST_SHOWN).map(({ caseRef, flaggedAtMs }) => (
            <li key={caseRef}>
              <a class="kind-flag" href={`/case/${caseRef}`}>
                {words.flagAt(clockTime(flaggedAtMs, Date.now()))}
              </a>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
