import { useEffect, useRef, useState } from 'preact/hooks';
import type { DestinationEntry, EchoAnswer } from '../../answers/adminAnswers.ts';
import { Field } from '../parts/field.tsx';
import { useKeptText } from '../parts/keptText.ts';
import { ask, Refused } from '../parts/session.ts';
import { adminWords } from './adminWords.ts';
import { destinationWords as words } from './destinationWords.ts';
import { ReasonField } from './reasonDialog.tsx';

/** Name under which the reason for a change of destinations is kept beyond the end of the session. */
export const DESTINATION_REASON = 'destinations.reason';

/** A destination of which nothing has been said yet, with the defaults of the configuration. */
const NEW_DESTINATION: DestinationEntry = {
  name: '',
  aeTitle: '',
  host: '',
  port: 104,
  callingAeTitle: 'ODONTOID',
  timeoutMs: 30_000,
  confirm: 'find',
  commitment: false,
  retrieve: 'move',
  objects: ['report', 'card', 'heatmaps'],
  decisions: 'all',
  rejectReplaced: false,
  characterSet: 'ISO_IR 192',
  state: 'active',
};

interface Tested {
  /** What was tested; another entry has to be tested anew. */
  entry: string;
  text: string;
  ok: boolean;
}

/** Asks for a destination and why. It is tested before it is set; one that does not answer is set by a second press. */
export function DestinationDialog({
  present,
  onEnd,
}: {
  /** Null for a new one. */
  present: DestinationEntry | null;
  onEnd: (change: { destination: DestinationEntry; reason: string } | null) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [destination, setDestination] = useState(present ?? NEW_DESTINATION);
  const [tested, setTested] = useState<Tested | 'asking' | null>(null);
  const [reason, setReason] = useKeptText(DESTINATION_REASON);
  useEffect(() => dialog.current?.showModal(), []);
  const entry = JSON.stringify(destination);
  const said = tested !== null && tested !== 'asking' && tested.entry === entry ? tested : null;
  const test = async (): Promise<boolean> => {
    setTested('asking');
    const outcome = await testOf(destination);
    setTested({ entry, ...outcome });
    return outcome.ok;
  };
  const submit = async (): Promise<void> => {
    if (said !== null || (await test())) onEnd({ destination, reason });
  };
  return (
    <dialog ref={dialog} class="wide-dialog" aria-labelledby="destination-title" onCancel={() => onEnd(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit().catch(reportError);
        }}
      >
        <h2 id="destination-title">{present === null ? words.add : words.changeOf(present.name)}</h2>
        <DestinationFields
          destination={destination}
          onChange={(changed) => setDestination({ ...destination, ...changed })}
        />
        <DestinationWishes
          destination={destination}
          onChange={(changed) => setDestination({ ...destination, ...changed })}
        />
        <p role="status" class={said?.ok === false ? 'kind-fault' : 'kind-info'}>
          {tested === 'asking' ? adminWords.asking : said?.text}
        </p>
        <ReasonField reason={reason} onType={setReason} />
        <button type="submit" class="weighty" disabled={tested === 'asking'}>
          {said?.ok === false ? words.setAllTheSame : adminWords.set}
        </button>{' '}
        <button type="button" disabled={tested === 'asking'} onClick={() => void test().catch(reportError)}>
          {words.test}
        </button>{' '}
        <button type="button" onClick={() => onEnd(null)}>
          {adminWords.cancel}
        </button>
      </form>
    </dialog>
  );
}

/** What the destination answers, or why it was not asked. */
async function testOf(destination: DestinationEntry): Promise<{ ok: boolean; text: string }> {
  try {
    const response = await ask('/api/settings/destinations/try', 'POST', { destination });
    const { ok, ms, takes, error } = (await response.json()) as EchoAnswer;
    return { ok, text: ok ? words.answered(ms ?? 0, takes ?? '') : words.notAnswered(error ?? '') };
  } catch (error) {
    return { ok: false, text: error instanceof Refused ? error.message : adminWords.failed };
  }
}

interface Fields {
  destination: DestinationEntry;
  onChange: (changed: Partial<DestinationEntry>) => void;
}

/** Where it is, and how the agent deals with it. */
function DestinationFields({ destination, onChange }: Fields) {
  const text = (key: 'name' | 'aeTitle' | 'host' | 'callingAeTitle') => ({
    label: words.fields[key],
    value: destination[key],
    autocomplete: 'off',
    onInput: (event: Event) => onChange({ [key]: (event.currentTarget as HTMLInputElement).value }),
  });
  const choice = (key: keyof typeof words.choices) => (
    <Choice
      label={words.fields[key]}
      options={words.choices[key]}
      value={destination[key]}
      onChoose={(value) => onChange({ [key]: value })}
    />
  );
  return (
    <div class="destination-fields">
      <Field {...text('name')} maxLength={32} />
      <Field {...text('aeTitle')} maxLength={16} />
      <Field {...text('host')} maxLength={255} />
      <Field
        label={words.fields.port}
        type="number"
        min={1}
        max={65_535}
        value={destination.port}
        onInput={(event) => onChange({ port: event.currentTarget.valueAsNumber })}
      />
      <Field {...text('callingAeTitle')} maxLength={16} />
      {choice('decisions')}
      {choice('confirm')}
      {choice('retrieve')}
      {choice('characterSet')}
      <Field
        label={words.fields.timeoutMs}
        type="number"
        min={1}
        max={600}
        step="any"
        value={destination.timeoutMs / 1_000}
        onInput={(event) => onChange({ timeoutMs: Math.round(event.currentTarget.valueAsNumber * 1_000) })}
      />
      {choice('state')}
    </div>
  );
}

/** What of the results it gets, and what is asked of it. */
function DestinationWishes({ destination, onChange }: Fields) {
  const { objects } = destination;
  return (
    <div class="destination-fields">
      <fieldset>
        <legend>{words.fields.objects}</legend>
        {Object.entries(adminWords.resultObjects).map(([key, label]) => (
          <Tick
            key={key}
            label={label}
            checked={objects.some((one) => one === key)}
            onTick={(isWanted) =>
              onChange({
                objects: ORDER.filter((one) => (one === key ? isWanted : objects.includes(one))),
              })
            }
          />
        ))}
      </fieldset>
      <fieldset>
        <legend>{words.more}</legend>
        <Tick
          label={words.fields.commitment}
          checked={destination.commitment}
          onTick={(commitment) => onChange({ commitment })}
        />
        <Tick
          label={words.fields.rejectReplaced}
          checked={destination.rejectReplaced}
          onTick={(rejectReplaced) => onChange({ rejectReplaced })}
        />
      </fieldset>
    </div>
  );
}

const ORDER = ['report', 'card', 'heatmaps', 'keySlices'] as const;

function Choice({
  label,
  options,
  value,
  onChoose,
}: {
  label: string;
  options: Readonly<Record<string, string>>;
  value: string;
  onChoose: (value: string) => void;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {Object.entries(options).map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Tick({ label, checked, onTick }: { label: string; checked: boolean; onTick: (checked: boolean) => void }) {
  return (
    <label>
      <input type="checkbox" checked={checked} onChange={(event) => onTick(event.currentTarget.checked)} /> {label}
    </label>
  );
}
