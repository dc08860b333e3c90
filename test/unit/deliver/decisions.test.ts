import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import type { Log } from '../../../src/base/log.ts';
import type { DeliveryOutcome, DueDelivery, Pacs, ResultObject, StoreOutcome } from '../../../src/case/delivery.ts';
import { createDelivery, type DeliveryPorts, type DeliveryStore } from '../../../src/deliver/deliverResults.ts';
import { ACCESSION_NUMBER, PATIENT_ID, writeSampleResults } from '../pacs/sampleObjects.ts';

// What follows from each answer of a destination, one pass at a time: the worklist and the destination are tables.

let dir: string;
/** A report, a card, a heatmap, and the report of another study. */
let [report, card, heatmap, other]: ResultObject[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-decisions-'));
  const [sr, first, second] = await writeSampleResults(dir, '1');
  [report, card, heatmap] = [sr!, first!, { ...second!, isHeatmap: true }];
  [other] = await writeSampleResults(dir, '2', 0);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const due = (id: number, object: ResultObject, changes: Partial<DueDelivery> = {}): DueDelivery => ({
  id,
  destination: 'archive',
  object,
  caseRevision: 1,
  attempts: 0,
  lastError: null,
  patientId: PATIENT_ID,
  accessionNumber: ACCESSION_NUMBER,
  state: 'pending',
  ...changes,
});
const stored = (status = '0x0000'): StoreOutcome => ({ kind: 'stored', status });
const uidsOf = (objects: readonly { sopInstanceUid: string }[]) => objects.map((object) => object.sopInstanceUid);

/** Takes everything, and holds everything. */
const archive = (changes: Partial<Pacs> = {}): Pacs => ({
  name: 'archive',
  echo: () => Promise.resolve(1),
  probe: () => Promise.resolve({ ms: 1, takes: '' }),
  store: (objects) => Promise.resolve(objects.map(() => stored())),
  holds: (_study, _series, uids) => Promise.resolve(new Set(uids)),
  ...changes,
});

interface Pass {
  /** What was recorded, by delivery, in order. */
  recorded: [id: number, outcome: DeliveryOutcome][];
  asked: Parameters<DeliveryStore['noteCommitmentAsked']>[0][];
  settled: string[];
  logged: string[];
  errors: unknown[];
  /** Passes begun within a little while after the first. */
  passes: number;
}

/** One pass over what is due; `reports`: what the destination has reported on associations of its own. */
async function pass(
  deliveries: readonly DueDelivery[],
  destination: Pacs,
  {
    reports = [],
    ...ports
  }: Partial<DeliveryPorts> & { reports?: Awaited<ReturnType<DeliveryStore['reportedCommitments']>> } = {},
): Promise<Pass> {
  const result: Pass = { recorded: [], asked: [], settled: [], logged: [], errors: [], passes: 0 };
  const note =
    (level: string) =>
    (message: string, fields: object = {}) => {
      if ('error' in fields) result.errors.push(fields.error);
      result.logged.push(`${level}: ${message} ${JSON.stringify(fields)}`);
    };
  const log: Log = {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    child: () => log,
  };
  const store: DeliveryStore = {
    dueDeliveries: () => Promise.resolve(++result.passes === 1 ? [...deliveries] : []),
    recordDelivery: (id, outcome) => {
      result.recorded.push([id, outcome]);
      return Promise.resolve('recorded');
    },
    noteCommitmentAsked: (asked) => {
      result.asked.push(asked);
      return Promise.resolve();
    },
    reportedCommitments: () => Promise.resolve(result.passes === 0 ? [...reports] : []),
    settleCommitment: (transactionUid) => {
      result.settled.push(transactionUid);
      return Promise.resolve();
    },
    onChange: () => () => undefined,
  };
  let rested = (): void => undefined;
  const rest = new Promise<void>((resolve) => (rested = resolve));
  const clock = {
    ...systemClock,
    // The first rest, after a pass or an error, ends what is looked at.
    sleep: (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        rested();
        signal?.addEventListener('abort', () => resolve());
      }),
  };
  const delivery = createDelivery({ store, destinations: [destination], clock, log, ...ports });
  await rest;
  await delivery.drain();
  return result;
}

