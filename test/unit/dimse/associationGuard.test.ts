import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import {
  createAssociationGuard,
  LEGAL_PDUS,
  type AssociationGuard,
  type AssociationState,
} from '../../../src/dimse/associationGuard.ts';
import { PDU_TYPE } from '../../../src/dimse/pdu.ts';
import { pdu } from '../receive/rawPeer.ts';

/** A clock that stands still until it is moved. */
function steppedClock(): Clock & { step(ms: number): void } {
  let nowMs = 0;
  const timers = new Set<{ atMs: number; run: () => void }>();
  return {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: () => Promise.reject(new Error('not used')),
    after: (ms, run) => {
      const timer = { atMs: nowMs + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    step: (ms) => {
      nowMs += ms;
      for (const timer of [...timers]) {
        if (timer.atMs > nowMs) continue;
        timers.delete(timer);
        timer.run();
      }
    },
  };
}

/** One end of a connection: `push` is what the peer sends, `sent` what it gets. */
function wire() {
  const sent: Buffer[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      sent.push(chunk);
      done();
    },
  });
  return { socket, sent: () => Buffer.concat(sent), push: (bytes: Buffer | null) => socket.push(bytes) };
}

function guarded(maxPduLengthBytes = 1_000) {
  const clock = steppedClock();
  const line = wire();
  return { clock, ...line, guard: createAssociationGuard(line.socket, { maxPduLengthBytes }, clock) };
}

const settle = async () => {
  for (let turn = 0; turn < 4; turn++) await nextTurn();
};

async function inState(state: AssociationState): Promise<ReturnType<typeof guarded>> {
  const all = guarded();
  if (state === 'established') all.guard.establish();
  if (state === 'ended') all.guard.finish(Buffer.from('last'));
  await settle();
  return all;
}

const BODY_BYTES: Record<number, number> = { [PDU_TYPE.releaseRequest]: 4, [PDU_TYPE.abort]: 4 };

describe('which PDU is taken in which state (PS3.8 table 9-10)', () => {
  const states: AssociationState[] = ['awaiting-request', 'established', 'ended'];
  const types = [0, 1, 2, 3, 4, 5, 6, 7, 8, 255];
  it.each(states.flatMap((state) => types.map((type) => [state, type] as const)))(
    '%s, type %i',
    async (state, type) => {
      const { guard, push, socket, sent } = await inState(state);
      const bytes = pdu(type, Buffer.alloc(BODY_BYTES[type] ?? 70));
      if (state === 'ended') {
        push(bytes);
        await settle();
        expect(socket.destroyed).toBe(true);
        expect(sent().toString()).toBe('last');
        return;
      }
      const next = guard.nextPdu(1_000);
      push(bytes);
      if ((LEGAL_PDUS[state] as readonly number[]).includes(type)) expect(await next).toMatchObject({ type });
      else await expect(next).rejects.toMatchObject({ code: 'protocol-violation' });
    },
  );

  it('lets an association be opened once', async () => {
    const { guard } = await inState('established');
    expect(() => {
      guard.establish();
    }).toThrow(expect.objectContaining({ code: 'protocol-violation' }));
  });
});

