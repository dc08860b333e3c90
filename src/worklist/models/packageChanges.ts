import type { ModelIdentity } from '../../case/triageModel.ts';
import { appendAudit } from '../audit/audit.ts';
import { write, type StoreContext } from '../cases/storeContext.ts';

/** Puts into the audit that a package was installed or removed on the page. A damaged one has no identity: its folder names it. */
export async function recordPackageChange(
  context: StoreContext,
  change: {
    action: 'model.installed' | 'model.removed';
    model: ModelIdentity | null;
    folder: string;
    by: string;
    address: string;
  },
): Promise<void> {
  const { action, model, folder, by, address } = change;
  await write(context, (trx) =>
    appendAudit(trx, context.clock.now(), {
      action,
      actor: by,
      address,
      target: model === null ? folder : `${model.name}@${model.version}`,
      detail: { sha256: model?.sha256 ?? null },
    }),
  );
}