/** The outcomes of one delivery. */
const of = ({ recorded }: Pass, id: number) => recorded.filter((one) => one[0] === id).map(([, outcome]) => outcome);
const kinds = (result: Pass) => result.recorded.map(([id, { kind }]) => `${id} ${kind}`);

describe('what was sent', () => {
  it('each object has the answer that was given for it, and one without an answer is sent again', async () => {
    const answers: StoreOutcome[] = [
      stored('0xB000'),
      { kind: 'refused', status: '0xA900', reason: 'No such class.' },
      { kind: 'unreachable', reason: 'It hung up.' },
    ];
    const sent: string[][] = [];
    const result = await pass(
      [due(11, report!), due(12, card!), due(13, heatmap!), due(14, other!)],
      archive({
        store: (objects) => {
          sent.push(uidsOf(objects));
          return Promise.resolve(answers);
        },
      }),
    );
    expect(sent).toEqual([uidsOf([report!, card!, heatmap!, other!])]);
    expect(result.recorded).toEqual([
      [11, { kind: 'sent', status: '0xB000' }],
      [12, { kind: 'refused', status: '0xA900', reason: 'No such class.' }],
      [13, { kind: 'retry', reason: 'It hung up.' }],
      [14, { kind: 'retry', reason: 'The destination gave no outcome.' }],
      [11, { kind: 'confirmed', receipt: 'found' }],
    ]);
  });

  it('nothing is sent where nothing is to be sent', async () => {
    const store = () => Promise.reject(new Error('asked'));
    const result = await pass([due(1, report!, { state: 'sent' })], archive({ store }));
    expect(kinds(result)).toEqual(['1 confirmed']);
    expect(result.errors).toEqual([]);
  });

  it.each([
    ['refused', { kind: 'refused', status: 'x', reason: 'r' }, true],
    ['sent', stored(), true],
    ['told to wait', { kind: 'unreachable', reason: 'r' }, false],
  ] as const)('the outbox is looked at again at once after something was %s: %s', async (_, outcome, again) => {
    const result = await pass([due(1, card!)], archive({ store: () => Promise.resolve([outcome]) }));
    expect(result.passes).toBe(again ? 2 : 1);
  });

  it.each([
    ['refused', { kind: 'refused', status: 'x', reason: 'Jane Doe' }, 'error: A result was refused'],
    ['retry', { kind: 'unreachable', reason: 'Jane Doe' }, 'warn: A result will be sent again'],
    ['confirmed', stored(), 'info: A result is held by its destination'],
  ] as const)('%s is logged as such, without what the archive says', async (_, outcome, words) => {
    const { logged } = await pass(
      [due(1, card!, { attempts: 6 })],
      archive({ store: () => Promise.resolve([outcome]) }),
    );
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain(words);
    expect(logged[0]).toContain(card!.sopInstanceUid);
    expect(logged[0]).not.toContain('Jane');
    if (words.startsWith('warn')) expect(logged[0]).toContain('"attempt":7');
  });
});

