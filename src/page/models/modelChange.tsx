import { LEAST_REASON_CHARACTERS } from '../../case/leastReason.ts';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ModelsAnswer } from '../../answers/modelAnswers.ts';
import { Field, valueOf } from '../parts/field.tsx';
import { thresholdText } from '../parts/format.ts';
import { useKeptText } from '../parts/keptText.ts';
import { modelWords } from './modelsWords.ts';

const words = modelWords.change;
/** Name under which a reason is kept beyond the end of the session. */
export const CHANGE_REASON = 'models.reason';

/** What an admin wants to do with a package; without a package, the end of the shadow. */
export interface ModelChange {
  kind: 'activate' | 'shadow' | 'end';
  package: ModelsAnswer['packages'][number] | null;
}

export interface Decision {
  role: 'active' | 'shadow';
  sha256: string | null;
  threshold?: 'keep' | 'default' | number;
  reason: string;
  /** Who signs too, for a package that was never validated here. */
  second?: { name: string; password?: string };
}

export function titleOf({ kind, package: wanted }: ModelChange): string {
  return kind === 'end' || wanted?.model == null
    ? words.end
    : words[kind](modelWords.name(wanted.model.name, wanted.model.version));
}

/** Asks for the reason, and for the threshold where the site has set one; `onEnd` gets null when the person cancels. */
export function ChangeDialog({
  change,
  secondPerson,
  secondSignature,
  onEnd,
}: {
  change: ModelChange;
  secondPerson: boolean;
  secondSignature: ModelsAnswer['secondSignature'];
  onEnd: (decision: Decision | null) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useKeptText(CHANGE_REASON);
  const [threshold, setThreshold] = useState<'keep' | 'default' | 'number' | null>(null);
  const cancel = () => {
    setReason('');
    onEnd(null);
  };
  useEffect(() => dialog.current?.showModal(), []);
  const { kind, package: wanted } = change;
  const question = kind === 'activate' ? (wanted?.thresholdQuestion ?? null) : null;
  const unvalidated = kind === 'activate' && wanted?.validation?.suffices !== true;
  const shipped = thresholdText(wanted?.shippedThreshold ?? 0);
  const left = LEAST_REASON_CHARACTERS - reason.trim().length;
  const choice = (value: 'keep' | 'default' | 'number', label: string) => (
    <label class="choice">
      <input
        type="radio"
        name="threshold"
        value={value}
        required
        checked={threshold === value}
        onChange={() => setThreshold(value)}
      />{' '}
      {label}
    </label>
  );
  return (
    <dialog ref={dialog} class="change" aria-labelledby="change-title" onCancel={cancel}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const value = threshold === 'number' ? Number(valueOf(event.currentTarget, 'value')) : threshold;
          onEnd({
            role: kind === 'activate' ? 'active' : 'shadow',
            sha256: kind === 'end' ? null : wanted!.model!.sha256,
            ...(question === null || value === null ? {} : { threshold: value }),
            reason,
            ...(unvalidated ? { second: secondOf(event.currentTarget) } : {}),
          });
        }}
      >
        <h2 id="change-title">{titleOf(change)}</h2>
        <p>{words[`${kind}What`]}</p>
        {kind === 'activate' && question === null && <p>{words.brings(shipped)}</p>}
        {question !== null && (
          <fieldset>
            <legend>{words.question(thresholdText(question.inForce), shipped)}</legend>
            {question.ownSources.length > 0 && <p>{words.ownSources(question.ownSources.join(', '))}</p>}
            {choice('keep', words.keep(thresholdText(question.inForce)))}
            {choice('default', words.default(shipped))}
            {secondPerson ? <p class="muted">{words.twoPeople}</p> : choice('number', words.number)}
            {threshold === 'number' && (
              <input type="number" name="value" min={0} max={1} step="any" required aria-label={words.number} />
            )}
          </fieldset>
        )}
        <label class="field">
          <span>{words.reason}</span>
          <textarea
            required
            maxLength={2_000}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        {unvalidated && <SecondSignature how={secondSignature} />}
        <p>
          <button type="submit" disabled={left > 0 || (unvalidated && secondSignature === 'command-line')}>
            {words.doIt[kind]}
          </button>{' '}
          <button type="button" onClick={cancel}>
            {words.cancel}
          </button>{' '}
          <span class="muted">{left > 0 ? words.tooShort(left) : ''}</span>
        </p>
      </form>
    </dialog>
  );
}

function secondOf(form: HTMLFormElement): { name: string; password?: string } {
  const name = valueOf(form, 'second');
  return form.elements.namedItem('secondPassword') === null
    ? { name }
    : { name, password: valueOf(form, 'secondPassword') };
}

/** Another person signs beside the admin, on this screen, for a package that was never validated here. */
function SecondSignature({ how }: { how: ModelsAnswer['secondSignature'] }) {
  return (
    <fieldset>
      <legend>{words.unvalidated}</legend>
      <p>{how === 'command-line' ? words.secondOnCommandLine : words.secondWhat}</p>
      {how !== 'command-line' && <Field label={words.secondName} name="second" autocomplete="off" />}
      {how === 'password' && (
        <Field label={words.secondPassword} name="secondPassword" type="password" autocomplete="off" />
      )}
    </fieldset>
  );
}
