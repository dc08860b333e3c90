import { expect, test } from 'vitest';
import type { MessageIdentity, MessageOutcome, OrderNotice, ReportNotice } from '../../../src/case/hospitalMessage.ts';
import { readHeader, readMessage } from '../../../src/hl7/message.ts';
import { takeMessage, type MessageRules } from '../../../src/hl7/takeMessage.ts';
import { bytesOf, ORDERS, REPORTS, segment } from './messages.ts';

const RULES: MessageRules = {
  accessionFrom: ['OBR-18', 'OBR-3', 'ORC-3', 'OBR-2'],
  usesStudyInstanceUid: true,
  software: ['Odontoid', 'SPINE-AI'],
  urgentPriorities: ['S', 'STAT'],
  readStatuses: ['F', 'C'],
};

/** What is told to the worklist of a message, and what is answered. */
async function told(segments: readonly string[], rules: Partial<MessageRules> = {}, outcome?: MessageOutcome) {
  const bytes = bytesOf(segments);
  const asked: { message: MessageIdentity; reports: readonly ReportNotice[] }[] = [];
  const orders: OrderNotice[] = [];
  const answer = await takeMessage(
    readMessage(bytes, readHeader(bytes)!),
    bytes,
    { ...RULES, ...rules },
    {
      takeReports: (message, reports) => {
        asked.push({ message, reports });
        return Promise.resolve(outcome ?? { kind: 'taken', changed: ['1.2'] });
      },
      takeOrders: (_message, some) => {
        orders.push(...some);
        return Promise.resolve(outcome ?? { kind: 'taken', changed: ['1.2'] });
      },
    },
  );
  return { answer, asked, orders, reports: asked.flatMap(({ reports }) => reports) };
}
const changed = (segments: readonly string[], from: string, to: string): string[] =>
  segments.map((segment) => segment.replace(from, to));

test('who has reported which study of whom is read as different makers write it', async () => {
  expect((await told(REPORTS.components)).reports).toEqual([
    {
      patientIds: [
        { id: 'M4711', issuers: ['NORTH'] },
        { id: '900-11', issuers: ['STATE'] },
      ],
      accessionNumber: 'A-1001',
      studyInstanceUids: [],
      status: 'F',
      reader: 'SMITH, JOHN',
    },
  ]);
  expect((await told(REPORTS.ihe)).reports).toEqual([
    {
      patientIds: [{ id: 'P-22', issuers: ['SOUTH'] }],
      accessionNumber: 'A-2002',
      studyInstanceUids: ['1.2.840.1.77.1'],
      status: 'C',
      reader: 'Okafor, Ngozi',
    },
  ]);
  expect((await told(REPORTS.preliminary, { readStatuses: ['F', 'P'] })).reports).toEqual([
    {
      patientIds: [{ id: 'Ü-5', issuers: ['EAST', '1.2.276.5'] }],
      accessionNumber: 'A-3003',
      studyInstanceUids: [],
      status: 'P',
      reader: 'D77',
    },
  ]);
  expect((await told(REPORTS.separators)).reports).toEqual([
    {
      patientIds: [{ id: '77', issuers: [] }],
      accessionNumber: 'A#5',
      studyInstanceUids: [],
      status: 'F',
      reader: 'Lee, Ann',
    },
  ]);
});

test('each order of a message is one report, and the site says where its accession number is', async () => {
  const two = [
    ...REPORTS.ihe,
    'ORC|RE',
    segment('OBR', { 2: 'PL10', 3: 'FL10', 25: 'F' }),
    'ZDS|1.2.3^X^Application^DICOM',
  ];
  expect(
    (await told(two)).reports.map(({ accessionNumber, studyInstanceUids }) => [accessionNumber, studyInstanceUids]),
  ).toEqual([
    ['A-2002', ['1.2.840.1.77.1']],
    ['FL10', ['1.2.3']],
  ]);
  const rules = { accessionFrom: ['OBR-2', 'OBR-18'] as const, usesStudyInstanceUid: false };
  expect((await told(two, rules)).reports).toMatchObject([
    { accessionNumber: 'PL9', studyInstanceUids: [] },
    { accessionNumber: 'PL10', studyInstanceUids: [] },
  ]);
});