describe('what is looked up', () => {
  it.each([
    ['just sent, and not found yet', 'pending', 'unconfirmed', 'Accepted, but a query does not find it yet.'],
    ['sent before, and not found', 'sent', 'retry', 'Accepted, but lost: a query does not find it. It is sent again.'],
    ['confirmed before, and not found', 'confirmed', 'lost', 'Confirmed before, and lost since'],
  ] as const)('%s', async (_, state, kind, reason) => {
    const result = await pass([due(1, card!, { state })], archive({ holds: () => Promise.resolve(new Set()) }));
    expect(of(result, 1).at(-1)).toEqual({ kind, reason: expect.stringContaining(reason) });
  });

  it('each series is asked for once, by its study, and one that cannot be asked for keeps no other back', async () => {
    const asked: unknown[] = [];
    const result = await pass(
      [report!, card!, heatmap!, other!].map((object, index) => due(index + 1, object, { state: 'sent' })),
      archive({
        holds: (study, series, uids) => {
          asked.push([study, series, uids]);
          return series === card!.seriesInstanceUid
            ? Promise.reject(new TriageError('pacs-unreachable', 'It is busy.'))
            : Promise.resolve(new Set(uids));
        },
      }),
    );
    expect(asked).toEqual([
      [report!.studyInstanceUid, report!.seriesInstanceUid, uidsOf([report!])],
      [report!.studyInstanceUid, card!.seriesInstanceUid, uidsOf([card!, heatmap!])],
      [other!.studyInstanceUid, other!.seriesInstanceUid, uidsOf([other!])],
    ]);
    expect(result.recorded).toEqual([
      [1, { kind: 'confirmed', receipt: 'found' }],
      [2, { kind: 'unconfirmed', reason: 'It is busy.' }],
      [3, { kind: 'unconfirmed', reason: 'It is busy.' }],
      [4, { kind: 'confirmed', receipt: 'found' }],
    ]);
  });

  it('who cannot be asked has accepted it, and no more', async () => {
    const result = await pass([due(1, card!, { state: 'sent' })], archive({ canBeAsked: false }));
    expect(of(result, 1)).toEqual([{ kind: 'confirmed', receipt: 'accepted' }]);
  });

  it('what may have arrived is looked up: found, it is confirmed; not found, or nobody to ask, it is sent again', async () => {
    const store = () =>
      Promise.resolve([1, 2, 3].map((): StoreOutcome => ({ kind: 'unreachable', reason: 'Cut.', mayBeStored: true })));
    const result = await pass(
      [due(1, report!), due(2, card!), due(3, other!)],
      archive({
        store,
        holds: (_study, series, uids) => {
          if (series === card!.seriesInstanceUid) return Promise.resolve(new Set());
          if (series === report!.seriesInstanceUid) return Promise.resolve(new Set(uids));
          return Promise.reject(new TriageError('pacs-unreachable', 'It is busy.'));
        },
      }),
    );
    expect(result.recorded).toEqual([
      [1, { kind: 'sent', status: 'found' }],
      [1, { kind: 'confirmed' }],
      [2, { kind: 'retry', reason: 'Cut.' }],
      [3, { kind: 'retry', reason: 'Cut.' }],
    ]);
  });

  it.each(['pending', 'sent'] as const)(
    'an error of ours while %s is looked up is none of the archive',
    async (state) => {
      const bug = new TypeError('A bug.');
      const result = await pass(
        [due(1, card!, { state })],
        archive({
          store: () => Promise.resolve([{ kind: 'unreachable', reason: 'Cut.', mayBeStored: true }]),
          holds: () => Promise.reject(bug),
        }),
      );
      expect(result.recorded).toEqual([]);
      expect(result.errors).toEqual([bug]);
    },
  );
});

