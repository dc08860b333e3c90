import './thresholds.css';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { ThresholdBoardAnswer, WhatIfAnswer } from '../../answers/thresholdAnswers.ts';
import { useConfirmed } from '../access/confirmIdentity.tsx';
import { ask, read, Refused, session } from '../parts/session.ts';
import { Chooser, ownThreshold, type Choice } from './thresholdChooser.tsx';
import { canRevert, History, versionText } from './thresholdHistory.tsx';
import { ChoicePlots, CurvePlots } from './thresholdPlots.tsx';
import { OpenRequest, RequestForm, type Act } from './thresholdRequest.tsx';
import { Figures, Flips, Subgroups, Waits } from './thresholdTables.tsx';
import { thresholdText } from '../parts/format.ts';
import { dateTime, thresholdWords as words } from './thresholdsWords.ts';

/** How often the page looks whether a lost fracture was opened in another tab. */
const LOOK_MS = 4_000;

const wordsOf = (error: unknown): string => (error instanceof Refused ? error.message : words.failed);

/** Thresholds: what another one would have done, before it does anything. */
export default function ThresholdsPage() {
  const [board, setBoard] = useState<ThresholdBoardAnswer | null>(null);
  const [problem, setProblem] = useState('');
  const [said, setSaid] = useState('');
  const [isAdmin, setIsAdmin] = useState(false);
  const [choice, setChoice] = useState<Choice>({ source: '', value: null });
  const { run, dialog } = useConfirmed();
  useEffect(() => {
    session().then(
      ({ user }) => setIsAdmin(user?.role === 'admin'),
      () => undefined,
    );
  }, []);

  /** Never rejects: what goes wrong stands on the page. */
  const load = useCallback(async (): Promise<void> => {
    try {
      const answer = await read<ThresholdBoardAnswer>('/api/thresholds');
      setBoard((old) => {
        // An open request is what is looked at, until it is signed or withdrawn; afterwards, what is in force.
        if (answer.draft !== null) setChoice({ source: answer.draft.sourceAeTitle, value: answer.draft.value });
        else if (old === null || old.history[0]?.version !== answer.history[0]?.version)
          setChoice(({ source }) => ({ source, value: shownThreshold(answer, source) }));
        return answer;
      });
    } catch (error) {
      setProblem(wordsOf(error));
    }
  }, []);
  useEffect(() => {
    load().catch(reportError);
  }, [load]);
  useLookAgain(board?.draft?.lostFractures.some(({ present, openedByMe }) => present && !openedByMe) === true, load);

  const act: Act = (action, afterwards = '') => {
    setProblem('');
    setSaid('');
    run(async () => {
      const response = await action();
      const result = (response.status === 204 ? {} : await response.json()) as { kind?: string; version?: number };
      // What is said and what is shown belong together.
      await load();
      setSaid(
        result.version !== undefined
          ? words.request.activated(result.version)
          : result.kind === 'awaits-second-person'
            ? words.request.signed
            : afterwards,
      );
    }).catch(async (error: unknown) => {
      await load();
      setProblem(wordsOf(error));
    });
  };
  const { whatIf, isCurrent } = useWhatIf(board, choice, setProblem);

  if (board === null)
    return (
      <div class="page thresholds">
        <h1>{words.title}</h1>
        {problem === '' ? (
          <p role="status">{words.loading}</p>
        ) : (
          <p role="alert" class="kind-fault">
            {problem}{' '}
            <button
              type="button"
              onClick={() => {
                setProblem('');
                load().catch(reportError);
              }}
            >
              {words.again}
            </button>
          </p>
        )}
      </div>
    );
  if (board.model === null)
    return (
      <div class="page thresholds">
        <h1>{words.title}</h1>
        <p class="kind-fault">{words.noModel}</p>
      </div>
    );

  const now = ownThreshold(board, choice.source);
  const changes = choice.value !== now || (choice.source === '' && board.rule.site === null);
  const onChoice = board.draft === null ? setChoice : null;
  const heads =
    whatIf === null
      ? null
      : {
          now: words.figures.nowAt(ruleText(board, choice.source)),
          proposed: words.figures.proposedAt(valueText(whatIf.of.value)),
        };
  const revert = (version: number) => act(() => ask('/api/thresholds/revert', 'POST', { version }));
  return (
    <div class="page thresholds">
      <h1>{words.title}</h1>
      <Banner board={board} onRevert={isAdmin ? revert : null} />
      <Header board={board} />
      <section class="propose" aria-label={words.propose.title}>
        <Chooser board={board} {...choice} now={now} onChoice={onChoice} />
        <p class="sentence" role="status" aria-busy={!isCurrent}>
          {sentenceOf(board, choice, changes, isCurrent ? whatIf : null)}
        </p>
        <p role="alert" class="kind-fault">
          {problem}
        </p>
        <p role="status" class="said">
          {said}
        </p>
      </section>
      {whatIf !== null && heads !== null && (
        <div class={isCurrent ? 'consequences' : 'consequences overtaken'}>
          <div class="plots">
            <ChoicePlots
              curves={board.curves}
              now={now}
              proposed={choice.value}
              onPick={onChoice === null ? undefined : (x) => onChoice({ ...choice, value: Math.round(x * 100) / 100 })}
            />
          </div>
          <Figures whatIf={whatIf} heads={heads} />
          {changes && <Flips whatIf={whatIf} />}
          <Waits whatIf={whatIf} heads={heads} />
          {board.draft !== null && (
            <OpenRequest
              draft={board.draft}
              secondPerson={board.secondPerson}
              flips={whatIf.flips}
              act={act}
              maySign={isAdmin}
            />
          )}
          {board.draft === null && changes && isAdmin && (
            <RequestForm sourceAeTitle={choice.source} value={choice.value} act={act} />
          )}
          {board.draft === null && board.lastClosed !== null && (
            <p class="muted">{words.request.closed[board.lastClosed.outcome]}</p>
          )}
          <div class="plots curves">
            <CurvePlots curves={board.curves} whatIf={whatIf} />
          </div>
          {whatIf.subgroups.length > 0 && <Subgroups whatIf={whatIf} />}
        </div>
      )}
      <History history={board.history} onRevert={isAdmin ? revert : null} />
      {isAdmin ? board.rule.site !== null && <Stop act={act} /> : <p class="muted">{words.readOnly}</p>}
      {dialog}
    </div>
  );
}

