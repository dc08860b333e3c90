import type { ConnectionsAnswer } from '../../answers/adminAnswers.ts';

/** One of some values. */
export function Choice({
  label,
  options,
  value,
  isRequired = false,
  onChoose,
}: {
  label: string;
  options: Readonly<Record<string, string>>;
  value: string;
  isRequired?: boolean;
  onChoose: (value: string) => void;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} required={isRequired} onChange={(event) => onChoose(event.currentTarget.value)}>
        {Object.entries(options).map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Tick({
  label,
  checked,
  onTick,
}: {
  label: string;
  checked: boolean;
  onTick: (checked: boolean) => void;
}) {
  return (
    <label>
      <input type="checkbox" checked={checked} onChange={(event) => onTick(event.currentTarget.checked)} /> {label}
    </label>
  );
}

/** One of the files that a destination may name, or none. */
export function FileChoice({
  label,
  none,
  files: { files },
  value,
  isRequired = false,
  onChoose,
}: {
  label: string;
  none: string;
  files: ConnectionsAnswer['destinationFiles'];
  value: string | undefined;
  isRequired?: boolean;
  onChoose: (file: string | undefined) => void;
}) {
  // One that is gone stays to be seen.
  const all = value === undefined || files.includes(value) ? files : [...files, value];
  const named = all.map((path): [string, string] => [path, path.slice(path.lastIndexOf('/') + 1)]);
  return (
    <Choice
      label={label}
      options={{ '': none, ...Object.fromEntries(named) }}
      value={value ?? ''}
      isRequired={isRequired}
      onChoose={(path) => onChoose(path === '' ? undefined : path)}
    />
  );
}
