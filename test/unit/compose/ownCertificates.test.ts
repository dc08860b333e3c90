import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import type { TlsMaterial } from '../../../src/base/tlsProfile.ts';
import { watchOwnCertificates } from '../../../src/compose/ownCertificates.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { authority } from '../../interop/authority.ts';
import { temporaryFolder } from '../worklist/fixture.ts';

test('renewed files are handed on once they fit together; until then the old ones stay, and an alarm says so', async () => {
  const dir = await temporaryFolder();
  const ca = await authority(dir, 'ca');
  const [first, second] = [await ca.issue('first', 3), await ca.issue('second', 40)];
  const [certFile, keyFile] = [join(dir, 'own.pem'), join(dir, 'own.key')];
  await copyFile(first.certFile, certFile);
  await copyFile(first.keyFile, keyFile);
  let look = (): void => undefined;
  const certificates = watchOwnCertificates({
    config: configFrom({ receive: { tls: { certFile, keyFile, clientCertificates: 'optional' } } }),
    releasers: { push: () => undefined },
    ports: {
      clock: {
        ...systemClock,
        after: (_ms, run) => {
          look = run;
          return () => undefined;
        },
      },
      log: createLog('silent'),
      environment: {},
    },
  });
  const renewed: TlsMaterial[] = [];
  certificates.onRenewed('receive.tls', (material) => renewed.push(material));
  const days = () =>
    certificates.expiries().map(({ name, expiresAtMs }) => [name, Math.round((expiresAtMs - Date.now()) / 86_400_000)]);
  look();
  expect([renewed, certificates.problems(), days()]).toEqual([[], [], [['receive.tls.certFile', 3]]]);

  await copyFile(second.certFile, certFile);
  look();
  expect(renewed).toEqual([]);
  expect(certificates.problems()).toEqual([
    expect.stringMatching(/^The files of receive\.tls have changed and cannot be used: .* stays in use\.$/),
  ]);
  expect(days()).toEqual([['receive.tls.certFile', 3]]);

  await copyFile(second.keyFile, keyFile);
  look();
  look();
  expect(renewed).toHaveLength(1);
  expect([certificates.problems(), days()]).toEqual([[], [['receive.tls.certFile', 40]]]);
});
