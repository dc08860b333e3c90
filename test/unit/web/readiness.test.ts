import { describe, expect, it } from 'vitest';
import type { SystemStatus } from '../../../src/answers/systemAnswer.ts';
import { judgeReadiness } from '../../../src/web/readiness.ts';
import type { WorklistTotals } from '../../../src/answers/worklistAnswer.ts';
import { READY } from './webFixture.ts';

const NOW_MS = Date.UTC(2026, 10, 29, 16);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const GIB = 2 ** 30;

const WELL: SystemStatus = {
  ...READY,
  startedAtMs: NOW_MS - 5 * DAY_MS,
  backupAtMs: NOW_MS - 12 * HOUR_MS,
  freeBytes: 50 * GIB,
  disk: { refuseBelowBytes: 2 * GIB, removeBelowBytes: 10 * GIB },
};
const TOTALS = { outbox: { pending: 1, unconfirmed: 2, refused: 0, oldestAgeMs: 60_000 } } as WorklistTotals;

const MISSING: [string, Partial<SystemStatus>, RegExp][] = [
  ['a receiver that is down', { receiver: { ...WELL.receiver, up: false } }, /^The receiver is down\.$/],
  ['no network', { model: null }, /^No network is loaded\.$/],
  [
    'a network that does not load',
    { model: null, modelError: 'The golden case differs.' },
    /^The golden case differs\.$/,
  ],
  [
    'a full disk',
    { freeBytes: 1.5 * GIB },
    /^Objects are refused: 1\.5 GiB are free, .* 2\.0 GiB\. Free some space\.$/,
  ],
  ['a disk that cannot be read', { freeBytes: null }, /disk of received objects cannot be read/],
  [
    'associations that are all taken',
    { receiver: { ...WELL.receiver, openAssociations: 20 } },
    /^All 20 associations are taken/,
  ],
];

const WATCHED = { name: 'old-pacs', succeededAtMs: NOW_MS - 31 * 60_000, hasFailed: true, waiting: 0, failing: 0 };

const ALARMS: [string, Partial<SystemStatus>, RegExp][] = [
  [
    'a watched archive that is silent',
    { watch: [WATCHED] },
    /^The archive old-pacs could not be asked .* for 31 min: /,
  ],
  [
    'studies that cannot be fetched',
    { watch: [{ ...WATCHED, hasFailed: false, waiting: 3, failing: 2 }] },
    /^2 studies of the archive old-pacs cannot be fetched: Connections says why\.$/,
  ],
  [
    'results that fill the disk',
    {
      maxWaitingBytes: 10 * GIB,
      waitingResults: [
        { destination: 'main', objects: 9, bytes: 8 * GIB, oldestAtMs: NOW_MS - HOUR_MS },
        { destination: 'old-pacs', objects: 7, bytes: 8.25 * GIB, oldestAtMs: NOW_MS - 12 * DAY_MS },
      ],
    },
    /^Results of 8\.3 GiB wait for old-pacs, the first for 12 days: beyond 10\.0 GiB pictures are given up\. Mend/,
  ],
  [
    'a proof that failed',
    { proofOfLife: { ...WELL.proofOfLife, alarm: 'The last proof failed.' } },
    /^The last proof failed\.$/,
  ],
  [
    'a study that waits',
    { oldestUnreportedAtMs: NOW_MS - 61 * 60_000 },
    /^A study has waited for 61 min to be analysed/,
  ],
  ['an old backup', { backupAtMs: NOW_MS - 37 * HOUR_MS }, /^The last backup of the database is 37 h old\.$/],
  [
    'no backup after a day and a half',
    { backupAtMs: null, startedAtMs: NOW_MS - 40 * HOUR_MS },
    /no backup .* has run for 40 h/,
  ],
  [
    'a certificate that expires',
    { certificates: [{ name: 'web.tls.certFile', expiresAtMs: NOW_MS + 29.5 * DAY_MS }] },
    /web\.tls\.certFile expires in 29 days/,
  ],
  [
    'certificate files that no longer fit together',
    { certificateProblems: ['The files of receive.tls have changed and cannot be used: why.'] },
    /^The files of receive\.tls have changed and cannot be used: why\.$/,
  ],
  [
    'a certificate that has expired',
    { certificates: [{ name: 'web.tls.certFile', expiresAtMs: NOW_MS }] },
    /web\.tls\.certFile has expired/,
  ],
  [
    'a disk that is nearly full',
    { freeBytes: 9 * GIB },
    /nearly full: 9\.0 GiB are free\..*below 2\.0 GiB objects are refused/,
  ],
  [
    'a clock that was set back',
    { clockStep: { byMs: -365 * DAY_MS, atMs: NOW_MS } },
    /^The clock of this machine was set back by 365 days\. Look/,
  ],
  ['a clock that was set forward', { clockStep: { byMs: 90_000, atMs: NOW_MS } }, /set forward by 90 s\./],
  ['an event loop that stood still', { loopLagMs: 2_340 }, /^The agent stood still for 2\.3 s in the last minute\.$/],
];

