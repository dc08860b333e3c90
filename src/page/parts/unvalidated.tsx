import type { NetworkAnswer } from '../../answers/modelAnswers.ts';
import { shellWords } from './shellWords.ts';
import { useLoaded } from './useLoaded.ts';

const LOOK_MS = 60_000;

/** Says on a screen that the network which judges was never validated at this site; nothing where it was. */
export function Unvalidated() {
  const { value } = useLoaded<NetworkAnswer>('/api/network', LOOK_MS);
  if (value === null || value.model === null || value.validatedAtMs !== null) return null;
  return <strong class="kind-fault">{shellWords.unvalidated}</strong>;
}
