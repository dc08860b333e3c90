import './releaseDialog.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import { calendarDate, clockTime, personName } from './format.ts';
import { shortIdentity, type HeldStudy } from './heldStudy.ts';
import { releaseWords as words } from './releaseWords.ts';

/** Shows both identities of a held study side by side, and releases it with one press. `onEnd` gets the reason, or null when the person cancels. */
export function ReleaseDialog({ study, onEnd }: { study: HeldStudy; onEnd: (reason: string | null) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState<string>(words.usualReason);
  useEffect(() => dialog.current?.showModal(), []);
  const { otherPatient } = study;
  const now = shortIdentity(study, otherPatient);
  const next = otherPatient.isNewer ? shortIdentity(otherPatient, study) : now;
  return (
    <dialog ref={dialog} class="release" aria-labelledby="release-title" onCancel={() => onEnd(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onEnd(reason);
        }}
      >
        <h2 id="release-title">{words.title}</h2>
        <Identities study={study} />
        <p>
          {words.goesOn(next)}
          {study.delivered.length > 0 && words.replaces(now)}
        </p>
        <label class="field">
          <span>{words.reason}</span>
          <input
            required
            minLength={3}
            maxLength={500}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <div class="presses">
          <button type="submit" class="weighty" autofocus>
            {words.confirm(next)}
          </button>
          <button type="button" onClick={() => onEnd(null)}>
            {words.cancel}
          </button>
          <span class="muted">
            {words.twoPatients} <a href="/waiting">{words.waiting}</a>.
          </span>
        </div>
      </form>
    </dialog>
  );
}

/** The two identities, a column each; what differs is bold. */
function Identities({ study }: { study: HeldStudy }) {
  const { otherPatient: other, delivered } = study;
  const nowMs = Date.now();
  const where = delivered.map(({ destination, atMs }) => `${destination}, ${clockTime(atMs, nowMs)}`).join('; ');
  const rows = [
    [words.patient, personName(study.patientName), personName(other.patientName)],
    [words.patientId, study.patientId, other.patientId],
    [words.born, calendarDate(study.patientBirthDate), calendarDate(other.patientBirthDate)],
    [words.sex, study.sex, other.patientSex],
  ] as const;
  return (
    <table>
      <thead>
        <tr>
          <td />
          <th scope="col">{words.first}</th>
          <th scope="col">{words.held}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([title, one, two]) => (
          <tr key={title} class={one === two ? '' : 'differs'}>
            <th scope="row">{title}</th>
            <Value text={one} />
            <Value text={two} />
          </tr>
        ))}
        <tr>
          <th scope="row">{words.soFar}</th>
          <td>{where === '' ? words.notDelivered : words.delivered(where)}</td>
          <td>{words.setAside(other.objects)}</td>
        </tr>
      </tbody>
    </table>
  );
}

function Value({ text }: { text: string }) {
  return <td>{text === '' ? <span class="muted">{words.notStated}</span> : <bdi>{text}</bdi>}</td>;
}
