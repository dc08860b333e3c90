import { useLocation } from 'preact-iso';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { auditAnswer } from '../../answers/accessAnswers.ts';
import { accessWords } from './accessWords.ts';
import { valueOf } from '../parts/field.tsx';
import { clockTime } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { read, Refused } from '../parts/session.ts';

type AuditAnswer = z.infer<typeof auditAnswer>;

/** Kept in the address, so that a list can be found again and sent to somebody. `target` is not: it may be a study's UID, and addresses hold no identifiers. */
const KEPT = ['actor', 'action', 'from', 'to'] as const;
type Filter = Partial<Record<(typeof KEPT)[number] | 'target', string>>;

/** The query of a filter; days are of this browser's time zone, the last one included. */
function queryOf({ actor, action, target, from, to }: Filter): string {
  const query = new URLSearchParams(
    Object.entries({ actor, action, target }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const start = new Date(`${from ?? ''}T00:00`);
  const end = new Date(`${to ?? ''}T00:00`);
  end.setDate(end.getDate() + 1);
  if (!Number.isNaN(start.getTime())) query.set('fromMs', String(start.getTime()));
  if (!Number.isNaN(end.getTime())) query.set('toMs', String(end.getTime()));
  return query.toString();
}

/** Who did what, newest first. */
export default function AuditPage() {
  const { query: inAddress, route } = useLocation();
  const [target, setTarget] = useState('');
  const filter: Filter = target === '' ? {} : { target };
  for (const name of KEPT) if (inAddress[name]) filter[name] = inAddress[name];
  const form = useRef<HTMLFormElement>(null);
  const query = queryOf(filter);
  const [answer, setAnswer] = useState<AuditAnswer | null>(null);
  const [problem, setProblem] = useState('');
  const failed = (error: unknown) => setProblem(error instanceof Refused ? error.message : accessWords.failed);
  useEffect(() => {
    let current = true;
    setProblem('');
    read<AuditAnswer>(`/api/audit?${query}`).then((found) => {
      if (current) setAnswer(found);
    }, failed);
    return () => {
      current = false;
    };
  }, [query]);
  // The fields say what the address asks for, also after "back".
  useEffect(() => {
    for (const field of form.current?.elements ?? [])
      if ('name' in field && 'value' in field && field.name !== '')
        field.value = filter[field.name as keyof Filter] ?? '';
  }, [query]);
  const narrow = (form: HTMLFormElement) => {
    setTarget(valueOf(form, 'target').trim());
    const kept = KEPT.map((name) => [name, valueOf(form, name).trim()]).filter(([, value]) => value !== '');
    route(kept.length === 0 ? '/audit' : `/audit?${new URLSearchParams(kept).toString()}`);
  };
  const older = () => {
    const next = answer?.nextBeforeSeq;
    if (answer === null || next == null) return;
    read<AuditAnswer>(`/api/audit?${query}&beforeSeq=${next}`).then(
      (found) => setAnswer({ ...found, entries: [...answer.entries, ...found.entries] }),
      failed,
    );
  };
  const now = Date.now();
  return (
    <section class="wide">
      <h1>{accessWords.audit}</h1>
      <form
        ref={form}
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          narrow(event.currentTarget);
        }}
      >
        <label class="field">
          <span>{accessWords.action}</span>
          <select name="action">
            <option value="">{accessWords.anyAction}</option>
            {/* What the address asks for is there before the list of all has come. */}
            {(answer?.actions ?? (filter.action === undefined ? [] : [filter.action])).map((action) => (
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
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      {answer === null ? (
        <p>{accessWords.loading}</p>
      ) : (
        <>
          <PlainTable
            name={accessWords.audit}
            heads={[
              accessWords.time,
              accessWords.action,
              accessWords.actor,
              accessWords.address,
              accessWords.target,
              accessWords.detail,
            ]}
          >
            {answer.entries.map((entry) => (
              <tr key={entry.seq}>
                <td>{clockTime(entry.atMs, now)}</td>
                <td>{entry.action}</td>
                <td>
                  <bdi>{entry.actor}</bdi>
                </td>
                <td>{entry.address}</td>
                <td>
                  <bdi>{entry.target}</bdi>
                </td>
                <td>
                  <bdi>
                    {Object.entries(entry.detail)
                      .map(([name, value]) => `${name}: ${String(value)}`)
                      .join(', ')}
                  </bdi>
                </td>
              </tr>
            ))}
          </PlainTable>
          {answer.entries.length === 0 && <p>{accessWords.noEntries}</p>}
          {answer.nextBeforeSeq !== null && (
            <p>
              <button type="button" onClick={older}>
                {accessWords.older}
              </button>
            </p>
          )}
        </>
      )}
    </section>
  );
}
