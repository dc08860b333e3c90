import { describe, expect, it } from 'vitest';
import { createAuditLog } from '../../../../src/worklist/audit/audit.ts';
import { isFlagged } from '../../../../src/thresholds/scoredScan.ts';
import { createProofRuns, NOTHING_MEASURED } from '../../../../src/worklist/proof/proofRuns.ts';
import { createThresholdChanges } from '../../../../src/worklist/thresholds/thresholdChanges.ts';
import {
  claimed,
  deliverAll,
  findingsOf,
  instanceOf,
  manifestOf,
  MODEL,
  openWorklist,
  studyUid,
  toReported,
  fillAudit,
} from '../fixture.ts';
import type { Worklist } from '../fixture.ts';

const HOUR_MS = 3_600_000;
const ADA = { name: 'ada', address: '10.0.0.1' };
const BOB = { name: 'bob', address: '10.0.0.2' };
const REASON = 'Two subtle fractures were missed in October.';

async function openDesk(options: { secondPerson?: boolean; proofExpectsFlag?: boolean } = {}) {
  const worklist = await openWorklist();
  await worklist.store.seedThreshold('compact', 0.5);
  const desk = createThresholdChanges(worklist.database, worklist.clock, {
    secondPerson: false,
    ...options,
  });
  const board = () => desk.board(MODEL);
  const audit = createAuditLog(worklist.database, worklist.clock);
  const propose = (value: number | null, sourceAeTitle = '', by = ADA) =>
    desk.draft(MODEL, { sourceAeTitle, value }, REASON, by);
  return { ...worklist, desk, board, audit, propose };
}

/** A scan that is analysed; `says` is what a reader makes of the result. */
async function scan(
  worklist: Worklist,
  id: string,
  probability: number,
  says?: 'agree' | 'disagree' | 'unsure',
  source = 'SCANNER',
) {
  const { store } = worklist;
  const study = studyUid(id);
  await store.recordInstances(
    [1, 2, 3].map((number) => ({
      ...instanceOf({ study: id, number, receivedAtMs: worklist.clock.now() }),
      sourceAeTitle: source,
    })),
  );
  await store.nudgeComplete([study]);
  const assembling = await claimed(store, 'assemble');
  await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
  await store.apply(await claimed(store, 'infer'), {
    type: 'inferred',
    findings: findingsOf(probability, { analysedAtMs: worklist.clock.now() }),
  });
  if (says !== undefined) await store.recordVerdict(study, { revision: 1, verdict: says, actor: 'rita' });
}

describe('thresholds in force', () => {
  it('keeps the site’s own operating point when the model’s is seeded again', async () => {
    const { store, desk, propose } = await openDesk();
    await expect(store.threshold('other', 'SCANNER')).rejects.toMatchObject({ code: 'not-found' });
    const first = await store.threshold('compact', 'SCANNER');
    expect(first).toMatchObject({ value: 0.5, stopped: false });
    await desk.confirm(await propose(0.55), ADA);
    await store.seedThreshold('compact', 0.5);
    const second = await store.threshold('compact', 'SCANNER');
    expect(second.value).toBe(0.55);
    expect(second.version).toBeGreaterThan(first.version);
  });

  it('lets a source with scans have its own, and follow the site again', async () => {
    const opened = await openDesk();
    const { store, desk, propose, board } = opened;
    await scan(opened, 'a', 0.4, undefined, 'CT2');
    await expect(propose(0.3, 'CT9')).rejects.toMatchObject({ code: 'command-invalid' });
    await desk.confirm(await propose(0.3, 'CT2'), ADA);
    expect(await store.threshold('compact', 'CT2')).toMatchObject({ value: 0.3 });
    expect(await store.threshold('compact', 'CT1')).toMatchObject({ value: 0.5 });
    expect((await board()).rule).toEqual({ site: 0.5, bySource: { CT2: 0.3 } });
    await desk.confirm(await propose(null, 'CT2'), ADA);
    expect(await store.threshold('compact', 'CT2')).toMatchObject({ value: 0.5 });
    expect((await board()).rule).toEqual({ site: 0.5, bySource: {} });
  });

  it('stops all flags by one person with a reason, for sources of their own too, and takes that back with one call', async () => {
    const opened = await openDesk({ secondPerson: true });
    const { store, desk, propose, board } = opened;
    await scan(opened, 'a', 0.4, undefined, 'CT2');
    const own = await propose(0.3, 'CT2');
    await desk.confirm(own, ADA);
    await desk.confirm(own, BOB);
    expect(await store.threshold('compact', 'CT2')).toMatchObject({ value: 0.3, stopped: false });
    await expect(desk.stop('compact', '  ', ADA)).rejects.toMatchObject({ code: 'command-invalid' });
    const version = await desk.stop('compact', 'Flags every metal implant', ADA);
    for (const source of ['CT1', 'CT2'])
      expect(await store.threshold('compact', source), source).toMatchObject({ stopped: true, version });
    const { rule } = await board();
    expect(rule.site).toBeNull();
    expect(isFlagged(rule, { score: 0.99, sourceAeTitle: 'CT2' })).toBe(false);
    await expect(desk.stop('compact', 'Again', ADA)).rejects.toMatchObject({ code: 'command-invalid' });
    const back = await desk.revert('compact', version, BOB);
    expect(await store.threshold('compact', 'CT1')).toEqual({ value: 0.5, version: back, stopped: false });
    expect(await store.threshold('compact', 'CT2')).toMatchObject({ value: 0.3, stopped: false });
  });
});