describe('framing', () => {
  it('gives out the same PDUs however their bytes are cut', async () => {
    const pdus = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        pdus,
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
        async (bodies, cuts) => {
          const { guard, push } = await inState('established');
          const stream = Buffer.concat(bodies.map((body) => pdu(PDU_TYPE.data, Buffer.from(body))));
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const cut = cuts[turn % cuts.length]!;
            push(stream.subarray(at, at + cut));
            at += cut;
          }
          push(null);
          for (const body of bodies) expect(Buffer.from((await guard.nextPdu(1_000))!.body)).toEqual(Buffer.from(body));
          expect(await guard.nextPdu(1_000)).toBeNull();
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each([
    ['a P-DATA over the limit', 'established', PDU_TYPE.data, 1_001],
    ['a P-DATA of 4 GiB', 'established', PDU_TYPE.data, 0xffffffff],
    ['a request of 4 GiB', 'awaiting-request', PDU_TYPE.associateRequest, 0xffffffff],
    ['a release of 5 bytes', 'established', PDU_TYPE.releaseRequest, 5],
    ['an abort of 0 bytes', 'established', PDU_TYPE.abort, 0],
  ] as const)('refuses %s at its header', async (_, state, type, length) => {
    const { guard, push } = await inState(state);
    const next = guard.nextPdu(1_000);
    push(pdu(type, Buffer.alloc(0), length));
    await expect(next).rejects.toMatchObject({ code: 'protocol-violation' });
  });

  it('tells a connection that was cut within a PDU from one that was closed between two', async () => {
    const { guard, push } = await inState('established');
    push(pdu(PDU_TYPE.data, Buffer.alloc(10)).subarray(0, 12));
    push(null);
    await expect(guard.nextPdu(1_000)).rejects.toMatchObject({ code: 'association-lost' });
  });

  it('reads no further than what is asked for', async () => {
    const { guard, push, socket } = await inState('established');
    const first = guard.nextPdu(1_000);
    push(pdu(PDU_TYPE.data, Buffer.from('one')));
    expect((await first)!.body.toString()).toBe('one');
    let taken = 0;
    for (; taken < 1_000 && push(pdu(PDU_TYPE.data, Buffer.alloc(900))); taken++) await nextTurn();
    expect(socket.isPaused()).toBe(true);
    expect(taken).toBeLessThan(100);
    for (let index = 0; index <= taken; index++) expect((await guard.nextPdu(1_000))!.body).toHaveLength(900);
  });
});

describe('deadlines', () => {
  const drip = async (
    guard: AssociationGuard,
    push: (bytes: Buffer) => void,
    clock: { step(ms: number): void },
    stream: Buffer,
  ): Promise<string> => {
    let answer = 'pending';
    guard.nextPdu(1_000).then(
      () => {
        answer = 'taken';
      },
      (error: unknown) => {
        answer = (error as { code: string }).code;
      },
    );
    for (const byte of stream) {
      push(Buffer.from([byte]));
      clock.step(100);
      await settle();
      if (answer !== 'pending') break;
    }
    return answer;
  };

  it('ends a drip of bytes at the deadline of the whole PDU', async () => {
    const { guard, push, clock } = guarded();
    expect(await drip(guard, push, clock, pdu(PDU_TYPE.associateRequest, Buffer.alloc(70)))).toBe('association-lost');
    const quick = await inState('established');
    expect(await drip(quick.guard, quick.push, quick.clock, pdu(PDU_TYPE.data, Buffer.alloc(3)))).toBe('taken');
  });

  it('ends a flood at the deadline too', async () => {
    const { guard, push, clock } = await inState('established');
    for (let index = 0; index < 5; index++) push(pdu(PDU_TYPE.data, Buffer.alloc(100)));
    await guard.nextPdu(1_000);
    clock.step(1_000);
    await expect(guard.nextPdu(1_000)).rejects.toMatchObject({ code: 'association-lost' });
  });

  it('does not wait for ever for a peer that reads nothing', async () => {
    const clock = steppedClock();
    const stuck = new Duplex({ read: () => undefined, write: () => undefined, writableHighWaterMark: 10 });
    const guard = createAssociationGuard(stuck, { maxPduLengthBytes: 1_000 }, clock);
    const sending = guard.send(Buffer.alloc(100), 1_000);
    await settle();
    clock.step(1_000);
    await expect(sending).rejects.toMatchObject({ code: 'association-lost' });
  });

  it('closes after its last word even when the peer does not', async () => {
    const { socket, clock } = await inState('ended');
    expect(socket.destroyed).toBe(false);
    clock.step(2_000);
    expect(socket.destroyed).toBe(true);
  });
});

it('destroys a connection whose peer had said more before the last word', async () => {
  const { guard, push, socket, sent } = guarded();
  const next = guard.nextPdu(1_000);
  push(Buffer.concat([pdu(PDU_TYPE.associateRequest, Buffer.alloc(70)), pdu(PDU_TYPE.data, Buffer.alloc(10))]));
  await next;
  guard.finish(Buffer.from('rejected'));
  await settle();
  expect(sent().toString()).toBe('rejected');
  expect(socket.destroyed).toBe(true);
});
