import type { ConnectionsAnswer, DestinationEntry } from '../../answers/adminAnswers.ts';
import { Field } from '../parts/field.tsx';
import { adminWords } from './adminWords.ts';
import { DestinationAuth, DestinationTls } from './destinationAccess.tsx';
import { Choice, Tick } from './destinationInputs.tsx';
import { destinationWords as words } from './destinationWords.ts';

type DimseEntry = Extract<DestinationEntry, { kind: 'dimse' }>;
type WebEntry = Extract<DestinationEntry, { kind: 'dicomweb' }>;
type Changed = Partial<DimseEntry> | Partial<WebEntry>;

/** A destination of which nothing has been said yet, with the defaults of the configuration. */
export const NEW_DESTINATION: DimseEntry = {
  kind: 'dimse',
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

/** The same destination by the other way: what both have in common stays. */
function byOtherWay(destination: DestinationEntry): DestinationEntry {
  const { name, objects, decisions, rejectReplaced, characterSet, state, confirm } = destination;
  const same = { name, objects, decisions, rejectReplaced, characterSet, state, confirm };
  if (destination.kind === 'dicomweb') return { ...NEW_DESTINATION, ...same };
  return { kind: 'dicomweb', url: '', auth: { kind: 'none' }, timeoutMs: 60_000, ...same };
}

interface Fields<Entry> {
  destination: Entry;
  onChange: (changed: Changed) => void;
}

/** All that is said of a destination. */
export function DestinationFields({
  destination,
  files,
  onChange: onSay,
}: {
  destination: DestinationEntry;
  files: ConnectionsAnswer['destinationFiles'];
  onChange: (destination: DestinationEntry) => void;
}) {
  const onChange = (changed: Changed) => onSay({ ...destination, ...changed } as DestinationEntry);
  return (
    <>
      <div class="destination-fields">
        <Choice
          label={words.fields.kind}
          options={words.choices.kind}
          value={destination.kind}
          onChoose={(kind) => kind !== destination.kind && onSay(byOtherWay(destination))}
        />
        <Field
          label={words.fields.name}
          value={destination.name}
          autocomplete="off"
          maxLength={32}
          onInput={(event) => onChange({ name: event.currentTarget.value })}
        />
        {destination.kind === 'dimse' ? (
          <DimseAddress destination={destination} onChange={onChange} />
        ) : (
          <Field
            label={words.fields.url}
            value={destination.url}
            type="url"
            autocomplete="off"
            maxLength={1_024}
            placeholder="https://"
            onInput={(event) => onChange({ url: event.currentTarget.value })}
          />
        )}
        <Dealings destination={destination} onChange={onChange} />
      </div>
      {destination.kind === 'dicomweb' && (
        <DestinationAuth auth={destination.auth} files={files} onChange={(auth) => onChange({ auth })} />
      )}
      <DestinationTls destination={destination} files={files} onChange={(tls) => onChange({ tls })} />
      <Wishes destination={destination} onChange={onChange} />
    </>
  );
}

/** Where a PACS is, and how it is called. */
function DimseAddress({ destination, onChange }: Fields<DimseEntry>) {
  const text = (key: 'aeTitle' | 'host' | 'callingAeTitle') => ({
    label: words.fields[key],
    value: destination[key],
    autocomplete: 'off',
    onInput: (event: Event) => onChange({ [key]: (event.currentTarget as HTMLInputElement).value }),
  });
  return (
    <>
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
      <Choice
        label={words.fields.retrieve}
        options={words.choices.retrieve}
        value={destination.retrieve}
        onChoose={(retrieve) => onChange({ retrieve } as Changed)}
      />
    </>
  );
}

/** How the agent deals with it. */
function Dealings({ destination, onChange }: Fields<DestinationEntry>) {
  const choice = (key: 'decisions' | 'characterSet' | 'state') => (
    <Choice
      label={words.fields[key]}
      options={words.choices[key]}
      value={destination[key]}
      onChoose={(value) => onChange({ [key]: value })}
    />
  );
  return (
    <>
      {choice('decisions')}
      <Choice
        label={words.fields.confirm}
        options={destination.kind === 'dimse' ? words.choices.confirm : words.choices.confirmWeb}
        value={destination.confirm}
        onChoose={(confirm) => onChange({ confirm } as Changed)}
      />
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
    </>
  );
}

/** What of the results it gets, and what is asked of it. */
function Wishes({ destination, onChange }: Fields<DestinationEntry>) {
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
              onChange({ objects: ORDER.filter((one) => (one === key ? isWanted : objects.includes(one))) })
            }
          />
        ))}
      </fieldset>
      <fieldset>
        <legend>{words.more}</legend>
        {destination.kind === 'dimse' && (
          <Tick
            label={words.fields.commitment}
            checked={destination.commitment}
            onTick={(commitment) => onChange({ commitment })}
          />
        )}
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