/** Where the slider stands at first. */
function shownThreshold(board: ThresholdBoardAnswer, source: string): number | null {
  return ownThreshold(board, source) ?? ownThreshold(board, '');
}

const valueText = (value: number | null): string => (value === null ? words.follows : thresholdText(value));

/** What is in force for a source, in words. */
function ruleText(board: ThresholdBoardAnswer, source: string): string {
  if (board.history.length === 0) return words.noneYet;
  return board.rule.site === null ? words.stopped : valueText(ownThreshold(board, source));
}

function sentenceOf(
  board: ThresholdBoardAnswer,
  { source, value }: Choice,
  changes: boolean,
  whatIf: WhatIfAnswer | null,
): string {
  const from = ruleText(board, source);
  const to = valueText(value);
  if (board.scans === 0) return words.propose.noScans;
  if (!changes) return words.propose.unchanged(from);
  if (whatIf === null) return words.propose.calculating(from, to);
  const { now, proposed } = whatIf;
  const flagsADay = now.load === null || proposed.load === null ? null : proposed.load.mean - now.load.mean;
  return words.sentence(
    from,
    to,
    whatIf.scans,
    whatIf.fractures,
    flagsADay,
    whatIf.fracturesGained,
    whatIf.fracturesLost,
  );
}

/**
 * Consequences of a choice, asked one at a time: while one answer is on its way the choice may move on, and the newest is asked for next. `whatIf.of` is
 * what the figures belong to.
 */
