import type { ModelIdentity } from './triageModel.ts';
import type { Findings } from './case.ts';

/** "Could not be analysed", as findings. */
export function notAnalysed(
  reasonCode: string,
  reason: string,
  model: ModelIdentity | undefined,
  provider: string,
  analysedAtMs: number,
): Findings {
  return {
    decision: 'not-analysed',
    reason,
    reasonCode,
    probability: null,
    threshold: null,
    domainDistance: null,
    domainLimit: null,
    slices: [],
    keySlices: [],
    model: model === undefined ? { name: 'none', version: '0', sha256: '' } : { ...model },
    provider,
    analysedAtMs,
    seconds: {},
  };
}
