import { useEffect, useRef } from 'preact/hooks';
import { valueOf } from '../parts/field.tsx';
import { auditQuery, KEPT, type AuditFilter } from './auditFilter.ts';
import { accessWords } from './accessWords.ts';

interface Properties {
  filter: AuditFilter;
  /** The choices; null before the first answer. */
  actions: readonly string[] | null;
  onFilter: (filter: AuditFilter) => void;
}

/** Filters by actor, action, target and time, with a download of the same entries. */
export function AuditFilterForm({ filter, actions, onFilter }: Properties) {
  const form = useRef<HTMLFormElement>(null);
  const query = auditQuery(filter);
  // The fields show what the address asks for, also after "back".
  useEffect(() => {
    for (const field of form.current?.elements ?? [])
      if ('name' in field && 'value' in field && field.name !== '')
        field.value = filter[field.name as keyof AuditFilter] ?? '';
  }, [query]);
  return (
    <form
      ref={form}
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        onFilter(filterOf(event.currentTarget));
      }}
    >
      <label class="field">
        <span>{accessWords.action}</span>
        <select name="action">
          <option value="">{accessWords.anyAction}</option>
          {/* The chosen value is there before the list of choices has loaded. */}
          {(actions ?? (filter.action === undefined ? [] : [filter.action])).map((action) => (
            <option key={action}>{action}</option>
          ))}
        </select>
      </label>
      {(['actor', 'target'] as const).map((name) => (
        <label key={name} class="field">
          <span>{accessWords[name]}</span>
          <input name={name} autocomplete="off" autocapitalize="off" />
        </label>
      ))}
      {(['from', 'to'] as const).map((name) => (
        <label key={name} class="field">
          <span>{accessWords[name]}</span>
          <input name={name} type="date" />
        </label>
      ))}
      <button type="submit">{accessWords.filter}</button>
      <a class="button" href={`/api/audit.csv?${query}`}>
        {accessWords.csv}
      </a>
    </form>
  );
}

function filterOf(form: HTMLFormElement): AuditFilter {
  const filter: AuditFilter = {};
  for (const name of [...KEPT, 'target'] as const) {
    const value = valueOf(form, name).trim();
    if (value !== '') filter[name] = value;
  }
  return filter;
}