describe('a report that is not stored', () => {
  const LOWER = '1.2.840.10008.5.1.4.1.1.88.22';
  const refused: StoreOutcome = { kind: 'refused', status: '0x0122', reason: '0x0122: no.' };
  const unclear: StoreOutcome = { kind: 'unreachable', reason: '0xC000: cannot understand.' };
  const lower = <T extends StoreOutcome>(outcome: T): T => ({ ...outcome, lowerSopClassUid: LOWER });
  const fourth = { attempts: 3, lastError: '0xC000: said before.' };

  it.each([
    ['refused, with a lower class', report, lower(refused), {}, 'other-class'],
    ['refused, without a lower class', report, refused, {}, 'no-sr-class'],
    ['not understood for the first time', report, lower(unclear), {}, 'retry'],
    ['not understood for the fourth time in a row', report, lower(unclear), fourth, 'other-class'],
    ['not understood for the third time', report, lower(unclear), { ...fourth, attempts: 2 }, 'retry'],
    ['not understood after another trouble', report, lower(unclear), { ...fourth, lastError: 'HTTP 500: x' }, 'retry'],
    ['not understood, with no attempt on record', report, lower(unclear), { ...fourth, lastError: null }, 'retry'],
    ['not understood often, without a lower class', report, unclear, fourth, 'retry'],
    ['a card that is refused with a lower class', card, lower(refused), {}, 'refused'],
  ] as const)('%s', async (_, __, outcome, changes, kind) => {
    const object = _.startsWith('a card') ? card! : report!;
    const asked: unknown[] = [];
    const result = await pass([due(5, object, changes)], archive({ store: () => Promise.resolve([outcome]) }), {
      inSrClass: ({ id }, sopClassUid) => {
        asked.push([id, sopClassUid]);
        return Promise.resolve({ ...other!, sopClassUid });
      },
    });
    expect(kinds(result)).toEqual([`5 ${kind}`]);
    expect(asked).toEqual(kind === 'other-class' ? [[5, LOWER]] : []);
    if (kind === 'other-class')
      expect(of(result, 5)[0]).toEqual({
        kind,
        object: { ...other!, sopClassUid: LOWER },
        reason: `Not taken as Comprehensive 3D SR, so it is sent as Enhanced SR. ${'reason' in outcome ? outcome.reason : ''}`,
      });
  });

  it('stays refused where nothing writes it in another class', async () => {
    const result = await pass([due(5, report!)], archive({ store: () => Promise.resolve([lower(refused)]) }));
    expect(of(result, 5)).toEqual([{ kind: 'refused', status: '0x0122', reason: '0x0122: no.' }]);
  });

  it('waits where it cannot be written in another class now, and a bug is none of the archive', async () => {
    const destination = archive({ store: () => Promise.resolve([lower(refused)]) });
    const failing = (error: Error) => ({ inSrClass: () => Promise.reject(error) });
    const full = await pass([due(5, report!)], destination, failing(new TriageError('spool-full', 'No room.')));
    expect(of(full, 5)).toEqual([
      { kind: 'retry', reason: '0x0122: no. It cannot be written in another SR class: No room.' },
    ]);
    const bug = await pass([due(5, report!)], destination, failing(new TypeError('A bug.')));
    expect([bug.recorded, bug.errors]).toEqual([[], [new TypeError('A bug.')]]);
  });
});

