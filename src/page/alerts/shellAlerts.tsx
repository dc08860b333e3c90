import './alerts.css';
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { listenToLine } from '../parts/line.ts';
import type { WorklistAnswer } from '../../answers/worklistAnswer.ts';
import { read } from '../parts/session.ts';
import { alertWords as words } from './alertWords.ts';
import type { Flag } from './chimePlan.ts';
import { FlagItems } from './flagItems.tsx';
import type { Alerts } from './useAlerts.ts';

/** Without a list on the screen, flags are read at most this long after a change. */
const READ_AFTER_MS = 3_000;
const MOST_SHOWN = 3;

/** Without a list on the screen, old claims are asked about at most this long after they have become old. */
const READ_ANYWAY_AFTER_MS = 60_000;

/** What lists know that is of interest on every page. */
interface Known {
  /** Open flags; null until they are known. */
  open: readonly Flag[] | null;
  oldClaims: WorklistAnswer['oldClaims'];
  /** The list may be wrong. */
  lost: boolean;
}

/** Passes on what a list on the screen already knows. */
let offer: (known: Known) => void = () => undefined;

export const AlertsOfShell = createContext<Alerts>({ fresh: [], blocked: false, ring: () => undefined });

/** For the list on the screen: passes its flags to the shell, and returns the alerts made from them. */
export function useShellAlerts(answer: WorklistAnswer | null, lost: boolean): Alerts {
  useEffect(() => {
    if (answer !== null) offer({ open: answer.flags.open, oldClaims: answer.oldClaims, lost });
  }, [answer, lost]);
  return useContext(AlertsOfShell);
}

/** The open flags: taken from the list on the screen, or else read from the server. None are read while nobody is signed in. */
export function useOpenFlags(how: 'off' | 'of-list' | 'by-itself'): Known & { answered: () => void } {
  const [known, setKnown] = useState<Known>({ open: null, oldClaims: [], lost: false });
  useEffect(() => {
    offer = setKnown;
  }, []);
  useEffect(() => {
    if (how !== 'by-itself') return;
    let changed = true;
    let readAtMs = 0;
    const look = () => {
      if (!changed && Date.now() - readAtMs < READ_ANYWAY_AFTER_MS) return;
      changed = false;
      readAtMs = Date.now();
      read<WorklistAnswer>('/api/worklist?limit=1&masked=true').then(
        ({ flags, oldClaims }) => setKnown({ open: flags.open, oldClaims, lost: false }),
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
  return { ...known, answered: () => setKnown((old) => ({ ...old, oldClaims: [] })) };
}

/** Shown on every screen: flags that came since it was opened, each a link to its case. */
export function NewFlags({ fresh, looksAt }: { fresh: readonly Flag[]; looksAt: string | undefined }) {
  const others = fresh.filter(({ caseRef }) => caseRef !== looksAt);
  return (
    <div role="status" class="new-flags">
      {others.length > 0 && (
        <ul aria-label={words.newFlags}>
          <FlagItems flags={others} most={MOST_SHOWN} nowMs={Date.now()} />
        </ul>
      )}
    </div>
  );
}
