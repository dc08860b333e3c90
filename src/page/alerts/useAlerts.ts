import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { RINGS_AGAIN_AFTER_MS } from '../../case/attention.ts';
import { keepPreference, preference } from '../parts/preferences.ts';
import { alertWords as words } from './alertWords.ts';
import { ChimePlan, isQuiet, type Flag } from './chimePlan.ts';
import { play } from './sound.ts';

const LOOK_EVERY_MS = 5_000;
/** Tabs that lose the feed within this time have lost it together: one of them sounds. */
const SAME_FAULT_MS = 60_000;

export interface Alerts {
  /** Flags that came since the page was opened and that nobody has opened here or claimed, newest first. */
  fresh: readonly Flag[];
  /** The browser blocks sound. */
  blocked: boolean;
  ring: (kind: 'flag' | 'fault') => void;
}

interface Watched {
  /** Null until they are known. */
  open: readonly Flag[] | null;
  /** The list may be wrong. */
  lost: boolean;
  /** The case on the screen. */
  looksAt?: string | undefined;
  /** A person has clicked a notice: of that case, or of several (null). */
  onNotice?: ((caseRef: string | null) => void) | undefined;
}

/** Rings and notifies according to this browser's settings. What one tab rings for, no other does. */
export function useAlerts({ open, lost, looksAt, onNotice }: Watched): Alerts {
  const plan = useRef<ChimePlan | null>(null);
  plan.current ??= new ChimePlan(heardHere(), Date.now());
  if (looksAt !== undefined) plan.current.opened(looksAt);
  const notified = useRef(onNotice);
  notified.current = onNotice;
  const [blocked, setBlocked] = useState(false);
  const ring = useCallback((kind: 'flag' | 'fault') => {
    play(kind).then(
      (heard) => setBlocked(!heard),
      () => setBlocked(true),
    );
  }, []);

  useEffect(() => {
    if (open === null) return;
    const look = () => {
      plan.current!.adopt(heardHere());
      const count = plan.current!.next(open, Date.now(), Number(preference('ringStep')) * RINGS_AGAIN_AFTER_MS);
      keepPreference('heard', plan.current!.heard.join(' '));
      if (count === 0) return;
      const quiet = isQuiet(preference('quietFrom'), preference('quietTo'), new Date());
      if (preference('sound') === 'on' && !quiet) ring('flag');
      notify(count, plan.current!.fresh(open), (caseRef) => notified.current?.(caseRef));
    };
    inTurn(look);
    // Flags held back for a summary ring when its time has come.
    const timer = window.setInterval(() => inTurn(look), LOOK_EVERY_MS);
    return () => window.clearInterval(timer);
  }, [open, looksAt, ring]);

  useEffect(() => {
    // A fault sounds even in quiet hours: silence would be taken for "nothing new".
    if (!lost || preference('sound') !== 'on') return;
    inTurn(() => {
      if (Date.now() - Number(preference('faultHeard')) < SAME_FAULT_MS) return;
      keepPreference('faultHeard', String(Date.now()));
      ring('fault');
    });
  }, [lost, ring]);

  return { fresh: open === null ? [] : plan.current.fresh(open), blocked, ring };
}

function heardHere(): string[] {
  return preference('heard').split(' ').filter(Boolean);
}

/** Runs one tab after the other, so that the second one sees what the first has rung for. */
function inTurn(look: () => void): void {
  const locks = (navigator as { locks?: LockManager }).locks;
  if (locks === undefined) look();
  else locks.request('odontoid.chime', look).catch(reportError);
}

/** A desktop notification. A click leads to the case, or to the list where there are several. */
function notify(count: number, fresh: readonly Flag[], onPress: (caseRef: string | null) => void): void {
  if (preference('notices') !== 'on' || !('Notification' in window) || Notification.permission !== 'granted') return;
  const notice = new Notification(words.noticeTitle, {
    body: words.noticeBody(count, fresh[0]?.finding ?? null),
    tag: 'odontoid-flag',
  });
  notice.onclick = () => {
    window.focus();
    notice.close();
    onPress(count === 1 ? (fresh[0]?.caseRef ?? null) : null);
  };
}