describe('a commitment', () => {
  const four = () => [
    due(1, report!),
    due(2, card!, { state: 'sent' }),
    due(3, heatmap!, { state: 'sent' }),
    due(4, other!, { state: 'confirmed' }),
  ];

  it('is asked for what was accepted and not yet confirmed; what is not spoken of is looked up', async () => {
    const heard: [string[], string][] = [];
    const looked: string[][] = [];
    const result = await pass(
      four(),
      archive({
        commit: (objects, transactionUid) => {
          heard.push([uidsOf(objects), transactionUid]);
          return Promise.resolve({
            committed: new Set([report!.sopInstanceUid]),
            failed: new Map([[card!.sopInstanceUid, 0x0112]]),
          });
        },
        holds: (_study, _series, uids) => {
          looked.push([...uids]);
          return Promise.resolve(new Set(uids));
        },
      }),
    );
    const [asked] = result.asked;
    expect(asked).toMatchObject({ destination: 'archive', sopInstanceUids: uidsOf([report!, card!, heatmap!]) });
    expect(heard).toEqual([[uidsOf([report!, card!, heatmap!]), asked!.transactionUid]]);
    expect(looked).toEqual([uidsOf([heatmap!]), uidsOf([other!])]);
    expect(result.settled).toEqual([asked!.transactionUid]);
    expect(result.recorded.slice(1)).toEqual([
      [1, { kind: 'confirmed', receipt: 'committed' }],
      [2, { kind: 'retry', reason: 'Accepted, but not committed (Failure Reason 0x0112). It is sent again.' }],
      [3, { kind: 'confirmed', receipt: 'found' }],
      [4, { kind: 'confirmed', receipt: 'found' }],
    ]);
  });

  it.each([
    ['says nothing now', () => Promise.resolve(null)],
    ['cannot be asked', () => Promise.reject(new TriageError('pacs-unreachable', 'Off.'))],
  ])('of one that %s: everything is looked up, and the transaction stays open', async (_, commit) => {
    const result = await pass(four().slice(1), archive({ commit }));
    expect(result.settled).toEqual([]);
    expect(kinds(result)).toEqual(['2 confirmed', '3 confirmed', '4 confirmed']);
  });

  it('is not asked for what was confirmed before, and a bug in asking is none of the archive', async () => {
    const bug = () => Promise.reject(new TypeError('A bug.'));
    const before = await pass(four().slice(3), archive({ commit: bug }));
    expect([before.asked, kinds(before), before.errors]).toEqual([[], ['4 confirmed'], []]);
    const first = await pass(four().slice(1), archive({ commit: bug }));
    expect([first.recorded, first.errors]).toEqual([[], [new TypeError('A bug.')]]);
  });

  it('that is reported later is recorded, with each failure by what is known of its object', async () => {
    const reports = [
      {
        transactionUid: '2.25.77',
        committed: [due(2, card!, { state: 'sent' })],
        failed: [
          { delivery: due(3, heatmap!, { state: 'sent' }), reason: null },
          { delivery: due(4, other!, { state: 'confirmed' }), reason: 0x0110 },
        ],
      },
    ];
    const commit = () => Promise.resolve(null);
    const result = await pass([], archive({ commit }), { reports });
    expect(result.settled).toEqual(['2.25.77']);
    expect(result.recorded).toEqual([
      [2, { kind: 'confirmed', receipt: 'committed' }],
      [3, { kind: 'retry', reason: 'Accepted, but not committed (Failure Reason not given). It is sent again.' }],
      [
        4,
        {
          kind: 'unconfirmed',
          reason: 'Found by a query, but not committed (Failure Reason 0x0110). It is looked up again.',
        },
      ],
    ]);
    const silent = await pass([], archive({ commit, canBeAsked: false }), { reports });
    expect(of(silent, 4)).toEqual([
      { kind: 'lost', reason: 'Accepted, but not committed (Failure Reason 0x0110). It is sent again.' },
    ]);
    // Who commits to nothing reports nothing.
    expect((await pass([], archive(), { reports })).recorded).toEqual([]);
  });
});

