import { useKeptText } from '../parts/keptText.ts';
import { ask } from '../parts/session.ts';
import type { Act } from './thresholdRequest.tsx';
import { thresholdWords as words } from './thresholdsWords.ts';

/** Stops every flag of the site; one person with a reason may do it. */
export function StopFlags({ act }: { act: Act }) {
  const [reason, setReason] = useKeptText('thresholds.stop');
  return (
    <section aria-label={words.stop.title}>
      <form
        class="stop"
        onSubmit={(event) => {
          event.preventDefault();
          act(() => ask('/api/thresholds/stop', 'POST', { reason }).then((response) => (setReason(''), response)));
        }}
      >
        <label>
          {words.stop.why}{' '}
          <input type="text" required value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>{' '}
        <button type="submit" class="fault">
          {words.stop.button}
        </button>{' '}
        <span class="muted">{words.stop.explain}</span>
      </form>
    </section>
  );
}