function useWhatIf(board: ThresholdBoardAnswer | null, choice: Choice, onProblem: (problem: string) => void) {
  const [whatIf, setWhatIf] = useState<(WhatIfAnswer & { of: Choice & { version: number } }) | null>(null);
  const version = board?.model == null ? null : (board.history[0]?.version ?? 0);
  const wanted = useRef<(Choice & { version: number }) | null>(null);
  const isAsking = useRef(false);
  wanted.current = version === null ? null : { ...choice, version };
  useEffect(() => {
    const next = async () => {
      isAsking.current = true;
      try {
        for (let asked = wanted.current; asked !== null;) {
          const query = new URLSearchParams({
            source: asked.source,
            ...(asked.value === null ? {} : { value: String(asked.value) }),
          });
          const answer = await read<WhatIfAnswer>(`/api/thresholds/what-if?${query}`);
          setWhatIf({ ...answer, of: asked });
          if (isSame(asked, wanted.current)) return;
          asked = wanted.current;
        }
      } catch (error) {
        onProblem(wordsOf(error));
      } finally {
        isAsking.current = false;
      }
    };
    if (!isAsking.current) next().catch(reportError);
  }, [choice.source, choice.value, version]);
  return { whatIf, isCurrent: whatIf !== null && isSame(whatIf.of, wanted.current) };
}

function isSame(one: Choice & { version: number }, other: (Choice & { version: number }) | null): boolean {
  return other !== null && one.source === other.source && one.value === other.value && one.version === other.version;
}

/** Looks again when somebody comes back to this tab, and from time to time, while `isOpen`. */
function useLookAgain(isOpen: boolean, look: () => Promise<void>): void {
  useEffect(() => {
    if (!isOpen) return undefined;
    const again = () => {
      look().catch(reportError);
    };
    const timer = window.setInterval(again, LOOK_MS);
    window.addEventListener('focus', again);
    return () => {
      window.clearInterval(timer);
      window.removeEventListener('focus', again);
    };
  }, [isOpen, look]);
}

function Banner({ board, onRevert }: { board: ThresholdBoardAnswer; onRevert: ((version: number) => void) | null }) {
  const site = board.inForce.find((version) => version.sourceAeTitle === '');
  const shown = site?.mode === 'stopped' ? site : board.recentChange;
  if (shown === null) return null;
  const scope = shown.sourceAeTitle === '' ? words.site : shown.sourceAeTitle;
  return (
    <p class={shown.mode === 'stopped' ? 'banner kind-fault' : 'banner kind-stale'}>
      {shown.mode === 'stopped'
        ? words.banner.stopped(shown.by, dateTime(shown.atMs))
        : words.banner.changed(`${scope} ${versionText(shown)}`, shown.by, dateTime(shown.atMs))}{' '}
      {onRevert !== null && canRevert(board.history, shown) && (
        <button type="button" onClick={() => onRevert(shown.version)}>
          {words.history.revertVersion(shown.version)}
        </button>
      )}
    </p>
  );
}

function Header({ board }: { board: ThresholdBoardAnswer }) {
  const { header } = words;
  const inForce = board.inForce
    .filter((version) => version.mode !== 'follows-site')
    .map((version) =>
      words.inForceOf(
        version.sourceAeTitle === '' ? '' : `${version.sourceAeTitle}: `,
        versionText(version),
        version.version,
      ),
    );
  const facts: [string, string][] = [
    [words.inForce, inForce.join(', ')],
    [header.model, `${board.model!.name} ${board.model!.version}`],
    [
      header.scans,
      board.firstMs === null || board.lastMs === null
        ? header.noScans
        : header.span(board.scans, board.firstMs, board.lastMs),
    ],
    [header.fractures, String(board.fractures)],
    [header.without, String(board.withoutFracture)],
    [header.unconfirmed, String(board.unconfirmed)],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function Stop({ act }: { act: Act }) {
  const [reason, setReason] = useState('');
  return (
    <section>
      <h2>{words.stop.title}</h2>
      <p>{words.stop.explain}</p>
      <form
        class="stop"
        onSubmit={(event) => {
          event.preventDefault();
          act(() => ask('/api/thresholds/stop', 'POST', { reason }).then((response) => (setReason(''), response)));
        }}
      >
        <label>
          {words.stop.why}{' '}
          <input type="text" required value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>{' '}
        <button type="submit" class="fault">
          {words.stop.button}
        </button>
      </form>
    </section>
  );
}