describe('a receipt', () => {
  it('of a report or a card comes after what it replaces was rejected, and waits while that fails', async () => {
    const noted: number[] = [];
    const deliveries = [
      due(1, report!, { state: 'sent' }),
      due(2, card!, { state: 'sent' }),
      due(3, heatmap!, { state: 'sent' }),
      due(4, other!, { state: 'confirmed' }),
      due(5, { ...other!, kind: 'ko', sopInstanceUid: '1.5' }, { state: 'sent' }),
    ];
    const noteReplaced = ({ id }: DueDelivery) => {
      noted.push(id);
      return id === 2 ? Promise.reject(new TriageError('spool-full', 'No room.')) : Promise.resolve();
    };
    const result = await pass(deliveries, archive(), { noteReplaced });
    expect(noted).toEqual([1, 2]);
    expect(result.recorded).toEqual([
      [1, { kind: 'confirmed', receipt: 'found' }],
      [2, { kind: 'unconfirmed', reason: 'What it replaces cannot be rejected yet: No room.' }],
      [3, { kind: 'confirmed', receipt: 'found' }],
      [4, { kind: 'confirmed', receipt: 'found' }],
      [5, { kind: 'confirmed', receipt: 'found' }],
    ]);
    const bug = await pass(deliveries.slice(0, 1), archive(), {
      noteReplaced: () => Promise.reject(new TypeError('A bug.')),
    });
    expect([bug.recorded, bug.errors]).toEqual([[], [new TypeError('A bug.')]]);
  });

  it.each([
    ['the same ID, padded', 'P-1', 'P-1 ', false],
    ['another ID', 'P-1', 'P-2', true],
    ['nothing', 'P-1', null, false],
    ['an ID in another character set', 'P-1', 'Ö-2', false],
    ['an ID, where ours is in another character set', 'Ö-1', 'P-2', false],
    ['an empty ID', 'P-1', '', false],
  ])('says so when the archive files the study under %s', async (_, patientId, filed, isRemarked) => {
    const asked: string[] = [];
    const filedUnder = (study: string) => {
      asked.push(study);
      return Promise.resolve(filed);
    };
    const result = await pass(
      [report!, card!, heatmap!].map((object, index) => due(index + 1, object, { patientId, state: 'sent' })),
      archive({ filedUnder }),
    );
    const remark = 'It lists the study under another Patient ID than the images came with (coerced, or merged)';
    const remarked = { kind: 'confirmed', receipt: 'found', ...(isRemarked && { remark }) };
    // Once for the report, and once for the card.
    expect(asked).toEqual([report!.studyInstanceUid, report!.studyInstanceUid]);
    expect(result.recorded.map(([, outcome]) => outcome)).toEqual([
      remarked,
      remarked,
      { kind: 'confirmed', receipt: 'found' },
    ]);
  });
});

describe('letters that an archive cannot read', () => {
  const receiptBy = (losesText: Pacs['losesText']) =>
    pass([due(1, report!, { state: 'sent' })], archive(losesText === undefined ? {} : { losesText }));

  it('are named in the receipt where some are lost, which does not wait for a file that cannot be read', async () => {
    const receipt = { kind: 'confirmed', receipt: 'found' };
    expect(of(await receiptBy(undefined), 1)).toEqual([receipt]);
    expect(of(await receiptBy(() => Promise.resolve(false)), 1)).toEqual([receipt]);
    expect(of(await receiptBy(() => Promise.resolve(true)), 1)).toEqual([
      { ...receipt, remark: expect.stringContaining('Its character set lacks letters') },
    ]);
    const gone = new TriageError('dicom-unreadable', 'The file is gone.');
    expect(of(await receiptBy(() => Promise.reject(gone)), 1)).toEqual([receipt]);
    const bug = await receiptBy(() => Promise.reject(new TypeError('A bug.')));
    expect([bug.recorded, bug.errors]).toEqual([[], [new TypeError('A bug.')]]);
  });
});