describe('readiness', () => {
  it('is silent when all is well', () => {
    expect(judgeReadiness(WELL, TOTALS, NOW_MS)).toEqual({ missing: [], alarms: [] });
  });

  it.each(MISSING)('misses %s', (_, status, sentence) => {
    const { missing, alarms } = judgeReadiness({ ...WELL, ...status }, TOTALS, NOW_MS);
    expect(missing).toEqual([expect.stringMatching(sentence)]);
    expect(alarms.filter((alarm) => !alarm.includes('nearly full'))).toEqual([]);
  });

  it.each(ALARMS)('is alarmed by %s', (_, status, sentence) => {
    expect(judgeReadiness({ ...WELL, ...status }, TOTALS, NOW_MS)).toEqual({
      missing: [],
      alarms: [expect.stringMatching(sentence)],
    });
  });

  it('is alarmed by results that wait, and by refused ones', () => {
    const outbox = { ...TOTALS.outbox, refused: 3, oldestAgeMs: 16 * 60_000 };
    expect(judgeReadiness(WELL, { ...TOTALS, outbox }, NOW_MS).alarms).toEqual([
      'A result has waited for 16 min to be taken by its destination.',
      '3 results were refused by a destination, or were changed on disk.',
    ]);
  });

  it('misses a database that cannot be read', () => {
    expect(judgeReadiness(WELL, null, NOW_MS).missing).toEqual(['The database cannot be read. Run: odontoid doctor']);
  });

  it('asks for no backup of a database that the site backs up', () => {
    const status = { ...WELL, backupAtMs: null, startedAtMs: NOW_MS - 400 * HOUR_MS, isBackedUpBySite: true };
    expect(judgeReadiness(status, TOTALS, NOW_MS).alarms).toEqual([]);
  });

  it('is not alarmed by what is just within bounds', () => {
    const edge = {
      ...WELL,
      oldestUnreportedAtMs: NOW_MS - HOUR_MS,
      backupAtMs: NOW_MS - 36 * HOUR_MS,
      certificates: [{ name: 'web.tls.certFile', expiresAtMs: NOW_MS + 30 * DAY_MS }],
      freeBytes: 10 * GIB,
      loopLagMs: 1_000,
      receiver: { ...WELL.receiver, openAssociations: 19 },
    };
    const outbox = { ...TOTALS.outbox, oldestAgeMs: 15 * 60_000 };
    expect(judgeReadiness(edge, { ...TOTALS, outbox }, NOW_MS)).toEqual({ missing: [], alarms: [] });
  });

  it('names what nobody does of the work that others would have to do', () => {
    const livingNodes = { receive: 1, infer: 1, deliver: 0, web: 2, housekeep: 0 };
    expect(judgeReadiness({ ...WELL, livingNodes }, TOTALS, NOW_MS).alarms).toEqual([
      'No agent with the role deliver is alive: start one. System lists them.',
      'No agent with the role housekeep is alive: start one. System lists them.',
    ]);
  });

  const ALL_WRONG: SystemStatus = {
    ...WELL,
    receiver: { ...WELL.receiver, up: false },
    model: null,
    proofOfLife: { ...WELL.proofOfLife, alarm: 'The last proof failed.' },
    auditRepository: { address: '', sentSeq: 1, waiting: 1, oldestAtMs: 1, lastError: '', alarm: 'The audit waits.' },
    oldestUnreportedAtMs: NOW_MS - 2 * HOUR_MS,
    backupAtMs: NOW_MS - 37 * HOUR_MS,
    watch: [WATCHED],
    livingNodes: { receive: 0, infer: 0, deliver: 0, web: 1, housekeep: 1 },
    loopLagMs: 2_340,
  };
  const LATE = { ...TOTALS, outbox: { ...TOTALS.outbox, oldestAgeMs: 16 * 60_000 } };
  const STOOD_STILL = 'The agent stood still for 2.3 s in the last minute.';

  it.each<[string, string[], string[]]>([
    [
      'receive',
      ['The receiver is down.'],
      ['The last proof failed.', 'The archive old-pacs could not be asked', STOOD_STILL],
    ],
    ['infer', ['No network is loaded.'], ['A study has waited for 120 min', STOOD_STILL]],
    ['deliver', [], ['A result has waited for 16 min', STOOD_STILL]],
    ['web', [], ['No agent with the role deliver is alive', STOOD_STILL]],
    ['housekeep', [], ['The audit waits.', 'The last backup of the database is 37 h old.', STOOD_STILL]],
  ])('of a node that has the role %s is about its own work', (role, missing, alarms) => {
    const judged = judgeReadiness(ALL_WRONG, LATE, NOW_MS, (one) => one === role);
    expect(judged.missing.map((sentence) => missing.find((words) => sentence.startsWith(words)))).toEqual(missing);
    expect(judged.alarms.map((sentence) => alarms.find((words) => sentence.startsWith(words)))).toEqual(alarms);
    const elsewhere = judgeReadiness({ ...ALL_WRONG, freeBytes: null }, null, NOW_MS, (one) => one === role);
    expect(elsewhere.missing.slice(-2)).toEqual([
      'The disk of received objects cannot be read.',
      'The database cannot be read. Run: odontoid doctor',
    ]);
  });
});
