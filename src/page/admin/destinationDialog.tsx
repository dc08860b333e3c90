import { useEffect, useRef, useState } from 'preact/hooks';
import type { ConnectionsAnswer, DestinationEntry, EchoAnswer } from '../../answers/adminAnswers.ts';
import { useKeptText } from '../parts/keptText.ts';
import { ask, Refused } from '../parts/session.ts';
import { adminWords } from './adminWords.ts';
import { DestinationFields, NEW_DESTINATION } from './destinationFields.tsx';
import { destinationWords as words } from './destinationWords.ts';
import { ReasonField } from './reasonDialog.tsx';

/** Name under which the reason for a change of destinations is kept beyond the end of the session. */
export const DESTINATION_REASON = 'destinations.reason';

interface Tested {
  /** What was tested; another entry has to be tested anew. */
  entry: string;
  text: string;
  ok: boolean;
}

/** Asks for a destination and why. It is tested before it is set; one that does not answer is set by a second press. */
export function DestinationDialog({
  present,
  files,
  onEnd,
}: {
  /** Null for a new one. */
  present: DestinationEntry | null;
  /** Files that it may name. */
  files: ConnectionsAnswer['destinationFiles'];
  onEnd: (change: { destination: DestinationEntry; reason: string } | null) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [destination, setDestination] = useState<DestinationEntry>(present ?? NEW_DESTINATION);
  const [tested, setTested] = useState<Tested | 'asking' | null>(null);
  const [reason, setReason] = useKeptText(DESTINATION_REASON);
  useEffect(() => dialog.current?.showModal(), []);
  const entry = JSON.stringify(destination);
  const said = tested !== null && tested !== 'asking' && tested.entry === entry ? tested : null;
  const test = async (): Promise<boolean> => {
    setTested('asking');
    const outcome = await testOf(destination);
    setTested({ entry, ...outcome });
    return outcome.ok;
  };
  const submit = async (): Promise<void> => {
    if (said !== null || (await test())) onEnd({ destination, reason });
  };
  return (
    <dialog ref={dialog} class="wide-dialog" aria-labelledby="destination-title" onCancel={() => onEnd(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit().catch(reportError);
        }}
      >
        <h2 id="destination-title">{present === null ? words.add : words.changeOf(present.name)}</h2>
        <DestinationFields destination={destination} files={files} onChange={setDestination} />
        <p role="status" class={said?.ok === false ? 'kind-fault' : 'kind-info'}>
          {tested === 'asking' ? adminWords.asking : said?.text}
        </p>
        <ReasonField reason={reason} onType={setReason} />
        <button type="submit" class="weighty" disabled={tested === 'asking'}>
          {said?.ok === false ? words.setAllTheSame : adminWords.set}
        </button>{' '}
        <button type="button" disabled={tested === 'asking'} onClick={() => void test().catch(reportError)}>
          {words.test}
        </button>{' '}
        <button type="button" onClick={() => onEnd(null)}>
          {adminWords.cancel}
        </button>
      </form>
    </dialog>
  );
}

/** What the destination answers, or why it was not asked. */
async function testOf(destination: DestinationEntry): Promise<{ ok: boolean; text: string }> {
  try {
    const response = await ask('/api/settings/destinations/try', 'POST', { destination });
    const { ok, ms, takes, error } = (await response.json()) as EchoAnswer;
    return { ok, text: ok ? words.answered(ms ?? 0, takes ?? '') : words.notAnswered(error ?? '') };
  } catch (error) {
    return { ok: false, text: error instanceof Refused ? error.message : adminWords.failed };
  }
}