describe('a change', () => {
  it('asks for a reason, a value that changes something, and one request at a time', async () => {
    const { desk, propose } = await openDesk();
    await expect(desk.draft(MODEL, { sourceAeTitle: '', value: 0.4 }, 'too many   ', ADA)).rejects.toThrow(
      'at least 20 characters',
    );
    await expect(propose(0.5)).rejects.toMatchObject({ code: 'command-invalid' });
    await expect(propose(1.01)).rejects.toMatchObject({ code: 'command-invalid' });
    await expect(propose(null)).rejects.toMatchObject({ code: 'command-invalid' });
    const id = await propose(0.4);
    await expect(propose(0.3)).rejects.toMatchObject({ code: 'threshold-draft-closed' });
    await desk.withdraw(id, ADA);
    await expect(desk.confirm(id, ADA)).rejects.toThrow('withdrawn');
    await propose(0.3);
  });

  it('stays near the network’s own threshold until ten fractures are confirmed', async () => {
    const { desk, propose, ...opened } = await openDesk();
    for (let index = 0; index < 9; index += 1) await scan(opened, `f${index}`, 0.9, 'agree');
    await scan(opened, 'none', 0.1, 'agree');
    for (const value of [0, 0.24, 0.76, 1])
      await expect(propose(value), String(value)).rejects.toThrow('it stays between 0.25 and 0.75');
    await desk.withdraw(await propose(0.25), ADA);
    await desk.withdraw(await propose(0.75), ADA);
    expect(await opened.store.thresholdChange('compact')).toBeNull();
    await scan(opened, 'tenth', 0.8, 'agree');
    await desk.withdraw(await propose(1), ADA);
    await desk.confirm(await propose(0.05), ADA);
    expect(await opened.store.thresholdChange('compact')).toMatchObject({ by: 'ada', from: 0.5 });
  });

  it('waits until its author has opened every fracture that would be lost', async () => {
    const opened = await openDesk();
    const { desk, propose, board, audit, clock } = opened;
    await scan(opened, 'lost', 0.55, 'agree');
    await scan(opened, 'kept', 0.9, 'agree');
    await scan(opened, 'false-flag', 0.56, 'disagree');
    const id = await propose(0.6);
    expect((await board()).draft).toMatchObject({
      id,
      lostFractures: [{ studyInstanceUid: studyUid('lost'), openedBy: [] }],
    });
    await expect(desk.confirm(id, ADA)).rejects.toMatchObject({ code: 'threshold-draft-incomplete' });
    // Neither another scan nor somebody else's eyes count.
    await audit.viewed('ada', '', studyUid('kept'));
    await audit.viewed('bob', '', studyUid('lost'));
    // Nor does a picture that came up beside the list.
    await audit.append({ action: 'case.previewed', actor: 'ada', target: studyUid('lost') });
    await expect(desk.confirm(id, ADA)).rejects.toThrow('1 not yet opened by you');
    clock.advance(HOUR_MS);
    await audit.viewed('ada', '', studyUid('lost'));
    expect((await board()).draft?.lostFractures[0]?.openedBy.sort()).toEqual(['ada', 'bob']);
    expect(await desk.confirm(id, ADA)).toMatchObject({ kind: 'activated' });
    expect((await board()).history[0]).toMatchObject({ value: 0.6, by: 'ada', approvedBy: null, reason: REASON });
    await expect(desk.confirm(id, ADA)).rejects.toMatchObject({ code: 'threshold-draft-closed' });
  });

  it('does not take a look from long before for one at what would be lost', async () => {
    const opened = await openDesk();
    const { desk, propose, audit, clock } = opened;
    await scan(opened, 'lost', 0.55, 'agree');
    await audit.viewed('ada', '', studyUid('lost'));
    clock.advance(HOUR_MS);
    await expect(desk.confirm(await propose(0.6), ADA)).rejects.toMatchObject({ code: 'threshold-draft-incomplete' });
  });

  it('asks nobody to open what retention has removed', async () => {
    const opened = await openDesk();
    const { desk, propose, store, board } = opened;
    await toReported(opened, 'gone', 0.55);
    await store.recordVerdict(studyUid('gone'), { revision: 1, verdict: 'agree', actor: 'rita' });
    await deliverAll(opened);
    await store.markRead(studyUid('gone'), true, 'rita');
    await store.beginRemoval(studyUid('gone'), Number.MAX_SAFE_INTEGER);
    const id = await propose(0.6);
    expect((await board()).draft?.lostFractures).toEqual([{ studyInstanceUid: studyUid('gone'), openedBy: [] }]);
    expect(await desk.present([studyUid('gone')])).toEqual(new Set());
    expect(await desk.confirm(id, ADA)).toMatchObject({ kind: 'activated' });
  });

  it('stands in the audit step by step, with who, from where, why, before and after', async () => {
    const { desk, propose, audit } = await openDesk({ secondPerson: true });
    const withdrawn = await propose(0.45);
    await desk.withdraw(withdrawn, BOB);
    const id = await propose(0.4);
    await desk.confirm(id, ADA);
    const change = await desk.confirm(id, BOB);
    const version = change.kind === 'activated' ? change.version : 0;
    await desk.revert('compact', version, BOB);
    await desk.stop('compact', 'Flags every implant', ADA);
    const told = (await audit.page({}, 20))
      .reverse()
      .map(({ action, actor, address, detail }) => [action, actor, address, detail]);
    expect(told).toEqual([
      [
        'threshold.changed',
        'odontoid',
        '',
        { source: '', from: null, to: 0.5, version: 1, reason: 'Shipped with the model' },
      ],
      [
        'threshold.requested',
        'ada',
        '10.0.0.1',
        { request: withdrawn, source: '', from: 0.5, to: 0.45, fracturesLost: 0, reason: REASON },
      ],
      ['threshold.requestClosed', 'bob', '10.0.0.2', { request: withdrawn, outcome: 'withdrawn' }],
      [
        'threshold.requested',
        'ada',
        '10.0.0.1',
        { request: id, source: '', from: 0.5, to: 0.4, fracturesLost: 0, reason: REASON },
      ],
      ['threshold.signed', 'ada', '10.0.0.1', { request: id }],
      [
        'threshold.changed',
        'bob',
        '10.0.0.2',
        { source: '', from: 0.5, to: 0.4, version, reason: REASON, askedBy: 'ada' },
      ],
      [
        'threshold.changed',
        'bob',
        '10.0.0.2',
        {
          source: '',
          from: 0.4,
          to: 0.5,
          version: version + 1,
          reason: `Reverts version ${version}`,
          reverts: version,
        },
      ],
      [
        'threshold.changed',
        'ada',
        '10.0.0.1',
        { source: '', from: 0.5, to: 'stopped', version: version + 2, reason: 'Flags every implant' },
      ],
    ]);
  });

  it('is not made when its audit entry cannot be written', async () => {
    const { desk, propose, store, database, place } = await openDesk();
    const id = await propose(0.4);
    await fillAudit({ database, place });
    await expect(desk.confirm(id, ADA)).rejects.toThrow('no room');
    await expect(desk.stop('compact', 'Flags every implant', ADA)).rejects.toThrow('no room');
    expect(await store.threshold('compact', 'CT1')).toEqual({ version: 1, value: 0.5, stopped: false });
  });

  it('takes a second, different person where the site says so', async () => {
    const { desk, propose, store, board } = await openDesk({ secondPerson: true });
    const id = await propose(0.4);
    await expect(desk.confirm(id, BOB)).rejects.toMatchObject({ code: 'threshold-draft-incomplete' });
    expect(await desk.confirm(id, ADA)).toEqual({ kind: 'awaits-second-person' });
    await expect(desk.confirm(id, ADA)).rejects.toThrow('different person');
    expect((await store.threshold('compact', 'CT1')).value).toBe(0.5);
    expect(await desk.confirm(id, BOB)).toMatchObject({ kind: 'activated' });
    expect((await store.threshold('compact', 'CT1')).value).toBe(0.4);
    expect((await board()).history[0]).toMatchObject({ by: 'ada', approvedBy: 'bob' });
  });

  it('dies after a day, when a verdict changes what it rests on, and when the threshold changes; new scans alone do not end it', async () => {
    const opened = await openDesk();
    const { desk, propose, board, clock, store } = opened;
    await scan(opened, 'a', 0.7, 'agree');
    const old = await propose(0.4);
    clock.advance(24 * HOUR_MS - 1);
    expect((await board()).draft).not.toBeNull();
    clock.advance(1);
    await expect(desk.confirm(old, ADA)).rejects.toThrow('24 hours');
    expect(await board()).toMatchObject({ draft: null, lastClosed: { id: old, outcome: 'expired' } });

    const overtaken = await propose(0.4);
    await scan(opened, 'b', 0.45);
    expect((await board()).draft?.id).toBe(overtaken);
    await store.recordVerdict(studyUid('b'), { revision: 1, verdict: 'disagree', actor: 'rita' });
    expect(await board()).toMatchObject({ draft: null, lastClosed: { outcome: 'data-changed' } });
    await expect(desk.confirm(overtaken, ADA)).rejects.toMatchObject({ code: 'threshold-draft-closed' });

    const late = await propose(0.4);
    await desk.stop('compact', 'Too many flags tonight', BOB);
    await expect(desk.confirm(late, ADA)).rejects.toThrow('has changed');
    expect((await store.threshold('compact', 'CT1')).stopped).toBe(true);
  });

  it('is taken back with one call, and only the newest one', async () => {
    const { desk, propose, store, board } = await openDesk();
    await desk.confirm(await propose(0.4), ADA);
    await desk.confirm(await propose(0.3), ADA);
    const [third, second, first] = (await board()).history.map(({ version }) => version);
    await expect(desk.revert('compact', second!, BOB)).rejects.toMatchObject({ code: 'threshold-draft-closed' });
    await desk.revert('compact', third!, BOB);
    expect((await store.threshold('compact', 'CT1')).value).toBe(0.4);
    expect((await board()).history[0]).toMatchObject({ reverts: third, by: 'bob', value: 0.4 });
    expect(first).toBeDefined();
    await expect(desk.revert('compact', 999, BOB)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('the proof of life under a request', () => {
  const DESPITE = 'The phantom is known to be scored low.';

  /** A finished run of the proof of life with this score, by this network. */
  async function proven(opened: Worklist, probability: number | null, sha256 = MODEL.sha256) {
    const runs = createProofRuns(opened.database, opened.clock);
    const id = await runs.begin('schedule', 'odontoid');
    const measures = { ...NOTHING_MEASURED, probability, model: { ...MODEL, sha256 } };
    await runs.finish(id, { outcome: probability === null ? 'failed' : 'passed', failure: null, measures });
  }
  const proof = async (opened: Awaited<ReturnType<typeof openDesk>>) => (await opened.board()).draft?.proof;

  it('must flag its fracture, or each signer says why the threshold takes force nevertheless', async () => {
    const opened = await openDesk({ secondPerson: true, proofExpectsFlag: true });
    const { desk, propose, audit } = opened;
    await proven(opened, 0.64);
    const id = await propose(0.65);
    expect(await proof(opened)).toEqual({
      state: 'not-flagged',
      score: 0.64,
      threshold: 0.65,
      atMs: opened.clock.now(),
    });
    await expect(desk.confirm(id, ADA)).rejects.toThrow(
      'The proof of life fails under this threshold: its obvious fracture scores 0.64 and would be flagged from 0.65.',
    );
    await expect(desk.confirm(id, ADA, 'too short')).rejects.toMatchObject({ code: 'threshold-draft-incomplete' });
    await desk.confirm(id, ADA, DESPITE);
    await expect(desk.confirm(id, BOB)).rejects.toMatchObject({ code: 'threshold-draft-incomplete' });
    await desk.confirm(id, BOB, `${DESPITE} I agree.`);
    const [changed, signed] = await audit.page({}, 2);
    expect(signed).toMatchObject({ action: 'threshold.signed', detail: { despiteProof: DESPITE } });
    expect(changed).toMatchObject({ action: 'threshold.changed', detail: { despiteProof: `${DESPITE} I agree.` } });
  });

  it('counts at the threshold, of this network only, and not when it is a day old', async () => {
    const opened = await openDesk({ proofExpectsFlag: true });
    const { desk, propose, clock } = opened;
    const id = await propose(0.7);
    expect(await proof(opened)).toEqual({ state: 'missing', score: null, threshold: null, atMs: null });
    await expect(desk.confirm(id, ADA)).rejects.toThrow('No proof of life has a score of this network');
    await proven(opened, 0.9, 'ff');
    await proven(opened, null);
    expect(await proof(opened)).toMatchObject({ state: 'missing' });
    await createProofRuns(opened.database, clock).begin('person', 'ada');
    expect(await proof(opened)).toMatchObject({ state: 'running' });
    await expect(desk.confirm(id, ADA)).rejects.toThrow('is running');
    await proven(opened, 0.7);
    const atMs = clock.now();
    await desk.withdraw(id, ADA);
    clock.advance(12 * HOUR_MS);
    await propose(0.7);
    clock.advance(12 * HOUR_MS - 1);
    expect(await proof(opened)).toEqual({ state: 'flagged', score: 0.7, threshold: 0.7, atMs });
    clock.advance(1);
    expect(await proof(opened)).toMatchObject({ state: 'missing' });
  });

  it('is judged by the site’s threshold where a source is to follow it', async () => {
    const opened = await openDesk({ proofExpectsFlag: true });
    const { desk, propose } = opened;
    await scan(opened, 'a', 0.4, undefined, 'CT2');
    await proven(opened, 0.45);
    await desk.confirm(await propose(0.3, 'CT2'), ADA);
    const id = await propose(null, 'CT2');
    expect(await proof(opened)).toMatchObject({ state: 'not-flagged' });
    await expect(desk.confirm(id, ADA)).rejects.toThrow('would be flagged from 0.50');
  });

  it('is not asked for where the site expects no flag of it', async () => {
    const opened = await openDesk();
    const id = await opened.propose(0.65);
    expect(await proof(opened)).toBeNull();
    await opened.desk.confirm(id, ADA);
  });
});

describe('past scans', () => {
  it('carry their score and what readers agree on, and nothing where they differ or are unsure', async () => {
    const opened = await openDesk();
    await scan(opened, 'yes', 0.7, 'agree');
    await scan(opened, 'missed', 0.2, 'disagree');
    await scan(opened, 'unsure', 0.7, 'unsure');
    await scan(opened, 'dispute', 0.7, 'agree');
    await opened.store.recordVerdict(studyUid('dispute'), { revision: 1, verdict: 'disagree', actor: 'sam' });
    await scan(opened, 'mind-changed', 0.7, 'agree');
    await opened.store.recordVerdict(studyUid('mind-changed'), { revision: 1, verdict: 'disagree', actor: 'rita' });
    const { scored } = (await opened.board()).facts;
    expect(Object.fromEntries(scored.map((past) => [past.studyInstanceUid, past.fracture]))).toEqual({
      [studyUid('yes')]: true,
      [studyUid('missed')]: true,
      [studyUid('unsure')]: null,
      [studyUid('dispute')]: null,
      [studyUid('mind-changed')]: false,
    });
    expect(scored.find(({ studyInstanceUid }) => studyInstanceUid === studyUid('yes'))).toMatchObject({
      score: 0.7,
      sourceAeTitle: 'SCANNER',
      scanner: 'Scanner Works X',
    });
  });

  it('stay when retention removes the case, with the truth and the time of reading', async () => {
    const opened = await openDesk();
    const { store, board, clock } = opened;
    await toReported(opened, 'gone', 0.7);
    await store.recordVerdict(studyUid('gone'), { revision: 1, verdict: 'agree', actor: 'rita' });
    await store.markRead(studyUid('gone'), true, 'rita');
    await deliverAll(opened);
    const before = (await board()).facts;
    expect(before).toMatchObject({
      scored: [{ score: 0.7, fracture: true }],
      read: [{ readAtMs: clock.now(), fracture: true }],
      unread: 0,
    });
    expect(await store.beginRemoval(studyUid('gone'), Number.MAX_SAFE_INTEGER)).not.toBeNull();
    expect(await store.finishRemoval(studyUid('gone'))).toBe(true);
    expect((await board()).facts).toEqual(before);
  });

  it('are those of one model version', async () => {
    const opened = await openDesk();
    await scan(opened, 'first', 0.7);
    await opened.store.markRead(studyUid('first'), true, 'rita');
    const other = await opened.desk.board({ name: 'compact', sha256: 'other' });
    expect(other.facts).toEqual({ scored: [], read: [], unread: 0 });
    expect((await opened.board()).facts.read).toHaveLength(1);
  });
});
