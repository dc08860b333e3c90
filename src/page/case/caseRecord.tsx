import { useState } from 'preact/hooks';
import type { CaseAnswer } from '../../answers/caseAnswer.ts';
import { shortDuration, timelineOf } from './caseTimeline.ts';
import { deliveryText } from '../parts/deliveryText.ts';
import { calendarDate, clockTime } from '../parts/format.ts';
import { useKeptText } from '../parts/keptText.ts';
import { caseWords as words } from './caseWords.ts';
import { KeyImage } from './keyImage.tsx';

interface Properties {
  answer: CaseAnswer;
  nowMs: number;
  onResend: (reason: string) => Promise<void>;
  onReprocess: (reason: string) => Promise<void>;
}

/** What is on record of the case: its steps with durations, the series considered, the objects written and their receipts, and who did what. */
export function CaseRecord({ answer, nowMs, onResend, onReprocess }: Properties) {
  const { row, results, events, views } = answer;
  const steps = timelineOf(answer);
  const first = steps[0];
  const last = steps.at(-1);
  return (
    <div class="record">
      <section aria-label={words.timeline}>
        <h2>{words.timeline}</h2>
        <ol class="timeline">
          {steps.map(({ name, atMs, afterMs }) => (
            <li key={name}>
              <span>{clockTime(atMs, nowMs)}</span> <span>{name}</span>{' '}
              <span class="muted">{afterMs === null ? '' : words.after(shortDuration(afterMs))}</span>
            </li>
          ))}
        </ol>
        {first && last?.name === words.steps.confirmed && (
          <p class="muted">{words.total(shortDuration(last.atMs - first.atMs))}</p>
        )}
      </section>
      <section aria-label={words.series}>
        <h2>{words.series}</h2>
        <ul>
          {answer.series.map((series) => (
            <li key={`${series.seriesInstanceUid} ${series.reason}`}>
              <bdi>{[series.seriesNumber, series.seriesDescription || series.modality].filter(Boolean).join(' ')}</bdi>{' '}
              ({series.instances}): <strong>{series.chosen ? words.chosen : words.notChosen}</strong>. {series.reason}
            </li>
          ))}
        </ul>
        {row.selectionRule !== null && <p>{words.selectedBy(row.selectionRule)}</p>}
        {row.otherObjects > 0 && <p>{words.otherObjects(row.otherObjects)}</p>}
        {row.refusedObjects !== null && (
          <p class="kind-fault">{words.refusedObjects(row.refusedObjects.count, row.refusedObjects.why)}</p>
        )}
        <Reasoned
          keptAs={`case.${row.caseRef}.reprocess`}
          open={words.reprocess}
          confirm={words.confirmReprocess}
          disabled={
            row.state === 'receiving' ||
            row.quarantineReason !== null ||
            (answer.filesRemoved !== null && answer.instances.received === 0)
          }
          onConfirm={onReprocess}
        />
      </section>
      <PatientStudies name={words.priors} studies={answer.priors} />
      <PatientStudies name={words.newer} studies={answer.newer} />
      <section aria-label={words.objects}>
        <h2>{words.objects}</h2>
        {results.length === 0 && <p class="muted">{words.noObjects}</p>}
        {row.finding !== null && answer.volume !== null && <KeyImage caseRef={row.caseRef} finding={row.finding} />}
        <ul>
          {results.map((object) => (
            <li key={object.sopInstanceUid}>
              {object.isHeatmap ? words.heatmapName : words.objectName[object.kind]}
              {object.revision !== row.revision && <span class="muted"> {words.ofRevision(object.revision)}</span>}
              <ul>
                {object.deliveries.map((delivery) => (
                  <li key={delivery.destination} class={delivery.status === 'refused' ? 'kind-fault' : ''}>
                    {deliveryText(delivery, nowMs)}
                  </li>
                ))}
              </ul>
            </li>
          ))}
        </ul>
        {row.deliveries.length > 0 && (
          <Reasoned
            keptAs={`case.${row.caseRef}.resend`}
            open={words.resend}
            confirm={words.confirmResend}
            disabled={false}
            onConfirm={onResend}
          />
        )}
      </section>
      <section aria-label={words.history}>
        <h2>{words.history}</h2>
        <ol class="history" tabIndex={0} aria-label={words.history}>
          {events.map((event, index) => (
            <li key={index}>
              {clockTime(event.atMs, nowMs)} {words.events[event.type] ?? event.type}{' '}
              <span class="muted">{words.by(event.actor)}</span>
              {typeof event.detail['reason'] === 'string' && <bdi class="muted"> {event.detail['reason']}</bdi>}
            </li>
          ))}
        </ol>
      </section>
      <section aria-label={words.views}>
        <h2>{words.views}</h2>
        {views.length === 0 && <p class="muted">{words.noViews}</p>}
        {views.length > 0 && (
          <ol class="views" tabIndex={0} aria-label={words.views}>
            {views.map((view, index) => (
              <li key={index}>
                {clockTime(view.atMs, nowMs)} <bdi>{view.by}</bdi>
              </li>
            ))}
          </ol>
        )}
      </section>
    </div>
  );
}

/** Other studies of the patient, each with a link to its case; nothing where there is none. */
function PatientStudies({ name, studies }: { name: string; studies: CaseAnswer['priors'] }) {
  if (studies.length === 0) return null;
  return (
    <section aria-label={name}>
      <h2>{name}</h2>
      <ul>
        {studies.map(({ caseRef, scannedAt, studyDescription, decision }) => (
          <li key={caseRef}>
            <a href={`/case/${caseRef}`}>{calendarDate(scannedAt.slice(0, 8)) || words.noDate}</a>{' '}
            <bdi>{studyDescription}</bdi>{' '}
            <span class="muted">{decision === null ? '' : words.decisions[decision]}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface ReasonedProperties {
  /** Name under which the reason is kept beyond the end of the session. */
  keptAs: string;
  open: string;
  confirm: string;
  disabled: boolean;
  onConfirm: (reason: string) => Promise<void>;
}

/** An action that requires a reason, which stays on record. */
function Reasoned({ keptAs, open, confirm, disabled, onConfirm }: ReasonedProperties) {
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useKeptText(keptAs);
  if (!asking && reason === '')
    return (
      <button type="button" disabled={disabled} onClick={() => setAsking(true)}>
        {open}
      </button>
    );
  return (
    <form
      class="reasoned"
      onSubmit={(event) => {
        event.preventDefault();
        setAsking(false);
        // If the action failed, keep the reason for another try.
        onConfirm(reason).then(
          () => setReason(''),
          () => undefined,
        );
      }}
    >
      <label>
        {words.reason}{' '}
        <input
          required
          minLength={3}
          maxLength={500}
          value={reason}
          ref={(input) => input?.focus()}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      <button type="submit">{confirm}</button>
      <button
        type="button"
        onClick={() => {
          setAsking(false);
          setReason('');
        }}
      >
        {words.cancel}
      </button>
    </form>
  );
}
