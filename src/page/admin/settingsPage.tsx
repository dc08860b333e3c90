import './admin.css';
import type { SettingsAnswer } from '../../answers/adminAnswers.ts';
import { useState } from 'preact/hooks';
import { clockTime } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { useLoaded } from '../parts/useLoaded.ts';
import { adminWords as words } from './adminWords.ts';

const LOOK_MS = 15_000;

/** Every setting as it is in force, and where it comes from: what `odontoid config show` says, and what was changed on the page. */
export default function SettingsPage() {
  const { value, problem } = useLoaded<SettingsAnswer>('/api/settings', LOOK_MS);
  const [onlyChanged, setOnlyChanged] = useState(true);
  return (
    <section class="wide admin">
      <h1>{words.titles.settings}</h1>
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      {value === null ? (
        <p>{words.loading}</p>
      ) : (
        <>
          <p>{value.mayChange ? words.settingsWhat : words.settingsOnlyFiles}</p>
          <label>
            <input type="checkbox" checked={onlyChanged} onChange={() => setOnlyChanged(!onlyChanged)} />{' '}
            {words.onlyChanged}
          </label>
          <Settings settings={value.settings.filter((one) => !onlyChanged || isChanged(one))} />
          <h2>{words.settingChanges}</h2>
          <Changes changes={value.changes} />
        </>
      )}
    </section>
  );
}

const isChanged = ({ origin, ofPage }: SettingsAnswer['settings'][number]): boolean =>
  origin !== 'default' || ofPage.length > 0;

function Settings({ settings }: Pick<SettingsAnswer, 'settings'>) {
  if (settings.length === 0) return <p class="muted">{words.allDefault}</p>;
  return (
    <PlainTable name={words.titles.settings} heads={[words.setting, words.settingValue, words.comesFrom]}>
      {settings.map(({ key, lines, origin, place, ofPage, description }) => (
        <tr key={key}>
          <th scope="row">
            {key}
            <span class="muted reason">{description}</span>
          </th>
          <td>
            <Lines lines={lines} />
            {ofPage.length > 0 && <span class="reason">{words.onPage(ofPage.join(', '))}</span>}
          </td>
          <td>{place ?? words.origins[origin]}</td>
        </tr>
      ))}
    </PlainTable>
  );
}

function Changes({ changes }: Pick<SettingsAnswer, 'changes'>) {
  const now = Date.now();
  if (changes.length === 0) return <p class="muted">{words.noSettingChanges}</p>;
  return (
    <PlainTable
      name={words.settingChanges}
      heads={[words.time, words.setting, words.changedTo, words.changedBy, words.reason]}
    >
      {changes.map(({ key, lines, reason, by, atMs }, index) => (
        <tr key={index}>
          <td>{clockTime(atMs, now)}</td>
          <th scope="row">{key}</th>
          <td>
            <Lines lines={lines} />
          </td>
          <td>{by}</td>
          <td>
            <bdi>{reason}</bdi>
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

function Lines({ lines }: { lines: readonly string[] }) {
  return (
    <>
      {lines.map((line) => (
        <div key={line}>
          <bdi>{line}</bdi>
        </div>
      ))}
    </>
  );
}
