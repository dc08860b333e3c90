import { useState } from 'preact/hooks';
import type { ConnectionsAnswer, EchoAnswer } from '../../answers/adminAnswers.ts';
import './admin.css';
import { clockTime } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { sizeText } from './sizeText.ts';
import { RoutingTester } from './routingTester.tsx';
import { StudyPull } from './studyPull.tsx';
import { ask, Refused } from '../parts/session.ts';
import { useLoaded } from '../parts/useLoaded.ts';
import { adminWords as words } from './adminWords.ts';
import { destinationWords } from './destinationWords.ts';
import { useDestinationChange } from './useDestinationChange.tsx';
import { useSourceChange } from './useSourceChange.tsx';

const LOOK_MS = 15_000;

/** Sources and destinations, whether they answer, and a test of what the agent would do with a file. */
export default function ConnectionsPage() {
  const { value, problem, reload } = useLoaded<ConnectionsAnswer>('/api/connections', LOOK_MS);
  const { said, add, letIn, takeBack, dialogs } = useSourceChange(reload);
  const changing = useDestinationChange(value?.destinationFiles, reload);
  return (
    <section class="wide admin">
      <h1>{words.titles.connections}</h1>
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      {[said, changing.said].map((one, index) => (
        <p key={index} role="status" class={one.bad ? 'kind-fault' : 'kind-info'}>
          {one.text}
        </p>
      ))}
      {value === null ? (
        <p>{words.loading}</p>
      ) : (
        <>
          <h2>{words.receiver}</h2>
          {value.receiver.up ? (
            <p>{words.receiverUp(value.receiver.aeTitle, value.receiver.host, value.receiver.port)}</p>
          ) : (
            <p class="kind-fault">{words.receiverDown}</p>
          )}
          {value.receiver.tls !== null && (
            <p>
              {words.receiverTls(
                value.receiver.tls.host,
                value.receiver.tls.port,
                value.receiver.tls.clientCertificates,
              )}
            </p>
          )}
          <p class="muted">
            {words.receiverCounts(value.receiver.stored, value.receiver.refused, value.receiver.rejected)}
          </p>

          <h2>{words.destinations}</h2>
          <Destinations destinations={value.destinations} onEcho={reload} changing={changing} />
          {value.mayChangeDestinations && (
            <p>
              <button type="button" class="weighty" onClick={changing.add}>
                {destinationWords.add}
              </button>
            </p>
          )}

          <h2>{words.sources}</h2>
          <Sources sources={value.sources} onEcho={reload} onTakeBack={takeBack} />
          {value.mayChangeDestinations && (
            <p>
              <button type="button" onClick={add}>
                {words.addSource}
              </button>
            </p>
          )}

          <h2>{words.selection}</h2>
          {value.selection.length === 0 ? (
            <p class="muted">{words.noSelection}</p>
          ) : (
            <PlainTable
              name={words.selection}
              heads={[words.name, words.whenRule, words.thenRule, words.destinations, words.studies]}
            >
              {value.selection.map((rule) => (
                <tr key={rule.name}>
                  <th scope="row">{rule.name}</th>
                  <td>
                    <bdi>{rule.when}</bdi>
                  </td>
                  <td>{words.ruleActions[rule.do]}</td>
                  <td>{rule.do === 'accept' ? (rule.destinations?.join(', ') ?? words.allDestinations) : ''}</td>
                  <td>{rule.studies}</td>
                </tr>
              ))}
            </PlainTable>
          )}

          <h2>{words.rejections}</h2>
          <Rejections rejections={value.rejections} onLetIn={letIn} />

          <StudyPull />

          <RoutingTester calledAeTitle={value.receiver.aeTitle} sources={value.sources} />
        </>
      )}
      {dialogs}
      {changing.dialogs}
    </section>
  );
}

