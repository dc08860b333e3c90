import { useEffect, useRef, useState } from 'preact/hooks';
import type { SettingTrial } from '../../answers/adminAnswers.ts';
import { useKeptText } from '../parts/keptText.ts';
import { read, Refused } from '../parts/session.ts';
import { adminWords as words } from './adminWords.ts';
import { ReasonField } from './reasonDialog.tsx';

/** Name under which the reason for a change of a setting is kept beyond the end of the session. */
export const SETTING_REASON = 'settings.reason';

/** Asks for a new value of a setting and why; what it would do is tried before it is set. */
export function SettingDialog({
  settingKey,
  typed,
  onEnd,
}: {
  settingKey: string;
  /** The present value, as it is typed. */
  typed: string;
  onEnd: (change: { text: string; reason: string } | null) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState(typed);
  const [reason, setReason] = useKeptText(SETTING_REASON);
  const [said, setSaid] = useState({ text: '', bad: false });
  useEffect(() => dialog.current?.showModal(), []);
  const tryIt = async (): Promise<void> => {
    try {
      const query = new URLSearchParams({ text });
      const { lines, effect } = await read<SettingTrial>(`/api/settings/values/${settingKey}/try?${query}`);
      setSaid({ text: words.tried(lines.join('; '), effect), bad: false });
    } catch (error) {
      setSaid({ text: error instanceof Refused ? error.message : words.failed, bad: true });
    }
  };
  return (
    <dialog ref={dialog} class="wide-dialog" aria-labelledby="setting-title" onCancel={() => onEnd(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onEnd({ text, reason });
        }}
      >
        <h2 id="setting-title">{words.changeOf(settingKey)}</h2>
        <label class="field">
          <span>{words.newValue}</span>
          <textarea
            required
            rows={text.includes('\n') ? 10 : 2}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <p role="status" class={said.bad ? 'kind-fault' : 'kind-info'}>
          {said.text}
        </p>
        <ReasonField reason={reason} onType={setReason} />
        <button type="submit" class="weighty">
          {words.set}
        </button>{' '}
        <button
          type="button"
          onClick={() => {
            tryIt().catch(reportError);
          }}
        >
          {words.tryValue}
        </button>{' '}
        <button type="button" onClick={() => onEnd(null)}>
          {words.cancel}
        </button>
      </form>
    </dialog>
  );
}
