import { readFile } from 'node:fs/promises';
import { connect, type ConnectionOptions } from 'node:tls';
import { expect, test } from 'vitest';
import { startWeb } from '../unit/web/webFixture.ts';
import { temporaryFolder } from '../unit/worklist/fixture.ts';
import { authority } from './authority.ts';

test('the page speaks TLS 1.2 and 1.3 with authenticated encryption, and no CBC', async () => {
  const ca = await authority(await temporaryFolder(), 'ca');
  const { certFile, keyFile } = await ca.issue('odontoid');
  const text = (path: string) => readFile(path, 'utf8');
  const { port } = await startWeb({ tls: { cert: await text(certFile), key: await text(keyFile) } });
  const roots = await text(ca.caFile);
  const cipherOf = (options: ConnectionOptions) =>
    new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca: roots, servername: 'localhost', ...options });
      socket.once('secureConnect', () => {
        resolve(socket.getCipher().name);
        socket.destroy();
      });
      socket.once('error', () => resolve('refused'));
    });
  const tls12 = { maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } as const;
  expect(await cipherOf({})).toMatch(/^TLS_/);
  expect(await cipherOf({ ...tls12, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })).toBe('ECDHE-RSA-AES128-GCM-SHA256');
  for (const ciphers of [
    'ECDHE-RSA-AES256-SHA384',
    'ECDHE-RSA-AES128-SHA256',
    'ECDHE-RSA-AES256-SHA',
    'AES256-SHA256',
    // Without forward secrecy.
    'AES256-GCM-SHA384',
  ])
    expect(await cipherOf({ ...tls12, ciphers }), ciphers).toBe('refused');
  expect(await cipherOf({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' })).toBe('refused');
});
