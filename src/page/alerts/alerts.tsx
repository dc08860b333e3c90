import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ChimePlan, isQuiet, type Flag } from './chimePlan.ts';
import { keepPreference, preference } from '../parts/preferences.ts';
import { play } from './sound.ts';
import { alertWords as words } from './alertWords.ts';

/** Rings and notifies as this browser's reader has chosen; says which flags are fresh and whether the browser keeps silent. */
export function useAlerts(open: readonly Flag[] | null, lost: boolean) {
  const plan = useRef<ChimePlan | null>(null);
  plan.current ??= new ChimePlan(preference('heard').split(' ').filter(Boolean), Date.now());
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
      const count = plan.current!.next(open, Date.now());
      keepPreference('heard', plan.current!.heard.join(' '));
      if (count === 0) return;
      const quiet = isQuiet(preference('quietFrom'), preference('quietTo'), new Date());
      if (preference('sound') === 'on' && !quiet) ring('flag');
      if (preference('notices') === 'on' && 'Notification' in window && Notification.permission === 'granted')
        new Notification(words.noticeTitle, { body: words.noticeBody(count), tag: 'odontoid-flag' });
    };
    look();
    // What is held back by grouping rings when its time has come.
    const timer = window.setInterval(look, 5_000);
    return () => window.clearInterval(timer);
  }, [open, ring]);

  useEffect(() => {
    // A fault sounds even in quiet hours: silence would be taken for "nothing new".
    if (lost && preference('sound') === 'on') ring('fault');
  }, [lost, ring]);

  return { fresh: open === null ? [] : plan.current.fresh(open), blocked, ring };
}

/** Each reader's own choice, kept in this browser. */
export function AlertChoices({ blocked, ring }: { blocked: boolean; ring: (kind: 'flag' | 'fault') => void }) {
  const [sound, setSound] = useState(preference('sound'));
  const [notices, setNotices] = useState(preference('notices'));
  const [from, setFrom] = useState(preference('quietFrom'));
  const [to, setTo] = useState(preference('quietTo'));
  return (
    <details class="choices">
      <summary>
        {words.alerts}
        {sound === 'on' && blocked && <span class="kind-stale"> {words.soundBlocked}</span>}
      </summary>
      <div class="choices-box">
        <label>
          <input
            type="checkbox"
            checked={sound === 'on'}
            onChange={() => {
              const next = sound === 'on' ? 'off' : 'on';
              setSound(next);
              keepPreference('sound', next);
              if (next === 'on') ring('flag');
            }}
          />{' '}
          {words.sound}
        </label>
        <label>
          <input
            type="checkbox"
            checked={notices === 'on'}
            onChange={() => {
              const next = notices === 'on' ? 'off' : 'on';
              setNotices(next);
              keepPreference('notices', next);
              if (next === 'on' && 'Notification' in window) Notification.requestPermission().catch(reportError);
            }}
          />{' '}
          {words.notices}
        </label>
        <label>
          {words.quietFrom}{' '}
          <input
            type="time"
            value={from}
            onInput={(event) => {
              setFrom(event.currentTarget.value);
              keepPreference('quietFrom', event.currentTarget.value);
            }}
          />
        </label>
        <label>
          {words.quietTo}{' '}
          <input
            type="time"
            value={to}
            onInput={(event) => {
              setTo(event.currentTarget.value);
              keepPreference('quietTo', event.currentTarget.value);
            }}
          />
        </label>
        <button type="button" onClick={() => ring('flag')}>
          {words.testSound}
        </button>
      </div>
    </details>
  );
}
