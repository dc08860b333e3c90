import { LEAST_REASON_CHARACTERS } from '../../case/leastReason.ts';
import { scoreTexts } from '../../case/scoreTexts.ts';
import type { NetworkTest, ThresholdBoardAnswer, WhatIfAnswer } from '../../answers/thresholdAnswers.ts';
import { useKeptText } from '../parts/keptText.ts';
import { ask } from '../parts/session.ts';
import { CaseLink } from './thresholdTables.tsx';
import { dateTime } from '../parts/format.ts';
import { thresholdWords as words } from './thresholdsWords.ts';

/** Runs what changes the server; asks for a recent sign-in where it is needed. */
export type Act = (run: () => Promise<Response>, said?: string) => void;

interface RequestProps {
  sourceAeTitle: string;
  value: number | null;
  networkTest: NetworkTest | null;
  act: Act;
}

/** What the change would lose of the network's own test, before anybody signs. */
function OwnTest({ test }: { test: NetworkTest | null }) {
  if (test === null) return <p class="own-test muted">{words.request.noOwnTest}</p>;
  const loses = test.flaggedProposed.fractures < test.flaggedNow.fractures;
  return <p class={loses ? 'own-test kind-fault' : 'own-test'}>{words.request.ownTest(test)}</p>;
}

/** The form for a request and its reason: nothing is in force yet. */
export function RequestForm({ sourceAeTitle, value, networkTest, act }: RequestProps) {
  const [reason, setReason] = useKeptText('thresholds.request');
  const left = LEAST_REASON_CHARACTERS - reason.trim().length;
  const text = words.request;
  return (
    <section class="request">
      <h2>{text.title}</h2>
      <OwnTest test={networkTest} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (left <= 0)
            act(() =>
              ask('/api/thresholds/drafts', 'POST', { sourceAeTitle, value, reason }).then(
                (response) => (setReason(''), response),
              ),
            );
        }}
      >
        <label class="stacked">
          {text.reason}
          <textarea rows={2} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <p>
          <button type="submit" disabled={left > 0}>
            {text.save}
          </button>{' '}
          <span class="muted">{left > 0 ? text.tooShort(left) : text.nothingYet}</span>
        </p>
      </form>
    </section>
  );
}

type Draft = NonNullable<ThresholdBoardAnswer['draft']>;

/** How the proof of life stands under the requested threshold. */
function ProofUnder({ proof }: { proof: Draft['proof'] }) {
  if (proof === null) return null;
  const text = words.request.proof;
  if (proof.state === 'running' || proof.state === 'missing')
    return (
      <p class="proof-under kind-stale" role="status">
        {text[proof.state]}
      </p>
    );
  const shown = scoreTexts(proof.score ?? 0, proof.threshold ?? 1);
  return (
    <p class={proof.state === 'flagged' ? 'proof-under' : 'proof-under kind-fault'} role="status">
      {text[proof.state](shown.score, shown.threshold, dateTime(proof.atMs ?? 0))}
    </p>
  );
}

interface OpenProps {
  draft: Draft;
  networkTest: NetworkTest | null;
  secondPerson: boolean;
  flips: WhatIfAnswer['flips'];
  act: Act;
  /** Readers can only watch. */
  maySign: boolean;
}

/** An open request, up to its last signature. */
export function OpenRequest({ draft, networkTest, secondPerson, flips, act, maySign }: OpenProps) {
  const [despite, setDespite] = useKeptText('thresholds.despite');
  const text = words.request;
  const address = `/api/thresholds/drafts/${draft.id}`;
  const unopened = draft.lostFractures.filter((lost) => lost.present && !lost.openedByMe).length;
  // The author signs first, then somebody else.
  const mine = draft.awaitsSecondPerson ? !draft.mine : draft.mine;
  const needsDespite = draft.proof !== null && draft.proof.state !== 'flagged';
  const mayNot = unopened > 0 || (needsDespite && despite.trim().length < LEAST_REASON_CHARACTERS);
  const sign = !secondPerson ? text.sign : draft.awaitsSecondPerson ? text.signSecond : text.signFirst;
  return (
    <section class="request open">
      <h2>{text.openTitle}</h2>
      <p>
        {text.open(draft.by, dateTime(draft.atMs), dateTime(draft.expiresAtMs))} <q>{draft.reason}</q>
      </p>
      <OwnTest test={networkTest} />
      <ProofUnder proof={draft.proof} />
      <p>{draft.lostFractures.length === 0 ? text.noneLost : text.lost(draft.lostFractures.length)}</p>
      {draft.lostFractures.length > 0 && (
        <ul>
          {draft.lostFractures.map(({ caseRef, present, openedByMe }) => (
            <li key={caseRef}>
              <CaseLink
                caseRef={caseRef}
                atMs={flips.find((flip) => flip.caseRef === caseRef)?.arrivedAtMs ?? null}
                present={present}
              />{' '}
              {present && (
                <span class={openedByMe ? 'muted' : 'kind-flag'}>{openedByMe ? text.opened : text.notOpened}</span>
              )}
            </li>
          ))}
        </ul>
      )}
      {draft.awaitsSecondPerson && draft.mine && <p class="kind-stale">{text.waiting}</p>}
      {!draft.awaitsSecondPerson && !draft.mine && <p class="kind-stale">{text.notYours}</p>}
      {maySign && mine && needsDespite && (
        <label class="stacked">
          {text.despite}
          <textarea rows={2} value={despite} onInput={(event) => setDespite(event.currentTarget.value)} />
        </label>
      )}
      {maySign && (
        <p>
          {mine && (
            <>
              <button
                type="button"
                class="weighty"
                disabled={mayNot}
                onClick={() =>
                  act(() =>
                    ask(`${address}/confirm`, 'POST', needsDespite ? { despiteProof: despite } : {}).then(
                      (response) => (setDespite(''), response),
                    ),
                  )
                }
              >
                {sign}
              </button>{' '}
            </>
          )}
          <button type="button" onClick={() => act(() => ask(address, 'DELETE'), text.closed.withdrawn)}>
            {text.withdraw}
          </button>{' '}
          {mine && unopened > 0 && <span class="muted">{text.openFirst(unopened)}</span>}
        </p>
      )}
    </section>
  );
}
