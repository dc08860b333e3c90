import type { ThresholdBoardAnswer, WhatIfAnswer } from '../../answers/thresholdAnswers.ts';
import { ruleText, valueText } from './choiceText.ts';
import type { Choice } from './thresholdChooser.tsx';
import { ChoicePlots, CurvePlots } from './thresholdPlots.tsx';
import { OpenRequest, RequestForm, type Act } from './thresholdRequest.tsx';
import { Figures, Flips, Subgroups, Waits } from './thresholdTables.tsx';
import { thresholdWords as words } from './thresholdsWords.ts';

interface Properties {
  board: ThresholdBoardAnswer;
  choice: Choice;
  /** What is in force for the source. */
  now: number | null;
  changes: boolean;
  whatIf: WhatIfAnswer & { of: Choice };
  /** The figures belong to the current choice. */
  isCurrent: boolean;
  /** Null while a request is open: the request is shown then. */
  onChoice: ((choice: Choice) => void) | null;
  act: Act;
  isAdmin: boolean;
}

/** What the choice would do, and how to request it. */
export function Consequences(properties: Properties) {
  const { board, choice, now, changes, whatIf, isCurrent, onChoice, act, isAdmin } = properties;
  const heads = {
    now: words.figures.nowAt(ruleText(board, choice.source)),
    proposed: words.figures.proposedAt(valueText(whatIf.of.value)),
  };
  return (
    <div class={isCurrent ? 'consequences' : 'consequences overtaken'} aria-busy={!isCurrent}>
      <div class="plots">
        <ChoicePlots
          curves={board.curves}
          now={now}
          proposed={choice.value}
          onPick={onChoice === null ? undefined : (x) => onChoice({ ...choice, value: Math.round(x * 100) / 100 })}
        />
      </div>
      <Figures whatIf={whatIf} heads={heads} />
      {changes && <Flips whatIf={whatIf} thresholds={[now, whatIf.of.value].filter((value) => value !== null)} />}
      <Waits whatIf={whatIf} heads={heads} />
      {board.draft !== null && (
        <OpenRequest
          draft={board.draft}
          networkTest={whatIf.networkTest}
          secondPerson={board.secondPerson}
          flips={whatIf.flips}
          act={act}
          maySign={isAdmin}
        />
      )}
      {board.draft === null && changes && isAdmin && (
        <RequestForm sourceAeTitle={choice.source} value={choice.value} networkTest={whatIf.networkTest} act={act} />
      )}
      {board.draft === null && board.lastClosed !== null && (
        <p class="muted">{words.request.closed[board.lastClosed.outcome]}</p>
      )}
      <div class="plots curves">
        <CurvePlots curves={board.curves} whatIf={whatIf} />
      </div>
      {whatIf.subgroups.length > 0 && <Subgroups whatIf={whatIf} />}
    </div>
  );
}
