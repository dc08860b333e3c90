import { useState } from 'preact/hooks';
import { ask } from '../parts/session.ts';
import { adminWords as words } from './adminWords.ts';
import { ReasonDialog } from './reasonDialog.tsx';
import { SettingDialog, SETTING_REASON } from './settingDialog.tsx';
import { useReasonedChange } from './useReasonedChange.ts';

type Chosen =
  | { kind: 'change'; key: string; typed: string }
  | { kind: 'take-back'; key: string }
  | { kind: 'upload'; name: string; yaml: string };

/** Changes a setting on the page, takes that back, or sets what a file says. `dialogs` must be rendered; `said` is what came of it. */
export function useSettingChange(onChanged: () => void) {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const { said, perform: confirm, dialog } = useReasonedChange(SETTING_REASON, onChanged);
  const perform = (change: () => Promise<string>) => {
    setChosen(null);
    confirm(change);
  };
  const set = async (key: string, text: string | null, reason: string): Promise<string> => {
    await ask(`/api/settings/values/${key}`, 'POST', { text, reason });
    return text === null ? words.settingTakenBack(key) : words.settingSet(key);
  };
  const upload = async (yaml: string, reason: string): Promise<string> => {
    const response = await ask('/api/settings/import', 'POST', { yaml, reason });
    return words.uploaded(((await response.json()) as { keys: string[] }).keys.join(', '));
  };
  const end = (reason: string | null) => {
    const one = chosen;
    if (reason === null || one === null || one.kind === 'change') setChosen(null);
    else perform(() => (one.kind === 'upload' ? upload(one.yaml, reason) : set(one.key, null, reason)));
  };
  return {
    said,
    change: (key: string, typed: string) => setChosen({ kind: 'change', key, typed }),
    takeBack: (key: string) => setChosen({ kind: 'take-back', key }),
    upload: (name: string, yaml: string) => setChosen({ kind: 'upload', name, yaml }),
    dialogs: (
      <>
        {chosen?.kind === 'change' && (
          <SettingDialog
            settingKey={chosen.key}
            typed={chosen.typed}
            onEnd={(next) => (next === null ? setChosen(null) : perform(() => set(chosen.key, next.text, next.reason)))}
          />
        )}
        {chosen !== null && chosen.kind !== 'change' && (
          <ReasonDialog
            title={chosen.kind === 'upload' ? words.uploadTitle(chosen.name) : words.takeBackSettingOf(chosen.key)}
            keptAs={SETTING_REASON}
            onEnd={end}
          />
        )}
        {dialog}
      </>
    ),
  };
}
