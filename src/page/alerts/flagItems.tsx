import { RINGS_AGAIN_AFTER_MS } from '../../case/attention.ts';
import { clockTime } from '../parts/format.ts';
import { ask } from '../parts/session.ts';
import { alertWords as words } from './alertWords.ts';
import type { Flag } from './chimePlan.ts';

/** New flags as items of a list: each leads to its case, and its ringing can be stopped without opening it. */
export function FlagItems({ flags, most, nowMs }: { flags: readonly Flag[]; most: number; nowMs: number }) {
  return (
    <>
      {flags.length > most && <li class="kind-flag">{words.newFlagsOf(flags.length)}</li>}
      {flags.slice(0, most).map((flag) => {
        const { caseRef, flaggedAtMs, ringsFromMs = flaggedAtMs, finding = null } = flag;
        const what = words.flagAt(clockTime(flaggedAtMs, nowMs), finding);
        const unopenedMs = nowMs - ringsFromMs;
        const text = unopenedMs < RINGS_AGAIN_AFTER_MS ? what : words.unopened(what, Math.floor(unopenedMs / 60_000));
        return (
          <li key={caseRef}>
            <a class="kind-flag" href={`/case/${caseRef}`}>
              {text}
            </a>{' '}
            <button
              type="button"
              class="quiet"
              aria-label={words.stopOf(text)}
              onClick={() => {
                // The list is read anew as soon as the server has noted it; if it does not, the flag stays.
                ask(`/api/cases/${caseRef}/bell`, 'DELETE').catch(reportError);
              }}
            >
              {words.stop}
            </button>
          </li>
        );
      })}
    </>
  );
}
