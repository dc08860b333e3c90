import { useState } from 'preact/hooks';
import { ask } from '../parts/session.ts';
import { adminWords as words } from './adminWords.ts';
import { ReasonDialog } from './reasonDialog.tsx';
import { SourceDialog, type Sender } from './sourceDialog.tsx';
import { useReasonedChange } from './useReasonedChange.ts';

/** Name under which a reason is kept beyond the end of the session. */
const REASON = 'sources.reason';

interface Chosen {
  title: string;
  done: string;
  change: (reason: string) => Promise<unknown>;
}

/** Lets a sender in, or takes that back, each with a reason. `dialogs` must be rendered in the page; `said` is what came of it. */
export function useSourceChange(onChanged: () => void) {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [isAdding, setAdding] = useState(false);
  const { said, perform, dialog } = useReasonedChange(REASON, onChanged);
  const add = (sender: Sender, reason: string) =>
    perform(() =>
      ask('/api/settings/sources', 'POST', { ...sender, reason }).then(() =>
        words.isAdded(sender.aeTitle, sender.address),
      ),
    );
  return {
    said,
    add: () => setAdding(true),
    letIn: (aeTitle: string, address: string) =>
      setChosen({
        title: words.letIn(aeTitle, address),
        done: words.isLetIn(aeTitle, address),
        change: (reason) => ask('/api/settings/sources', 'POST', { aeTitle, address, reason }),
      }),
    takeBack: (aeTitle: string) =>
      setChosen({
        title: words.takeBackOf(aeTitle),
        done: words.isTakenBack(aeTitle),
        change: (reason) => ask(`/api/settings/sources/${encodeURIComponent(aeTitle)}/take-back`, 'POST', { reason }),
      }),
    dialogs: (
      <>
        {chosen !== null && (
          <ReasonDialog
            title={chosen.title}
            keptAs={REASON}
            onEnd={(reason) => {
              setChosen(null);
              if (reason !== null) perform(() => chosen.change(reason).then(() => chosen.done));
            }}
          />
        )}
        {isAdding && (
          <SourceDialog
            keptAs={REASON}
            onEnd={(change) => {
              setAdding(false);
              if (change !== null) add(change.sender, change.reason);
            }}
          />
        )}
        {dialog}
      </>
    ),
  };
}
