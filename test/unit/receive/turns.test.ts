import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { serveAssociation } from '../../../src/receive/association.ts';
import { createAssociationPolicy } from '../../../src/receive/associationPolicy.ts';
import { DEFAULT_RECEIVE_CONFIG } from '../../../src/receive/receiveConfig.ts';
import type { Spool } from '../../../src/receive/spool.ts';
import { associateRequest, ECHO_COMMAND, pdu, pdv, VERIFICATION } from './rawPeer.ts';

const ECHO = pdu(4, pdv(ECHO_COMMAND, { command: true }));
const CONTEXT = { id: 1, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: ['1.2.840.10008.1.2'] };

it('a peer that sends a thousand echoes ahead is served in turns with one that sends a single one', async () => {
  const answered: string[] = [];
  const config = { ...DEFAULT_RECEIVE_CONFIG, sources: [{ aeTitle: 'SENDER', addresses: ['127.0.0.1'] }] };
  const serve = (name: string) => {
    const socket = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        if (chunk[0] === 4) answered.push(name);
        done();
      },
    });
    const association = serveAssociation(socket, {
      caller: { address: '127.0.0.1', certificate: null },
      config,
      policy: createAssociationPolicy(config),
      // No object comes.
      spool: {} as Spool,
      clock: systemClock,
      openAssociations: () => new Map(),
      listener: {
        opened: () => undefined,
        stored: () => Promise.resolve(),
        commitmentAsked: () => Promise.resolve({ status: 0, why: '' }),
        commitmentReported: () => Promise.resolve({ status: 0, why: '' }),
        commitmentRefused: () => undefined,
        contextsRefused: () => undefined,
        refused: () => undefined,
      },
    });
    socket.push(associateRequest({ contexts: [CONTEXT] }));
    return { socket, association };
  };
  const flood = serve('flood');
  const other = serve('other');
  flood.socket.push(Buffer.concat(Array.from({ length: 1_000 }, () => ECHO)));
  // As from a network: it comes with a later turn of the process.
  setImmediate(() => other.socket.push(ECHO));
  await expect.poll(() => answered.length, { timeout: 10_000 }).toBe(1_001);
  expect(answered.indexOf('other')).toBeLessThan(10);
  for (const { socket, association } of [flood, other]) {
    socket.push(null);
    await association.ended;
  }
});
