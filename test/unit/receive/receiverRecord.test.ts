import { expect, it } from 'vitest';
import { createLog } from '../../../src/base/log.ts';
import type { StoredInstance } from '../../../src/case/case.ts';
import { createReceiverRecord, type SendingEnd } from '../../../src/receive/receiverRecord.ts';
import { testClock } from '../worklist/fixture.ts';

function recordAt() {
  const ends: [string, string[], SendingEnd][] = [];
  const clock = testClock();
  const record = createReceiverRecord(
    {
      longestPauseMs: 5_000,
      log: createLog('silent'),
      onStored: () => undefined,
      onReleased: (...end) => ends.push(end),
    },
    clock,
  );
  const open = (associationId: string, ...studies: string[]): void => {
    record.take({ type: 'opened', associationId, callingAeTitle: 'CT7', address: '10.0.0.7' });
    for (const studyInstanceUid of studies) {
      const instance = { header: { studyInstanceUid } } as StoredInstance;
      record.take({ type: 'stored', associationId, instance });
    }
  };
  const release = (associationId: string): void => record.take({ type: 'ended', associationId, how: 'released' });
  return { record, clock, ends, open, release };
}

it('a study waits for what a dead receiver has not reported, and its associations end as broken', () => {
  const { record, clock, ends, open, release } = recordAt();
  const openedAtMs = clock.now();
  open('a1', '1.1', '1.2');
  clock.advance(100);
  record.died(7);
  clock.advance(20);
  open('b1', '1.1', '1.3');
  release('b1');
  expect(ends).toMatchObject([['b1', ['1.1', '1.3'], { how: 'released', whole: ['1.3'] }]]);
  expect(record.untoldSinceMs()).toBe(7);
  record.settle();
  expect(ends[1]).toEqual([
    'a1',
    ['1.1', '1.2'],
    { how: 'broken', openedAtMs, endedAtMs: openedAtMs + 120, whole: [], mayGoOn: [] },
  ]);
  expect(record.untoldSinceMs()).toBeNull();
  clock.advance(60_000);
  open('b2', '1.1');
  release('b2');
  expect(ends[2]).toMatchObject(['b2', ['1.1'], { whole: ['1.1'], mayGoOn: [] }]);
  record.settle();
  expect(ends).toHaveLength(3);
});
