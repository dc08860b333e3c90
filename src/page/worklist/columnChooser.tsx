import { ALWAYS, COLUMNS, type ColumnName } from './columns.ts';
import { keepPreference } from '../parts/preferences.ts';
import { words } from './worklistWords.ts';

/** Which columns this browser shows. */
export function ColumnChooser({
  chosen,
  onChoose,
}: {
  chosen: readonly ColumnName[];
  onChoose: (columns: ColumnName[]) => void;
}) {
  return (
    <details class="choices">
      <summary>{words.chooseColumns}</summary>
      <div class="choices-box">
        {COLUMNS.map(({ name, title }) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              disabled={ALWAYS.includes(name)}
              onChange={() => {
                const next = COLUMNS.map((column) => column.name).filter(
                  (other) => (other === name) !== chosen.includes(other),
                );
                const hidden = COLUMNS.map((column) => column.name).filter((other) => !next.includes(other));
                keepPreference('hiddenColumns', hidden.join(' '));
                onChoose(next);
              }}
            />{' '}
            {title}
          </label>
        ))}
      </div>
    </details>
  );
}
