import { expect, test } from 'vitest';
import { createLog } from '../../../src/base/log.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { createRefusalRecorder } from '../../../src/receive/refusals.ts';
import { createAuditLog } from '../../../src/worklist/audit/audit.ts';
import { openWorklist } from '../worklist/fixture.ts';

test('rejected associations stand in the audit, a flood as few entries', async () => {
  const { database, clock } = await openWorklist();
  const audit = createAuditLog(database, clock);
  const timers: (() => void)[] = [];
  const timed: Clock = {
    ...clock,
    after: (_ms, run) => {
      timers.push(run);
      return () => undefined;
    },
  };
  const recorder = createRefusalRecorder(audit.append, timed, createLog('silent'));
  for (let attempt = 0; attempt < 1_000; attempt += 1)
    recorder.refused({
      kind: 'association',
      what: '',
      callingAeTitle: 'SCANNER',
      address: '10.0.0.9',
      why: 'calling AE title not known',
    });
  recorder.refused({
    kind: 'association',
    what: '',
    callingAeTitle: 'OTHER',
    address: '10.0.0.8',
    why: 'called AE title not known',
  });
  expect(timers).toHaveLength(1);
  timers[0]!();
  await expect.poll(() => audit.page({ action: 'association.rejected' }, 10)).toHaveLength(2);
  expect((await audit.page({ actor: 'SCANNER' }, 10))[0]).toMatchObject({
    address: '10.0.0.9',
    detail: { count: 1_000, why: 'calling AE title not known' },
  });

  for (let peer = 0; peer < 500; peer += 1)
    recorder.refused({ kind: 'association', what: '', callingAeTitle: `AE${peer}`, address: '10.0.0.7', why: 'x' });
  await recorder.close();
  const entries = await audit.page({ action: 'association.rejected' }, 1_000);
  expect(entries).toHaveLength(2 + 51);
  expect(entries.reduce((sum, { detail }) => sum + Number(detail['count']), 0)).toBe(1_501);
});
