import type { RefObject } from 'preact';
import { useMemo } from 'preact/hooks';
import { AlertChoices } from '../alerts/alertChoices.tsx';
import { ColumnChooser } from './columnChooser.tsx';
import type { ColumnName } from './columns.ts';
import { SHOWS, type ListQuery } from './listQuery.ts';
import { words } from './worklistWords.ts';

const SEARCH_AFTER_MS = 200;

interface Properties {
  query: ListQuery;
  onChoose: (change: Partial<ListQuery>) => void;
  places: readonly string[];
  isLoaded: boolean;
  columns: readonly ColumnName[];
  onColumns: (columns: ColumnName[]) => void;
  alerts: { blocked: boolean; ring: (kind: 'flag' | 'fault') => void };
  /** Null where no names may be shown. */
  names: { hidden: boolean; onToggle: () => void } | null;
  search: RefObject<HTMLInputElement | null>;
  choice: RefObject<HTMLSelectElement | null>;
}

/** Filters, columns and sounds. */
export function WorklistToolbar(properties: Properties) {
  const { query, onChoose, places, isLoaded, columns, onColumns, alerts, names, search, choice } = properties;
  const searchLater = useMemo(() => later(SEARCH_AFTER_MS), []);
  return (
    <div class="toolbar">
      <h1>{words.title}</h1>
      <input
        class="search"
        type="search"
        ref={search}
        aria-label={words.search}
        placeholder={words.search}
        defaultValue={query.search}
        onInput={(event) => {
          const value = event.currentTarget.value;
          searchLater(() => onChoose({ search: value }));
        }}
      />
      <label>
        {words.show}{' '}
        <select
          ref={choice}
          value={query.show}
          onChange={(event) => onChoose({ show: event.currentTarget.value as ListQuery['show'] })}
        >
          {SHOWS.map((show) => (
            <option key={show} value={show}>
              {words.shows[show]}
            </option>
          ))}
        </select>
      </label>
      {places.length > 0 && (
        <select
          aria-label={words.where}
          value={query.location}
          onChange={(event) => onChoose({ location: event.currentTarget.value })}
        >
          <option value="">{words.everywhere}</option>
          {places.map((place) => (
            <option key={place} value={place}>
              {place}
            </option>
          ))}
        </select>
      )}
      <label>
        <input
          type="checkbox"
          checked={query.read}
          disabled={!isLoaded}
          onChange={() => onChoose({ read: !query.read })}
        />{' '}
        {words.showRead}
      </label>
      <ColumnChooser chosen={columns} onChoose={onColumns} />
      <AlertChoices {...alerts} />
      {names !== null && (
        <button type="button" aria-pressed={names.hidden} onClick={names.onToggle}>
          {words.hideNames}
        </button>
      )}
    </div>
  );
}

/** Debounces: runs the newest function once no newer one has come for a while. */
function later(afterMs: number): (run: () => void) => void {
  let timer = 0;
  return (run) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(run, afterMs);
  };
}
