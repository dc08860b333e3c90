import { useLocation } from 'preact-iso';
import { useEffect, useState } from 'preact/hooks';
import type { AuditAnswer } from '../../answers/accessAnswers.ts';
import { read, Refused } from '../parts/session.ts';
import { auditQuery, KEPT, type AuditFilter } from './auditFilter.ts';
import { AuditFilterForm } from './auditFilterForm.tsx';
import { AuditTable } from './auditTable.tsx';
import { accessWords } from './accessWords.ts';

/** Who did what, newest first. */
export default function AuditPage() {
  const { query: inAddress, route } = useLocation();
  const [target, setTarget] = useState('');
  const filter: AuditFilter = target === '' ? {} : { target };
  for (const name of KEPT) if (inAddress[name]) filter[name] = inAddress[name];
  const query = auditQuery(filter);
  const { answer, problem, older } = useAudit(query);
  return (
    <section class="wide">
      <h1>{accessWords.audit}</h1>
      <AuditFilterForm
        filter={filter}
        actions={answer?.actions ?? null}
        onFilter={({ target: looked = '', ...kept }) => {
          setTarget(looked);
          const search = new URLSearchParams(kept).toString();
          route(search === '' ? '/audit' : `/audit?${search}`);
        }}
      />
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      {answer === null ? (
        <p>{accessWords.loading}</p>
      ) : (
        <>
          <AuditTable entries={answer.entries} />
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

/** The matching entries, with more on request. */
function useAudit(query: string) {
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
      (found) => setAnswer({ ...found, entries: [...answer.entries, ...found.entries] }),
      failed,
    );
  };
  return { answer, problem, older };
}