/** Who may send, by the file and by this page. */
function Sources({
  sources,
  onEcho,
  onTakeBack,
}: {
  sources: ConnectionsAnswer['sources'];
  onEcho: () => void;
  onTakeBack: (aeTitle: string) => void;
}) {
  const now = Date.now();
  const when = (ms: number | null) => (ms === null ? words.never : clockTime(ms, now));
  return sources.length === 0 ? (
    <p>{words.noSources}</p>
  ) : (
    <PlainTable
      name={words.sources}
      heads={[words.name, words.addresses, words.lastReceived, words.studies, words.echo]}
    >
      {sources.map((one) => (
        <tr key={`${one.aeTitle} ${one.origin}`}>
          <th scope="row">
            {one.aeTitle}
            {one.origin === 'page' && (
              <span class="muted reason">
                {words.ofPage}{' '}
                <button
                  type="button"
                  aria-label={words.takeBackOf(one.aeTitle)}
                  onClick={() => onTakeBack(one.aeTitle)}
                >
                  {words.takeBack}
                </button>
              </span>
            )}
          </th>
          <td>
            {one.addresses.join(', ')}
            {one.certificates.length > 0 && (
              <span class="muted reason">{words.pinned(one.certificates.join(', '))}</span>
            )}
            {one.commitments !== null && one.commitments.waiting > 0 && (
              <span class="muted reason">{words.commitmentsWaiting(one.commitments.waiting)}</span>
            )}
            {one.commitments?.lastError != null && (
              <span class="kind-fault reason">{words.notReported(one.commitments.lastError)}</span>
            )}
          </td>
          <td>{when(one.lastReceivedAtMs)}</td>
          <td>{one.studies}</td>
          <td>
            {one.echoAddress === null ? (
              <span class="muted">{words.noEchoAddress}</span>
            ) : (
              <EchoButton kind="source" name={one.aeTitle} known={one.echo} onAnswer={onEcho} />
            )}
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

/** What senders did not get, why, and what to do about it. */
function Rejections({
  rejections,
  onLetIn,
}: {
  rejections: ConnectionsAnswer['rejections'];
  onLetIn: (aeTitle: string, address: string) => void;
}) {
  const now = Date.now();
  return rejections.length === 0 ? (
    <p class="muted">{words.noRejections}</p>
  ) : (
    <PlainTable
      name={words.rejections}
      heads={[words.time, words.caller, words.refused, words.why, words.times, words.advice]}
    >
      {rejections.map((one, index) => (
        <tr key={index}>
          <td>{clockTime(one.atMs, now)}</td>
          <td>
            <bdi>{one.callingAeTitle}</bdi> <span class="muted">{one.address}</span>
          </td>
          <td>
            {words.refusalKinds[one.kind]} <span class="muted">{one.what}</span>
          </td>
          <td>{one.why}</td>
          <td>{one.count}</td>
          <td>
            {one.mayBeLetIn ? words.mayItSend : one.advice}
            {one.mayBeLetIn && (
              <span class="reason">
                <button
                  type="button"
                  aria-label={words.letIn(one.callingAeTitle, one.address)}
                  onClick={() => onLetIn(one.callingAeTitle, one.address)}
                >
                  {words.letItIn}
                </button>
              </span>
            )}
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

/** Where results go: what each destination gets, how it stands, and whether it would take them. */
function Destinations({
  destinations,
  onEcho,
  changing,
}: {
  destinations: ConnectionsAnswer['destinations'];
  onEcho: () => void;
  changing: Pick<ReturnType<typeof useDestinationChange>, 'change' | 'takeBack'>;
}) {
  const now = Date.now();
  const when = (ms: number | null) => (ms === null ? words.never : clockTime(ms, now));
  return destinations.length === 0 ? (
    <p>{words.noDestinations}</p>
  ) : (
    <PlainTable
      name={words.destinations}
      heads={[words.name, words.address, words.lastSent, words.lastReceipt, words.backlog, words.echo]}
    >
      {destinations.map((one) => (
        <tr key={one.name}>
          <th scope="row">
            {one.name}
            {one.state !== 'active' && <span class="reason">{words.destinationStates[one.state]}</span>}
            <WhereSet destination={one} changing={changing} />
          </th>
          <td>
            {one.address}
            {wishes(one) !== '' && <span class="muted reason">{wishes(one)}</span>}
            {one.watch !== null && <Watch watch={one.watch} />}
            {one.priors !== null && (
              <>
                <span class="muted reason">{words.askedForPriors(one.priors.waiting)}</span>
                {one.priors.lastError !== null && (
                  <span class="kind-fault reason">{words.noPriors(one.priors.lastError)}</span>
                )}
              </>
            )}
          </td>
          <td>{when(one.lastSentAtMs)}</td>
          <td>{when(one.lastConfirmedAtMs)}</td>
          <td class={one.refused > 0 ? 'kind-fault' : ''}>
            {words.backlogOf(one.pending + one.unconfirmed, one.refused)}
            {one.oldestOpenAtMs !== null && (
              <span class="muted reason">{words.backlogSince(sizeText(one.openBytes), when(one.oldestOpenAtMs))}</span>
            )}
            {one.lastError !== null && <span class="muted reason">{one.lastError}</span>}
          </td>
          <td>
            <EchoButton kind="destination" name={one.name} known={one.echo} onAnswer={onEcho} />
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

/** Where a destination is set; one of the page with its buttons. */
function WhereSet({
  destination: { name, origin, place, ofPage, pending, unconfirmed },
  changing,
}: {
  destination: ConnectionsAnswer['destinations'][number];
  changing: Pick<ReturnType<typeof useDestinationChange>, 'change' | 'takeBack'>;
}) {
  const isOfFile = origin === 'file';
  return (
    <span class="muted reason">
      {isOfFile ? destinationWords.ofFile(place) : destinationWords.ofPage}
      {isOfFile && ofPage !== null && ` ${destinationWords.overruled}`}{' '}
      {!isOfFile && ofPage !== null && (
        <button type="button" aria-label={destinationWords.changeOf(name)} onClick={() => changing.change(ofPage)}>
          {destinationWords.change}
        </button>
      )}{' '}
      {ofPage !== null && (
        <button
          type="button"
          aria-label={destinationWords.takeBackOf(name)}
          onClick={() => changing.takeBack(name, isOfFile ? 0 : pending + unconfirmed)}
        >
          {words.takeBack}
        </button>
      )}
    </span>
  );
}

/** How an archive that is asked for new studies stands. */
function Watch({ watch }: { watch: NonNullable<ConnectionsAnswer['destinations'][number]['watch']> }) {
  const { succeededAtMs, lastError, waiting, failing, fetchError } = watch;
  const asked = succeededAtMs === null ? words.never : clockTime(succeededAtMs, Date.now());
  return (
    <>
      <span class="muted reason">{words.watched(asked, waiting)}</span>
      {lastError !== null && <span class="kind-fault reason">{words.notAsked(lastError)}</span>}
      {fetchError !== null && (
        <span class={`reason ${failing > 0 ? 'kind-fault' : 'muted'}`}>{words.notFetched(fetchError)}</span>
      )}
    </>
  );
}

/** What every destination gets that does not choose. */
const USUAL_OBJECTS = ['report', 'card', 'heatmaps'] as const;

/** What a destination gets, where that is not the usual. */
function wishes({ objects, decisions }: ConnectionsAnswer['destinations'][number]): string {
  const isUsual = USUAL_OBJECTS.every((object) => objects.includes(object));
  return [
    isUsual ? '' : words.getsOnly(objects.map((object) => words.resultObjects[object])),
    isUsual && objects.includes('keySlices') ? words.getsAlso(words.resultObjects.keySlices) : '',
    decisions === 'suspected' ? words.flaggedOnly : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** Tests the connection to one peer, and shows the result beside the button. */
function EchoButton({
  kind,
  name,
  known,
  onAnswer,
}: {
  kind: 'destination' | 'source';
  name: string;
  known: EchoAnswer | null;
  onAnswer: () => void;
}) {
  const [state, setState] = useState<'idle' | 'asking' | { problem: string }>('idle');
  const echo = () => {
    setState('asking');
    ask(`/api/connections/${kind}/${encodeURIComponent(name)}/echo`, 'POST').then(
      () => {
        setState('idle');
        onAnswer();
      },
      (error: unknown) => setState({ problem: error instanceof Refused ? error.message : words.failed }),
    );
  };
  const now = Date.now();
  const text =
    state === 'asking'
      ? words.asking
      : typeof state === 'object'
        ? state.problem
        : known === null
          ? ''
          : known.ok
            ? words.answered(known.ms ?? 0, clockTime(known.atMs, now))
            : words.noAnswer(known.error ?? '', clockTime(known.atMs, now));
  const bad = typeof state === 'object' || (state === 'idle' && known?.ok === false);
  return (
    <>
      <button type="button" aria-label={words.echoName(name)} disabled={state === 'asking'} onClick={echo}>
        {words.echo}
      </button>{' '}
      <span role="status" class={bad ? 'kind-fault' : 'muted'}>
        {text}
        {state === 'idle' && known?.takes !== null && known?.takes !== undefined && `; ${known.takes}`}
      </span>
    </>
  );
}
