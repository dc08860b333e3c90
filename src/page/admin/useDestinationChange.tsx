import { useState } from 'preact/hooks';
import type { ConnectionsAnswer, DestinationEntry } from '../../answers/adminAnswers.ts';
import { ask } from '../parts/session.ts';
import { DESTINATION_REASON, DestinationDialog } from './destinationDialog.tsx';
import { destinationWords as words } from './destinationWords.ts';
import { ReasonDialog } from './reasonDialog.tsx';
import { useReasonedChange } from './useReasonedChange.ts';

type Chosen = { kind: 'set'; present: DestinationEntry | null } | { kind: 'take-back'; name: string; waiting: number };

/** Adds a destination, changes one, or takes one back, each with a reason. `dialogs` must be rendered in the page; `said` is what came of it. */
export function useDestinationChange(files: ConnectionsAnswer['destinationFiles'] | undefined, onChanged: () => void) {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const { said, perform: confirm, dialog } = useReasonedChange(DESTINATION_REASON, onChanged);
  const perform = (path: string, body: object, done: string) => {
    setChosen(null);
    confirm(() => ask(path, 'POST', body).then(() => done));
  };
  const set = (present: DestinationEntry | null, destination: DestinationEntry, reason: string) =>
    perform(
      '/api/settings/destinations',
      { destination, replaces: present?.name ?? null, reason },
      words.isSet(destination.name),
    );
  const takeBack = (name: string, reason: string) =>
    perform(`/api/settings/destinations/${encodeURIComponent(name)}/take-back`, { reason }, words.isTakenBack(name));
  return {
    said,
    add: () => setChosen({ kind: 'set', present: null }),
    change: (present: DestinationEntry) => setChosen({ kind: 'set', present }),
    takeBack: (name: string, waiting: number) => setChosen({ kind: 'take-back', name, waiting }),
    dialogs: (
      <>
        {chosen?.kind === 'set' && (
          <DestinationDialog
            present={chosen.present}
            files={files ?? { folder: '', files: [] }}
            onEnd={(change) =>
              change === null ? setChosen(null) : set(chosen.present, change.destination, change.reason)
            }
          />
        )}
        {chosen?.kind === 'take-back' && (
          <ReasonDialog
            title={words.takeBackOf(chosen.name)}
            what={words.takeBackWhat(chosen.waiting)}
            keptAs={DESTINATION_REASON}
            onEnd={(reason) => (reason === null ? setChosen(null) : takeBack(chosen.name, reason))}
          />
        )}
        {dialog}
      </>
    ),
  };
}
