import { readFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createTlsAcceptor } from '../../../src/base/tlsAcceptor.ts';
import { authority } from '../../interop/authority.ts';
import { temporaryFolder } from '../worklist/fixture.ts';

test('a peer that never begins its handshake is closed in time, and a key of another certificate is refused', async () => {
  const ca = await authority(await temporaryFolder(), 'ca');
  const [own, other] = [await ca.issue('odontoid'), await ca.issue('other')];
  const text = (path: string) => readFile(path, 'utf8');
  const tls = {
    host: '127.0.0.1',
    port: 0,
    cert: await text(own.certFile),
    key: await text(own.keyFile),
    clientCertificates: 'optional' as const,
  };
  const acceptor = createTlsAcceptor('receive.tls', tls, 40);
  const key = await text(other.keyFile);
  expect(() => {
    acceptor.renew({ ...tls, key });
  }).toThrow(/^receive\.tls: the certificate and its key cannot be used together/);

  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const taken = new Promise<ReturnType<typeof acceptor.handshake>>((resolve) => {
    server.once('connection', (socket) => resolve(acceptor.handshake(socket)));
  });
  const silent = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const closed = new Promise((resolve) => silent.once('close', resolve));
  expect(await taken).toEqual({ kind: 'refused', why: 'it did not finish the TLS handshake in time' });
  silent.resume();
  await closed;
  server.close();
});
