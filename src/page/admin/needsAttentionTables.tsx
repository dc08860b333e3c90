import type { NeedsAttention } from '../../answers/adminAnswers.ts';
import { clockTime, personName } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { release, type HeldStudy } from '../parts/heldStudy.ts';
import { releaseWords } from '../parts/releaseWords.ts';
import { ask } from '../parts/session.ts';
import { adminWords as words } from './adminWords.ts';

/** The fields that every list shows of a case. */
type Case = Pick<NeedsAttention['held'][number], 'studyInstanceUid' | 'caseRef' | 'patientName' | 'patientId'>;
/** Asks for a reason, then runs the chosen action. */
export type AskReason = (title: string, name: string, run: (reason: string) => Promise<Response>) => void;

/** Studies that are neither analysed nor sent until a person has decided. */
export function HeldCases({
  cases,
  askReason,
  onRelease,
}: {
  cases: NeedsAttention['held'];
  askReason: AskReason;
  onRelease: (study: HeldStudy) => void;
}) {
  const now = Date.now();
  return (
    <>
      <h2>{words.held}</h2>
      {cases.length > 0 && <p>{words.heldAdvice}</p>}
      {cases.length === 0 ? (
        <p class="muted">{words.nothingHeld}</p>
      ) : (
        <PlainTable name={words.held} heads={[words.patient, words.arrived, words.source, words.why, words.actions]}>
          {cases.map((one) => (
            <tr key={one.studyInstanceUid}>
              <Patient of={one} />
              <td>{clockTime(one.arrivedAtMs, now)}</td>
              <td>{one.sourceAeTitle}</td>
              <td>
                {one.reason}
                <Delivered of={one} now={now} />
                <Aside of={one} />
              </td>
              <td class="actions">
                {one.otherPatient !== null && (
                  <button
                    type="button"
                    class="weighty"
                    aria-label={releaseWords.releaseOf(nameOf(one))}
                    onClick={() => onRelease({ ...one, otherPatient: one.otherPatient! })}
                  >
                    {releaseWords.release}
                  </button>
                )}
                <Act
                  title={words.useFirst}
                  of={one}
                  askReason={askReason}
                  run={(reason) => ask(path(one, 'release'), 'POST', { use: 'first', reason })}
                />
                <Latest of={one} askReason={askReason} />
                <Leave of={one} askReason={askReason} />
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
    </>
  );
}

type Held = NeedsAttention['held'][number];

/** Who has a report, and under which patient ID. */
function Delivered({ of, now }: { of: Held; now: number }) {
  const said = of.delivered.map(({ destination, atMs }) => `${destination}, ${clockTime(atMs, now)}`).join('; ');
  return <div>{said === '' ? words.notDelivered : words.deliveredTo(of.patientId, said)}</div>;
}

/** Goes on with the patient of what was set aside last: who that is, stands last in the list. */
function Latest({ of, askReason }: { of: Held; askReason: AskReason }) {
  const patient = of.aside.at(-1);
  if (patient === undefined) return null;
  return (
    <Act
      title={words.useLatest}
      of={of}
      askReason={askReason}
      run={(reason) => release(of.studyInstanceUid, 'latest', patient, reason)}
    />
  );
}

function Aside({ of }: { of: Held }) {
  return (
    <>
      {of.aside.map(({ patientId, patientName, objects }) => (
        <div key={`${patientId} ${patientName}`}>
          {words.setAside(objects)} <bdi>{[patientId, personName(patientName)].filter(Boolean).join(' · ')}</bdi>
        </div>
      ))}
    </>
  );
}

/** Studies that have used up their attempts. */
export function FailedCases({ cases, askReason }: { cases: NeedsAttention['failed']; askReason: AskReason }) {
  const now = Date.now();
  return (
    <>
      <h2>{words.failedCases}</h2>
      {cases.length > 0 && <p>{words.failedAdvice}</p>}
      {cases.length === 0 ? (
        <p class="muted">{words.nothingFailed}</p>
      ) : (
        <PlainTable
          name={words.failedCases}
          heads={[words.patient, words.arrived, words.stage, words.why, words.actions]}
        >
          {cases.map((one) => (
            <tr key={one.studyInstanceUid}>
              <Patient of={one} />
              <td>{clockTime(one.arrivedAtMs, now)}</td>
              <td>{one.stage}</td>
              <td>{one.reason}</td>
              <td class="actions">
                <Act
                  isPrimary
                  title={words.again}
                  of={one}
                  askReason={askReason}
                  run={(reason) => ask(path(one, 'reprocess'), 'POST', { reason })}
                />
                <Leave of={one} askReason={askReason} />
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
    </>
  );
}

/** Results that a destination refuses, or that wait for it. */
export function StuckDeliveries({
  deliveries,
  askReason,
}: {
  deliveries: NeedsAttention['deliveries'];
  askReason: AskReason;
}) {
  const now = Date.now();
  return (
    <>
      <h2>{words.stuck}</h2>
      {deliveries.length > 0 && <p>{words.stuckAdvice}</p>}
      {deliveries.length === 0 ? (
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
          {deliveries.map((one) => (
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
                <Act
                  isPrimary
                  title={words.retry}
                  of={one}
                  askReason={askReason}
                  run={(reason) => ask(path(one, 'retry-deliveries'), 'POST', { reason })}
                />
                {one.refused > 0 && <Leave of={one} askReason={askReason} />}
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
    </>
  );
}

const path = ({ studyInstanceUid }: Case, what: string) => `/api/cases/${encodeURIComponent(studyInstanceUid)}/${what}`;

function Act({
  title,
  of,
  askReason,
  isPrimary = false,
  run,
}: {
  title: string;
  of: Case;
  /** What an admin usually does. */
  isPrimary?: boolean;
  askReason: AskReason;
  run: (reason: string) => Promise<Response>;
}) {
  return (
    <button
      type="button"
      class={isPrimary ? 'weighty' : undefined}
      aria-label={words.doTo(title, nameOf(of))}
      onClick={() => askReason(title, nameOf(of), run)}
    >
      {title}
    </button>
  );
}

function Leave({ of, askReason }: { of: Case; askReason: AskReason }) {
  return (
    <Act
      title={words.leave}
      of={of}
      askReason={askReason}
      run={(reason) => ask(path(of, 'leave-as-is'), 'POST', { reason })}
    />
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
