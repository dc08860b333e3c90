import { useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { auditAnswer } from '../answers/accessAnswers.ts';
import { accessWords } from './words/access.ts';
import { valueOf } from './field.tsx';
import { clockTime } from './format.ts';
import { PlainTable } from './plainTable.tsx';
import { read, Refused } from './session.ts';

type AuditAnswer = z.infer<typeof auditAnswer>;

const FILTERS = ['actor', 'action', 'target'] as const;

/** The query of what the form asks for; days are of this browser's time zone, the last one included. */
function queryOf(form: HTMLFormElement): string {
  const query = new URLSearchParams();
  for (const name of FILTERS) {
    const value = valueOf(form, name).trim();
    if (value !== '') query.set(name, value);
  }
  const from = valueOf(form, 'from');
  const to = valueOf(form, 'to');
  if (from !== '') query.set('fromMs', String(new Date(`${from}T00:00`).getTime()));
  if (to !== '') {
    const end = new Date(`${to}T00:00`);
    end.setDate(end.getDate() + 1);
    query.set('toMs', String(end.getTime()));
  }
  return query.toString();
}

/** Who did what, newest first. */
export default function AuditPage() {
  const [query, setQuery] = useState('');
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
  const older = () => {
    const next = answer?.nextBeforeSeq;
    if (answer === null || next == null) return;
    read<AuditAnswer>(`/api/audit?${query}&beforeSeq=${next}`).then(
      (found) => setAnswer({ entries: [...answer.entries, ...found.entries], nextBeforeSeq: found.nextBeforeSeq }),
      failed,
    );
  };
  const now = Date.now();
  return (
    <section class="wide">
      <h1>{accessWords.audit}</h1>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          setQuery(queryOf(event.currentTarget));
        }}
      >
        {FILTERS.map((name) => (
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
            heads={[accessWords.time, accessWords.action, accessWords.actor, accessWords.address, accessWords.target, accessWords.detail]}
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
