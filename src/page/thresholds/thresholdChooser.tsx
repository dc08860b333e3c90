import { useEffect, useRef, useState } from 'preact/hooks';
import type { ThresholdBoardAnswer } from '../../answers/thresholdAnswers.ts';
import { thresholdText } from '../parts/format.ts';
import { thresholdWords } from './thresholdsWords.ts';

const words = thresholdWords.propose;

export interface Choice {
  /** Empty: the whole site. */
  source: string;
  /** Null: the source follows the site. */
  value: number | null;
}

interface ChooserProps extends Choice {
  board: ThresholdBoardAnswer;
  /** What is in force for this source, as the slider shows it. */
  now: number | null;
  /** Null while a request is open: the request is shown then. */
  onChoice: ((choice: Choice) => void) | null;
}

/** Which threshold, and for which source: a slider and a number field. */
export function Chooser({ board, source, value, now, onChoice }: ChooserProps) {
  const site = siteValue(board);
  const locked = onChoice === null;
  const choose = (chosen: number | null) => onChoice?.({ source, value: chosen });
  return (
    <div class="chooser">
      <label>
        {words.source}
        <select
          value={source}
          disabled={locked}
          onChange={(event) =>
            onChoice?.({
              source: event.currentTarget.value,
              value: ownThreshold(board, event.currentTarget.value) ?? site,
            })
          }
        >
          <option value="">{thresholdWords.site}</option>
          {board.sources.map(({ name, scans }) => (
            <option key={name} value={name}>
              {words.ofSource(name, scans)}
            </option>
          ))}
        </select>
      </label>
      <label class="slider">
        {words.slider}
        <input
          type="range"
          min="0"
          max="1"
          step="0.01"
          value={value ?? site}
          disabled={locked}
          onInput={(event) => choose(event.currentTarget.valueAsNumber)}
        />
      </label>
      <NumberField value={value} disabled={locked} onValue={choose} />
      {source !== '' && (
        <label class="tick">
          <input
            type="checkbox"
            checked={value === null}
            disabled={locked}
            onChange={(event) => choose(event.currentTarget.checked ? null : site)}
          />{' '}
          {words.follow}
        </label>
      )}
      {value !== now && !locked && (
        <button type="button" onClick={() => choose(now)}>
          {words.back}
        </button>
      )}
    </div>
  );
}

/** The threshold in force for the site, or a source's own; null when the source follows the site. */
export function ownThreshold({ inForce }: ThresholdBoardAnswer, source: string): number | null {
  const version = inForce.find((entry) => entry.sourceAeTitle === source);
  return version === undefined || version.mode === 'follows-site' ? null : version.value;
}

/** The site's threshold, also while its flags are stopped. */
function siteValue({ inForce }: ThresholdBoardAnswer): number {
  return inForce.find((entry) => entry.sourceAeTitle === '')?.value ?? 0.5;
}

/** Keeps what is being typed unchanged: "0." may become a number. */
function NumberField({
  value,
  disabled,
  onValue,
}: {
  value: number | null;
  disabled: boolean;
  onValue: (value: number) => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  const shown = value === null ? '' : thresholdText(value);
  const [text, setText] = useState(shown);
  useEffect(() => {
    if (document.activeElement !== field.current || Number(text) !== value) setText(shown);
  }, [shown]);
  return (
    <label>
      {words.number}
      <input
        ref={field}
        type="number"
        inputMode="decimal"
        min="0"
        max="1"
        step="0.01"
        value={text}
        disabled={disabled}
        onInput={(event) => {
          const typed = event.currentTarget;
          setText(typed.value);
          if (typed.value !== '' && typed.valueAsNumber >= 0 && typed.valueAsNumber <= 1) onValue(typed.valueAsNumber);
        }}
        onBlur={() => setText(shown)}
      />
    </label>
  );
}
