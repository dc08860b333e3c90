import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import type { CommitmentDataSet } from '../../../src/dicom/commitmentDataSet.ts';
import { reportCommitments } from '../../../src/deliver/reportCommitments.ts';

const DAY_MS = 86_400_000;
/** No time passes here. */
const NOW_MS = 1_000 * DAY_MS;
const clock = { ...systemClock, now: () => NOW_MS };
const request = (sourceAeTitle: string, transaction: number, askedDaysAgo = 0) => ({
  sourceAeTitle,
  calledAeTitle: 'ODONTOID',
  transactionUid: `2.25.${transaction}`,
  references: [1, 2, 3].map((number) => ({ sopClassUid: '1.2.CT', sopInstanceUid: `1.9.${transaction}.${number}` })),
  askedAtMs: NOW_MS - askedDaysAgo * DAY_MS,
  attempts: 0,
});

/** Runs until every request is closed or has failed once. */
async function run(requests: ReturnType<typeof request>[], unreachable: string) {
  const waiting = new Set(requests);
  const reports = new Map<string, CommitmentDataSet>();
  const failed: string[] = [];
  const givenUp: string[] = [];
  const close = (transactionUid: string): void => {
    for (const one of waiting) if (one.transactionUid === transactionUid) waiting.delete(one);
  };
  const loop = reportCommitments({
    queue: {
      due: () => {
        const senders = [...new Set([...waiting].map(({ sourceAeTitle }) => sourceAeTitle))];
        return Promise.resolve(
          senders.map((sender) => [...waiting].filter(({ sourceAeTitle }) => sourceAeTitle === sender)),
        );
      },
      noteFailed: ({ transactionUid }, why) => {
        failed.push(`${transactionUid}: ${why}`);
        close(transactionUid);
        return Promise.resolve();
      },
      close: ({ transactionUid }) => {
        close(transactionUid);
        return Promise.resolve();
      },
    },
    isOurs: () => Promise.resolve(true),
    heldClasses: (references) =>
      Promise.resolve(
        new Map([
          [references[0]!.sopInstanceUid, new Set(['1.2.CT', '1.2.MR'])],
          [references[1]!.sopInstanceUid, new Set(['1.2.MR'])],
        ]),
      ),
    report: ({ sourceAeTitle, transactionUid }, report) => {
      if (sourceAeTitle === unreachable) throw new TriageError('pacs-unreachable', 'It is off.');
      reports.set(transactionUid, report);
      return Promise.resolve();
    },
    onGivenUp: ({ transactionUid }, why) => givenUp.push(`${transactionUid}: ${why}`),
    clock,
    log: createLog('silent'),
  });
  onTestFinished(() => loop.stop());
  await expect
    .poll(
      () => {
        loop.nudge();
        return waiting.size;
      },
      { timeout: 20_000 },
    )
    .toBe(0);
  return { reports, failed, givenUp };
}

test('a report names what is held, and of the rest why not', async () => {
  const { reports } = await run([request('CT1', 5)], '');
  expect(reports.get('2.25.5')).toEqual({
    transactionUid: '2.25.5',
    referenced: [{ sopClassUid: '1.2.CT', sopInstanceUid: '1.9.5.1' }],
    failed: [
      { sopClassUid: '1.2.CT', sopInstanceUid: '1.9.5.2', reason: 0x0119 },
      { sopClassUid: '1.2.CT', sopInstanceUid: '1.9.5.3', reason: 0x0112 },
    ],
  });
});

test('a sender that cannot be reached holds nobody else up, and is given up after three days', async () => {
  const { reports, failed, givenUp } = await run(
    [request('OFF', 6, 2.9), request('OFF', 7, 3), request('CT1', 8), request('CT1', 9)],
    'OFF',
  );
  expect([...reports.keys()].sort()).toEqual(['2.25.8', '2.25.9']);
  expect(failed).toEqual(['2.25.6: It is off.']);
  expect(givenUp).toEqual(['2.25.7: It is off.']);
});

test.each([
  [19, 'taken', 1],
  [20, 'taken', 2],
  [20, 'not taken', 1],
])('%i reports to one sender in a look, %s: %i looks before the first rest', async (count, how, looks) => {
  const asked: number[] = [];
  const rests: number[] = [];
  const attempts: unknown[] = [];
  const log = createLog('silent');
  const loop = reportCommitments({
    queue: {
      due: (limit) => {
        asked.push(limit);
        const due = Array.from({ length: count }, (_, index) => request('CT1', index));
        return Promise.resolve(asked.length === 1 ? [due, [request('CT2', 99)]] : []);
      },
      noteFailed: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    isOurs: () => Promise.resolve(true),
    heldClasses: () => Promise.resolve(new Map()),
    report: () =>
      how === 'taken' ? Promise.resolve() : Promise.reject(new TriageError('pacs-unreachable', 'It is off.')),
    onGivenUp: () => undefined,
    clock: {
      ...clock,
      sleep: (ms, signal) => {
        rests.push(ms);
        return new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));
      },
    },
    log: { ...log, warn: (_message, fields) => attempts.push(fields?.attempt) },
  });
  await expect.poll(() => rests).toEqual([2_000]);
  await loop.stop();
  // Of each sender the first, which was not tried before.
  expect(attempts).toEqual(how === 'taken' ? [] : [1, 1]);
  expect(asked).toEqual(Array.from({ length: looks }, () => 20));
});

test('of several nodes the one reports whose turn it is, and none asks for what is due before', async () => {
  let isOurs = false;
  let looks = 0;
  const reported: string[] = [];
  const loop = reportCommitments({
    queue: {
      due: () => {
        looks++;
        return Promise.resolve(reported.length === 0 ? [[request('CT1', 1)]] : []);
      },
      noteFailed: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    isOurs: () => Promise.resolve(isOurs),
    heldClasses: () => Promise.resolve(new Map()),
    report: ({ transactionUid }) => {
      reported.push(transactionUid);
      return Promise.resolve();
    },
    onGivenUp: () => undefined,
    clock: {
      ...clock,
      // It becomes this one's turn in the first rest.
      sleep: (_ms, signal) => {
        isOurs ||= looks === 0;
        return systemClock.sleep(1, signal);
      },
    },
    log: createLog('silent'),
  });
  onTestFinished(loop.stop);
  await expect.poll(() => reported).toEqual(['2.25.1']);
});
