import { useEffect, useRef, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { troublesAnswer } from '../../answers/adminAnswers.ts';
import './admin.css';
import { useConfirmed } from '../access/confirmIdentity.tsx';
import { valueOf } from '../parts/field.tsx';
import { clockTime, personName } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { ask, Refused } from '../parts/session.ts';
import { useLoaded } from '../parts/useLoaded.ts';
import { adminWords as words } from './adminWords.ts';

type NeedsAttention = z.infer<typeof troublesAnswer>;
/** What every list of them says of a case. */
type Case = Pick<NeedsAttention['held'][number], 'studyInstanceUid' | 'caseRef' | 'patientName' | 'patientId'>;
/** What a person wants done, until they have said why. */
interface Wish {
  title: string;
  run: (reason: string) => Promise<string>;
}

const LOOK_MS = 10_000;

/** Held studies, failed studies and results that do not get out, each with what can be done. */
export default function NeedsAttentionPage() {
  const { value, problem, reload } = useLoaded<NeedsAttention>('/api/troubles', LOOK_MS);
  const [wish, setWish] = useState<Wish | null>(null);
  const [said, setSaid] = useState({ text: '', bad: false });
  const { run, dialog } = useConfirmed();
  const now = Date.now();
  const path = (one: Case, what: string) => `/api/cases/${encodeURIComponent(one.studyInstanceUid)}/${what}`;
  const wishFor = (title: string, one: Case, act: (reason: string) => Promise<Response>) =>
    setWish({
      title: words.doTo(title, nameOf(one)),
      run: async (reason) => {
        const response = await act(reason);
        const { due } = response.status === 204 ? {} : ((await response.json()) as { due?: number });
        return words.done(due === undefined ? title : words.dueNow(due));
      },
    });
  const fulfil = (reason: string) => {
    const wanted = wish;
    setWish(null);
    if (wanted === null) return;
    run(async () => {
      setSaid({ text: await wanted.run(reason), bad: false });
      reload();
    }).catch((error: unknown) => setSaid({ text: error instanceof Refused ? error.message : words.failed, bad: true }));
  };
  const act = (title: string, one: Case, what: () => void) => (
    <button key={title} type="button" aria-label={words.doTo(title, nameOf(one))} onClick={what}>
      {title}
    </button>
  );
  const leave = (one: Case) =>
    act(words.leave, one, () =>
      wishFor(words.leave, one, (reason) => ask(path(one, 'leave-as-is'), 'POST', { reason })),
    );
  return (
    <section class="wide admin">
      <h1>{words.needsAttentionHeading}</h1>
      <p>{words.needsAttentionWhat}</p>
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      <p role="status" class={said.bad ? 'kind-fault' : 'kind-info'}>
        {said.text}
      </p>
      {value === null ? (
        <p>{words.loading}</p>
      ) : (
        <>
          <h2>{words.held}</h2>
          {value.held.length === 0 ? (
            <p class="muted">{words.nothingHeld}</p>
          ) : (
            <PlainTable
              name={words.held}
              heads={[words.patient, words.arrived, words.source, words.why, words.actions]}
            >
              {value.held.map((one) => (
                <tr key={one.studyInstanceUid}>
                  <Patient of={one} />
                  <td>{clockTime(one.arrivedAtMs, now)}</td>
                  <td>{one.sourceAeTitle}</td>
                  <td>{one.reason}</td>
                  <td class="actions">
                    {act(words.useFirst, one, () =>
                      wishFor(words.useFirst, one, (reason) =>
                        ask(path(one, 'release'), 'POST', { use: 'first', reason }),
                      ),
                    )}
                    {act(words.useLatest, one, () =>
                      wishFor(words.useLatest, one, (reason) =>
                        ask(path(one, 'release'), 'POST', { use: 'latest', reason }),
                      ),
                    )}
                    {leave(one)}
                  </td>
                </tr>
              ))}
            </PlainTable>
          )}

          <h2>{words.failedCases}</h2>
          {value.failed.length === 0 ? (
            <p class="muted">{words.nothingFailed}</p>
          ) : (
            <PlainTable
              name={words.failedCases}
              heads={[words.patient, words.arrived, words.stage, words.why, words.actions]}
            >
              {value.failed.map((one) => (
                <tr key={one.studyInstanceUid}>
                  <Patient of={one} />
                  <td>{clockTime(one.arrivedAtMs, now)}</td>
                  <td>{one.stage}</td>
                  <td>{one.reason}</td>
                  <td class="actions">
                    {act(words.again, one, () =>
                      wishFor(words.again, one, (reason) => ask(path(one, 'reprocess'), 'POST', { reason })),
                    )}
                    {leave(one)}
                  </td>
                </tr>
              ))}
            </PlainTable>
          )}

          <h2>{words.stuck}</h2>
          {value.deliveries.length === 0 ? (
            <p class="muted">{words.nothingStuck}</p>
          ) : (
            <PlainTable
              name={words.stuck}
              heads={[
                words.patient,
                words.destination,
                words.state,
                words.attempts,
                words.nextTry,
                words.why,
                words.actions,
              ]}
            >
              {value.deliveries.map((one) => (
                <tr key={`${one.studyInstanceUid} ${one.destination}`}>
                  <Patient of={one} />
                  <td>{one.destination}</td>
                  <td>{words.stateOf(one.refused, one.waiting)}</td>
                  <td>{one.attempts}</td>
                  <td>{one.nextAttemptAtMs === null ? words.notByItself : clockTime(one.nextAttemptAtMs, now)}</td>
                  <td>
                    <bdi>{one.error}</bdi>
                  </td>
                  <td class="actions">
                    {act(words.retry, one, () =>
                      wishFor(words.retry, one, (reason) => ask(path(one, 'retry-deliveries'), 'POST', { reason })),
                    )}
                    {one.refused > 0 && leave(one)}
                  </td>
                </tr>
              ))}
            </PlainTable>
          )}
          {value.more && <p>{words.more}</p>}
        </>
      )}
      {wish !== null && (
        <ReasonDialog title={wish.title} onEnd={(reason) => (reason === null ? setWish(null) : fulfil(reason))} />
      )}
      {dialog}
    </section>
  );
}

function nameOf({ patientName, patientId }: Case): string {
  return personName(patientName) || patientId;
}

function Patient({ of }: { of: Case }) {
  return (
    <th scope="row">
      <a href={`/case/${of.caseRef}`} aria-label={words.caseOf(nameOf(of))}>
        <bdi>{nameOf(of)}</bdi>
      </a>
      <span class="muted reason">{of.patientId}</span>
    </th>
  );
}

function ReasonDialog({ title, onEnd }: { title: string; onEnd: (reason: string | null) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="reason-title" onCancel={() => onEnd(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onEnd(valueOf(event.currentTarget, 'reason'));
        }}
      >
        <h2 id="reason-title">{title}</h2>
        <label class="field">
          <span>{words.reason}</span>
          <textarea name="reason" required minLength={3} maxLength={500} />
        </label>
        <button type="submit">{words.doIt}</button>{' '}
        <button type="button" onClick={() => onEnd(null)}>
          {words.cancel}
        </button>
      </form>
    </dialog>
  );
}
