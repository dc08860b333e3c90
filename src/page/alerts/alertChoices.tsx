import { useState } from 'preact/hooks';
import { keepPreference, preference, type Preferences } from '../parts/preferences.ts';
import { alertWords as words } from './alertWords.ts';

/** Settings of the desk, kept in its browser: how loud a room may be depends on the room, not on who signs in there. */
export function AlertChoices({ blocked, ring }: { blocked: boolean; ring: (kind: 'flag' | 'fault') => void }) {
  const [sound, setSound] = useState(preference('sound'));
  const [notices, setNotices] = useState(preference('notices'));
  const [step, setStep] = useState(preference('ringStep'));
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
          {words.ringStep}{' '}
          <select
            value={step}
            onChange={(event) => {
              const next = event.currentTarget.value as Preferences['ringStep'];
              setStep(next);
              keepPreference('ringStep', next);
            }}
          >
            {(['0', '1', '2'] as const).map((name) => (
              <option key={name} value={name}>
                {words.ringSteps[name]}
              </option>
            ))}
          </select>
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
        <p class="muted">{words.ofTheDesk}</p>
      </div>
    </details>
  );
}
