import './thresholds.css';
import { ask } from '../parts/session.ts';
import { useIsAdmin } from '../parts/useIsAdmin.ts';
import { sentenceOf } from './choiceText.ts';
import { Consequences } from './consequences.tsx';
import { StopFlags } from './stopFlags.tsx';
import { Chooser, ownThreshold } from './thresholdChooser.tsx';
import { Banner, Header } from './thresholdHead.tsx';
import { History } from './thresholdHistory.tsx';
import { thresholdWords as words } from './thresholdsWords.ts';
import { useBoard } from './useBoard.ts';
import { useWhatIf } from './useWhatIf.ts';

/** Thresholds: shows what another one would have done before it is put into force. */
export default function ThresholdsPage() {
  const { board, problem, setProblem, said, choice, choose, load, act, dialog } = useBoard();
  const isAdmin = useIsAdmin();
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
  const onChoice = board.draft === null ? choose : null;
  const revert = (version: number) => act(() => ask('/api/thresholds/revert', 'POST', { version }));
  return (
    <div class="page thresholds">
      <h1>{words.title}</h1>
      <Banner board={board} onRevert={isAdmin ? revert : null} />
      {isAdmin && board.rule.site !== null && <StopFlags act={act} />}
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
      {whatIf !== null && (
        <Consequences {...{ board, choice, now, changes, whatIf, isCurrent, onChoice, act, isAdmin }} />
      )}
      <History history={board.history} onRevert={isAdmin ? revert : null} />
      {!isAdmin && <p class="muted">{words.readOnly}</p>}
      {dialog}
    </div>
  );
}
