import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { reportCommitment } from '../../../src/pacs/storageCommitment.ts';

test('a report is sent by an association on which the agent asks to be the SCP', async () => {
  let asked = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.once('data', (bytes) => {
      asked = bytes;
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const peer = { name: 'ct1', aeTitle: 'CT1', host: '127.0.0.1', port, callingAeTitle: 'ODONTOID', timeoutMs: 5_000 };
  const report = { transactionUid: '2.25.5', referenced: [], failed: [] };
  await expect(reportCommitment(peer, systemClock, report)).rejects.toMatchObject({ code: 'pacs-unreachable' });
  // PS3.7 table D.3-9: item 54H, its length, the length of the UID, the UID, SCU role 0, SCP role 1.
  const uid = '1.2.840.10008.1.20.1';
  expect(asked.includes(Buffer.from([0x54, 0, 0, uid.length + 4, 0, uid.length, ...Buffer.from(uid), 0, 1]))).toBe(
    true,
  );
});
