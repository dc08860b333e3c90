import type { ModelIdentity } from '../../case/triageModel.ts';
import { appendAudit } from '../audit/audit.ts';
import { write, type StoreContext } from '../cases/storeContext.ts';

/** Puts into the audit that a package was made whose probabilities fit this site's verdicts; the package itself holds the same. */
export async function recordRecalibration(
  context: StoreContext,
  made: {
    model: ModelIdentity;
    base: ModelIdentity;
    intercept: number;
    slope: number;
    cases: number;
    by: string;
    reason: string;
  },
): Promise<void> {
  const { model, base, by, ...detail } = made;
  await write(context, (trx) =>
    appendAudit(trx, context.clock.now(), {
      action: 'model.recalibrated',
      actor: by,
      address: '',
      target: `${model.name}@${model.version}`,
      detail: { sha256: model.sha256, base: base.sha256, ...detail },
    }),
  );
}