describe('what must not be sent', () => {
  const mismatch = (what: string) => ({
    kind: 'refused',
    status: 'identity-mismatch',
    reason: `${what} of the result is not the one of the case: not sent.`,
  });

  it.each<[string, (whole: DueDelivery) => DueDelivery, string]>([
    [
      'SOP Instance UID',
      (one) => ({ ...one, object: { ...one.object, sopInstanceUid: '1.9' } }),
      'The SOP or Series Instance UID',
    ],
    [
      'Series Instance UID',
      (one) => ({ ...one, object: { ...one.object, seriesInstanceUid: '1.9' } }),
      'The SOP or Series Instance UID',
    ],
    [
      'Study Instance UID',
      (one) => ({ ...one, object: { ...one.object, studyInstanceUid: '1.9' } }),
      'The Study Instance UID',
    ],
    ['Patient ID', (one) => ({ ...one, patientId: 'P-9' }), 'The Patient ID'],
    ['Accession Number', (one) => ({ ...one, accessionNumber: 'A-9' }), 'The Accession Number'],
  ])('another %s, alone; the others go', async (_, changed, what) => {
    const sent: string[][] = [];
    const result = await pass(
      [changed(due(1, report!)), due(2, card!)],
      archive({
        store: (objects) => {
          sent.push(uidsOf(objects));
          return Promise.resolve(objects.map(() => stored()));
        },
      }),
    );
    expect(of(result, 1)).toEqual([mismatch(what)]);
    expect(sent).toEqual([uidsOf([card!])]);
    expect(kinds(result).slice(1)).toEqual(['2 sent', '2 confirmed']);
  });

  it('padding makes no other patient and no other order', async () => {
    const padded = due(1, report!, { patientId: `${PATIENT_ID} `, accessionNumber: ` ${ACCESSION_NUMBER} ` });
    expect(kinds(await pass([padded], archive()))).toEqual(['1 sent', '1 confirmed']);
  });

  it('a file that is gone is waited for; one that is no DICOM, though it is what was written, is refused', async () => {
    const gone = await pass([due(1, { ...report!, path: join(dir, 'gone.dcm') })], archive());
    expect(of(gone, 1)).toEqual([
      { kind: 'retry', reason: 'The result’s file cannot be read (ENOENT).'.replace('’', "'") },
    ]);
    const path = import.meta.filename;
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    const strange = await pass([due(1, { ...report!, path, sha256 })], archive());
    expect(of(strange, 1)).toEqual([
      {
        kind: 'refused',
        status: 'file-changed',
        reason: expect.stringMatching(/^The file of the result cannot be read as DICOM: not sent\. /),
      },
    ]);
  });
});

it('the outbox is looked at each second, by twenty results, a moment after a change, and after errors ever later', async () => {
  const rests: number[] = [];
  const limits: number[] = [];
  let isBroken = false;
  const outbox: Partial<DeliveryStore> = {
    dueDeliveries: (_name, limit) => {
      limits.push(limit);
      return isBroken ? Promise.reject(new Error('No disk.')) : Promise.resolve([]);
    },
    onChange: () => () => undefined,
  };
  const silent = () => undefined;
  const log: Log = { debug: silent, info: silent, warn: silent, error: silent, child: () => log };
  const delivery = createDelivery({
    store: outbox as DeliveryStore,
    destinations: [archive()],
    log,
    clock: {
      ...systemClock,
      sleep: async (ms, signal) => {
        rests.push(ms);
        if (ms === 1_000) await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
        // An error is followed by the next.
        else if (rests.length < 40) await Promise.resolve();
        else await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
      },
    },
  });
  await expect.poll(() => rests).toEqual([1_000]);
  delivery.nudge();
  await expect.poll(() => rests).toEqual([1_000, 20, 1_000]);
  isBroken = true;
  delivery.nudge();
  await expect.poll(() => rests.length).toBe(40);
  await delivery.drain();
  expect(new Set(limits)).toEqual(new Set([20]));
  const afterErrors = rests.slice(4);
  expect(afterErrors[0]).toBeLessThanOrEqual(1_000);
  // Half a minute, give or take a quarter.
  expect(Math.max(...afterErrors)).toBeLessThanOrEqual(37_500);
  expect(Math.max(...afterErrors)).toBeGreaterThan(15_000);
});

it('whom the settings name after the delivery was drained is served no more', async () => {
  const asked: string[] = [];
  const outbox: Partial<DeliveryStore> = {
    dueDeliveries: (name) => {
      asked.push(name);
      return Promise.resolve([]);
    },
    onChange: () => () => undefined,
  };
  const silent = () => undefined;
  const log: Log = { debug: silent, info: silent, warn: silent, error: silent, child: () => log };
  const delivery = createDelivery({ store: outbox as DeliveryStore, destinations: [], log, clock: systemClock });
  await delivery.serve([archive({ name: 'first' })]);
  await expect.poll(() => asked).toEqual(['first']);
  await delivery.drain();
  await delivery.serve([archive({ name: 'second' })]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toEqual(['first']);
});