test('only reports that count are told, and none of a program', async () => {
  const preliminary = await told(REPORTS.preliminary);
  expect(preliminary).toMatchObject({ asked: [], answer: { code: 'AA', changed: [] } });
  expect(preliminary.answer.text).toBe('It has no report that counts as read here: nothing is marked.');
  const bySoftware = [
    changed(REPORTS.ihe, '|RPTMGR|', '|ODONTOID^1.2|'),
    changed(REPORTS.ihe, '3003&Okafor&Ngozi', '1&spine-ai'),
    changed(REPORTS.ihe, '1.2.840.1.77.3||||||F', '1.2.840.1.77.3||||||F||||ODONTOID'),
    changed(REPORTS.ihe, '1.2.840.1.77.3||||||F', '1.2.840.1.77.3||||||F|||||||x~Odontoid^2'),
  ];
  for (const message of bySoftware) {
    const { asked, answer } = await told(message);
    expect(asked).toEqual([]);
    expect(answer).toEqual({ code: 'AA', text: 'It has no report of a person: nothing is marked.', changed: [] });
  }
  await expect(told(changed(REPORTS.ihe, '|C|', '||'))).rejects.toMatchObject({ code: 'message-unusable' });
});

test('a message is known by its sender, its number and what it says', async () => {
  const identity = async (segments: readonly string[]) => (await told(segments)).asked[0]!.message;
  const one = await identity(REPORTS.ihe);
  expect(one).toMatchObject({ sender: 'RPTMGR SOUTH', controlId: 'RM-9' });
  expect(await identity(changed(REPORTS.ihe, '20260301120000', '20260301130000'))).toEqual(one);
  expect(await identity(changed(REPORTS.ihe, 'A-2002', 'A-2003'))).not.toEqual(one);
  await expect(told(changed(REPORTS.ihe, 'RM-9', ''))).rejects.toThrow('MSH-10 does not name the message.');
  await expect(told(changed(REPORTS.ihe, 'ORU^R01', 'ADT^A08'))).rejects.toMatchObject({ code: 'message-unsupported' });
});

test.each<[MessageOutcome, string]>([
  [{ kind: 'taken', changed: ['1.2'] }, 'It is marked as read.'],
  [{ kind: 'taken', changed: [] }, 'It was marked as read before.'],
  [{ kind: 'known', changed: [] }, 'This message was taken before.'],
  [{ kind: 'no-study', changed: [] }, 'No such study is here: nothing is marked.'],
])('%j is answered AA, and how', async (outcome, text) => {
  expect((await told(REPORTS.ihe, {}, outcome)).answer).toEqual({ code: 'AA', text, changed: outcome.changed });
});

test('which study of whom is ordered, and whether urgently, is read as different makers write it', async () => {
  const rules = { accessionFrom: ['OBR-18', 'IPC-1', 'OBR-3'] as const };
  expect((await told(ORDERS.quantityTiming, rules)).orders).toEqual([
    {
      patientIds: [{ id: '123456Q', issuers: [] }],
      accessionNumber: '0897456',
      studyInstanceUids: ['1.2.41.0.1.1.202.123'],
      isUrgent: true,
    },
  ]);
  expect((await told(ORDERS.obr, rules)).orders).toMatchObject([
    { patientIds: [{ id: 'MAT847' }, { id: '810719' }], accessionNumber: 'RAD1', isUrgent: true },
  ]);
  expect((await told(ORDERS.tq1, rules)).orders).toMatchObject([
    { patientIds: [{ id: 'pat-9', issuers: ['1.2.3'] }], accessionNumber: 'acc-9', isUrgent: true },
  ]);
});

test('a routine order is not urgent, nor is one that is cancelled, and the site says which priorities are', async () => {
  const isUrgent = async (segments: readonly string[], rules: Partial<MessageRules> = {}) =>
    (await told(segments, rules)).orders.map((order) => order.isUrgent);
  expect(await isUrgent(changed(ORDERS.obr, '^^stat', '^^R'))).toEqual([false]);
  expect(await isUrgent(changed(ORDERS.tq1, 'S^Stat', 'A^Asap'))).toEqual([false]);
  expect(await isUrgent(changed(ORDERS.tq1, 'S^Stat', 'A^Asap'), { urgentPriorities: ['A'] })).toEqual([true]);
  for (const control of ['CA', 'DC', 'OC', 'OD', 'CR', 'DR'])
    expect(await isUrgent(changed(ORDERS.obr, 'ORC|NW', `ORC|${control}`))).toEqual([false]);
  expect(await told(ORDERS.obr, { urgentPriorities: [] })).toMatchObject({ orders: [], answer: { code: 'AA' } });
});

test.each<[MessageOutcome, string]>([
  [{ kind: 'taken', changed: ['1.2'] }, 'Whether its study is urgent is set.'],
  [{ kind: 'taken', changed: [] }, 'Nothing changes here.'],
  [{ kind: 'no-study', changed: [] }, 'Nothing changes here.'],
  [{ kind: 'kept', changed: [] }, 'It is on record for when the images come.'],
  [{ kind: 'known', changed: [] }, 'This message was taken before.'],
])('of orders, %j is answered AA, and how', async (outcome, text) => {
  expect((await told(ORDERS.obr, {}, outcome)).answer).toEqual({ code: 'AA', text, changed: outcome.changed });
});
