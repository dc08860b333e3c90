import { useState } from 'preact/hooks';
import './admin.css';
import { useConfirmed } from '../access/confirmIdentity.tsx';
import { ATTENDED } from '../parts/attended.ts';
import { keepText } from '../parts/keptText.ts';
import { release, type HeldStudy } from '../parts/heldStudy.ts';
import { ReleaseDialog } from '../parts/releaseDialog.tsx';
import { releaseWords } from '../parts/releaseWords.ts';
import { Refused } from '../parts/session.ts';
import { useLoaded } from '../parts/useLoaded.ts';
import { adminWords as words } from './adminWords.ts';
import { ReasonDialog } from './reasonDialog.tsx';
import type { NeedsAttention } from '../../answers/adminAnswers.ts';
import { FailedCases, HeldCases, StuckDeliveries, type AskReason } from './needsAttentionTables.tsx';

/** An action that a person has chosen and still has to give a reason for. */
interface ChosenAction {
  title: string;
  run: (reason: string) => Promise<string>;
}

const LOOK_MS = 10_000;
/** Name under which a reason is kept beyond the end of the session. */
const REASON = 'attention.reason';

/** Held studies, failed studies and results that cannot be delivered, each with the possible actions. */
export default function NeedsAttentionPage() {
  const { value, problem, reload } = useLoaded<NeedsAttention>('/api/troubles', LOOK_MS);
  const [chosen, setChosen] = useState<ChosenAction | null>(null);
  const [held, setHeld] = useState<HeldStudy | null>(null);
  const [said, setSaid] = useState({ text: '', bad: false });
  const { run, dialog } = useConfirmed();
  const askReason: AskReason = (title, name, act) =>
    setChosen({
      title: words.doTo(title, name),
      run: async (reason) => {
        const response = await act(reason);
        const { due } = response.status === 204 ? {} : ((await response.json()) as { due?: number });
        return words.done(due === undefined ? title : words.dueNow(due));
      },
    });
  const perform = (action: ChosenAction, reason: string) => {
    setChosen(null);
    run(async () => {
      setSaid({ text: await action.run(reason), bad: false });
      keepText(REASON, '');
      reload();
      window.dispatchEvent(new Event(ATTENDED));
    }).catch((error: unknown) => setSaid({ text: error instanceof Refused ? error.message : words.failed, bad: true }));
  };
  const releaseHeld = (study: HeldStudy, reason: string | null) => {
    setHeld(null);
    if (reason === null) return;
    const run = async (why: string) => {
      await release(study.studyInstanceUid, 'same-patient', study.otherPatient, why);
      return words.done(releaseWords.release);
    };
    perform({ title: releaseWords.release, run }, reason);
  };
  return (
    <section class="wide admin">
      <h1>{words.needsAttentionHeading}</h1>
      <p>{words.needsAttentionWhat}</p>
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      <p role="status" class={said.bad ? 'kind-fault' : 'kind-info'}>
        {said.text}
      </p>
      {value === null ? (
        <p>{words.loading}</p>
      ) : (
        <>
          <HeldCases cases={value.held} askReason={askReason} onRelease={setHeld} />
          <FailedCases cases={value.failed} askReason={askReason} />
          <StuckDeliveries deliveries={value.deliveries} askReason={askReason} />
          {value.more && <p>{words.more}</p>}
        </>
      )}
      {chosen !== null && (
        <ReasonDialog
          title={chosen.title}
          keptAs={REASON}
          onEnd={(reason) => (reason === null ? setChosen(null) : perform(chosen, reason))}
        />
      )}
      {held !== null && <ReleaseDialog study={held} onEnd={(reason) => releaseHeld(held, reason)} />}
      {dialog}
    </section>
  );
}
