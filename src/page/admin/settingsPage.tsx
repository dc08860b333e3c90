import './admin.css';
import type { SettingsAnswer } from '../../answers/adminAnswers.ts';
import { useState } from 'preact/hooks';
import { clockTime } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { useLoaded } from '../parts/useLoaded.ts';
import { below } from '../parts/basePath.ts';
import { adminWords as words } from './adminWords.ts';
import { useSettingChange } from './useSettingChange.tsx';

const LOOK_MS = 15_000;

/** Every setting as it is in force, and where it comes from: what `odontoid config show` says, and what was changed on the page. */
export default function SettingsPage() {
  const { value, problem, reload } = useLoaded<SettingsAnswer>('/api/settings', LOOK_MS);
  const [onlyChanged, setOnlyChanged] = useState(true);
  const changing = useSettingChange(reload);
  return (
    <section class="wide admin">
      <h1>{words.titles.settings}</h1>
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      <p role="status" class={changing.said.bad ? 'kind-fault' : 'kind-info'}>
        {changing.said.text}
      </p>
      {value === null ? (
        <p>{words.loading}</p>
      ) : (
        <>
          <p>{value.mayChange ? words.settingsWhat : words.settingsOnlyFiles}</p>
          <FirstSteps steps={value.firstSteps} />
          {value.mayChange && <Settable settings={value.settings} changing={changing} />}
          <h2>{words.allSettings}</h2>
          <label>
            <input type="checkbox" checked={onlyChanged} onChange={() => setOnlyChanged(!onlyChanged)} />{' '}
            {words.onlyChanged}
          </label>
          <Settings settings={value.settings.filter((one) => !onlyChanged || isChanged(one))} />
          <h2>{words.settingChanges}</h2>
          <Changes changes={value.changes} />
        </>
      )}
      {changing.dialogs}
    </section>
  );
}

const PAGE_OF_STEP = {
  account: '/users',
  source: '/connections',
  destination: '/connections',
  proof: '/proof-of-life',
  scan: '/connections',
} as const;

/** What a new agent needs; nothing once all of it is done. */
function FirstSteps({ steps }: { steps: SettingsAnswer['firstSteps'] }) {
  if (steps.every(({ done }) => done)) return null;
  return (
    <section aria-label={words.firstSteps}>
      <h2>{words.firstSteps}</h2>
      <ol>
        {steps.map(({ step, done }) => {
          const [title, what] = words.stepTexts[step];
          return (
            <li key={step} class={done ? 'muted' : undefined}>
              {done ? title : <a href={PAGE_OF_STEP[step]}>{title}</a>}: {done ? words.stepDone : words.stepOpen}
              {!done && <span class="muted reason"> {what}</span>}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** The settings that this page may set, each with its buttons, and the same as a file. */
function Settable({
  settings,
  changing,
}: Pick<SettingsAnswer, 'settings'> & { changing: ReturnType<typeof useSettingChange> }) {
  const settable = settings.flatMap((one) => (one.typed === null ? [] : [{ ...one, typed: one.typed }]));
  return (
    <>
      <h2>{words.settable}</h2>
      {settable.length === 0 ? (
        <p class="muted">{words.nothingSettable}</p>
      ) : (
        <PlainTable name={words.settable} heads={[words.setting, words.settingValue, words.actions]}>
          {settable.map(({ key, lines, typed, origin, description }) => (
            <tr key={key}>
              <th scope="row">
                {key}
                <Description text={description} />
              </th>
              <td>
                <Lines lines={lines} />
                <span class="muted reason">{words.origins[origin]}</span>
              </td>
              <td class="actions">
                <button type="button" aria-label={words.changeOf(key)} onClick={() => changing.change(key, typed)}>
                  {words.change}
                </button>
                {origin === 'page' && (
                  <button
                    type="button"
                    aria-label={words.takeBackSettingOf(key)}
                    onClick={() => changing.takeBack(key)}
                  >
                    {words.takeBackSetting}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
      <p class="as-file">
        <a class="button" href={below('/api/settings/export')} download>
          {words.download}
        </a>
        <label class="button">
          {words.upload}{' '}
          <input
            type="file"
            accept=".yaml,.yml,application/yaml"
            onChange={(event) => {
              const field = event.currentTarget;
              const file = field.files?.[0];
              if (file === undefined) return;
              file.text().then((yaml) => changing.upload(file.name, yaml), reportError);
              field.value = '';
            }}
          />
        </label>
      </p>
    </>
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
            <Description text={description} />
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

/** What a setting does: values and placeholders, between backticks in the configuration's document, as such. */
function Description({ text }: { text: string }) {
  return (
    <span class="muted reason">
      {text.split('`').map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))}
    </span>
  );
}

function Lines({ lines }: { lines: readonly string[] }) {
  return (
    <>
      {lines.map((line) => (
        <div key={line} class="value">
          <bdi>{line}</bdi>
        </div>
      ))}
    </>
  );
}
