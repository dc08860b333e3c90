import { describe, expect, it } from 'vitest';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { EncodedSlice, InstanceHeader, StoredInstance } from '../../../src/case/case.ts';
import type { ClaimedCase } from '../../../src/case/claim.ts';
import type { Threshold } from '../../../src/case/threshold.ts';
import type { TriageModel } from '../../../src/case/triageModel.ts';
import { assembleStage, type AssembleStageOptions } from '../../../src/pipeline/assembleStage.ts';
import { SLICES_AT_ONCE } from '../../../src/infer/slicesAtOnce.ts';
import { createInferStage, type InferStageOptions } from '../../../src/pipeline/inferStage.ts';
import { reportStage } from '../../../src/pipeline/reportStage.ts';
import { seriesOf } from '../assemble/syntheticStudy.ts';
import { findingsOf, manifestOf, objectsOf } from '../worklist/facts.ts';

const NOW_MS = Date.UTC(2026, 10, 29, 12);
const QUIET_MS = 20_000;
const MODEL = { name: 'compact', version: '3.1.0', sha256: '5a'.repeat(32) };
const clock = { ...systemClock, now: () => NOW_MS };
const never = new AbortController().signal;

function claimOf(instances: StoredInstance[], record: Partial<ClaimedCase['record']> = {}): ClaimedCase {
  const studyInstanceUid = instances[0]!.header.studyInstanceUid;
  return {
    record: { studyInstanceUid, sourceAeTitle: 'CT7', lastReceivedAtMs: NOW_MS - 1_000, manifest: null, ...record },
    instances,
  } as unknown as ClaimedCase;
}

const stage = (options: Partial<AssembleStageOptions> = {}) =>
  assembleStage({
    rules: DEFAULT_SERIES_RULES,
    quietMs: QUIET_MS,
    maxAgeMs: null,
    priors: 'keep',
    selection: [],
    isRecordWhole: () => true,
    model: () => ({ identity: MODEL, provider: 'cuda' }),
    clock,
    ...options,
  });

const assemble = (
  instances: StoredInstance[],
  options: Partial<AssembleStageOptions> = {},
  lastReceivedAtMs?: number,
) => stage(options)(claimOf(instances, lastReceivedAtMs === undefined ? {} : { lastReceivedAtMs }), never);

describe('the assemble stage', () => {
  const whole = seriesOf();
  const withHole = whole.filter((_, index) => index < 40 || index > 44);

  it('chooses the series of a whole study at once', async () => {
    expect(await assemble(whole)).toMatchObject({
      type: 'seriesChosen',
      manifest: { seriesInstanceUid: whole[0]!.header.seriesInstanceUid },
    });
  });

  it('gives a study with a hole its quiet time, counted from its last object, and then takes it as it is', async () => {
    const lastMs = NOW_MS - 19_999;
    expect(await assemble(withHole, {}, lastMs)).toEqual({ type: 'notYet', untilMs: lastMs + QUIET_MS });
    expect(await assemble(withHole, {}, NOW_MS - QUIET_MS)).not.toMatchObject({ type: 'notYet' });
  });

  it('decides nothing while objects that a crash left off the record are still taken in', async () => {
    expect(await assemble(whole, { isRecordWhole: () => false })).toMatchObject({ type: 'notYet' });
  });

  it('says why a study without an eligible series is not analysed, and which network would have', async () => {
    const scout = seriesOf({ slices: 2 });
    expect(await assemble(scout, {}, NOW_MS - QUIET_MS)).toMatchObject({
      type: 'notEligible',
      findings: { decision: 'not-analysed', probability: null, model: MODEL, provider: 'cuda', analysedAtMs: NOW_MS },
    });
    expect(await assemble(scout, { model: () => null }, NOW_MS - QUIET_MS)).toMatchObject({
      findings: { provider: 'none' },
    });
  });

  describe('with selection rules', () => {
    const selection = [
      { name: 'other-rooms', when: { callingAeTitles: ['MR*'] }, do: 'ignore' as const },
      { name: 'research', when: { callingAeTitles: ['CT8'] }, do: 'keep' as const },
      { name: 'night', when: { calledAeTitles: ['NIGHT'] }, do: 'accept' as const, destinations: ['night-pacs'] },
    ];
    const run = (record: Partial<ClaimedCase['record']>) =>
      assembleStage({
        rules: DEFAULT_SERIES_RULES,
        quietMs: QUIET_MS,
        maxAgeMs: null,
        priors: 'keep',
        selection,
        isRecordWhole: () => true,
        model: () => null,
        clock,
      })(claimOf(whole, { firstReceivedAtMs: NOW_MS, ...record }), never);

    it('keeps or ignores a study and says by which rule, or analyses it and says where its results go', async () => {
      expect(await run({ sourceAeTitle: 'MR3' })).toMatchObject({
        type: 'notEligible',
        rule: selection[0],
        findings: { reasonCode: 'ignored-by-rule', reason: 'The selection rule other-rooms ignores it' },
      });
      expect(await run({ sourceAeTitle: 'CT8' })).toMatchObject({
        type: 'notEligible',
        rule: selection[1],
        findings: { reasonCode: 'kept-by-rule', reason: 'The selection rule research only keeps it' },
      });
      expect(await run({ calledAeTitle: 'NIGHT' })).toMatchObject({ type: 'seriesChosen', rule: selection[2] });
      expect(await run({})).not.toHaveProperty('rule');
    });

    it('leaves no synthetic study out, and none that a person has had analysed', async () => {
      expect(await run({ sourceAeTitle: 'CT8', isProof: true })).not.toHaveProperty('rule');
      expect(await run({ sourceAeTitle: 'CT8', recency: 'taken-as-new' })).toMatchObject({ type: 'seriesChosen' });
      expect(await run({ sourceAeTitle: 'CT8', calledAeTitle: 'NIGHT', recency: 'taken-as-new' })).toMatchObject({
        rule: selection[2],
      });
    });
  });

  describe('with refused objects', () => {
    const refused = (count: number, seriesInstanceUid: string) => ({
      count,
      why: '0xC000: It is damaged.',
      ctBySeries: new Map([[seriesInstanceUid, count]]),
    });
    const run = (instances: StoredInstance[], claim: Partial<ClaimedCase>, lastReceivedAtMs = NOW_MS - QUIET_MS) =>
      stage({ model: () => null })(
        { ...claimOf(instances.length > 0 ? instances : whole, { lastReceivedAtMs }), instances, ...claim },
        never,
      );
    const { seriesInstanceUid } = whole[0]!.header;

    it('says why nothing of a study can be analysed', async () => {
      expect(await run([], { refused: refused(3, '1.2.3.4') })).toMatchObject({
        type: 'notEligible',
        findings: { reasonCode: 'refused', reason: '3 objects were refused (0xC000: It is damaged)' },
      });
      expect(await run(seriesOf({ slices: 2 }), { refused: refused(1, '1.2.3.4') })).toMatchObject({
        findings: { reason: expect.stringMatching(/; 1 object was refused \(0xC000: It is damaged\)$/) as string },
      });
    });

    it('counts refused slices of the chosen series as stated and not come, and waits for them first', async () => {
      const slices = whole.length;
      for (const count of [1, 4])
        expect(await run(whole, { refused: refused(count, seriesInstanceUid) })).toMatchObject({
          manifest: { cutShort: { came: slices, stated: slices + count } },
        });
      const other = await run(whole, { refused: refused(4, '1.2.99') });
      expect((other as { manifest: object }).manifest).not.toHaveProperty('cutShort');
      expect(await run(whole, { refused: refused(4, '1.2.99') }, NOW_MS - 1)).toMatchObject({ type: 'notYet' });
    });
  });

  describe('after a connection that broke off', () => {
    const run = (instances: StoredInstance[], lastReceivedAtMs: number) =>
      stage({ model: () => null })(claimOf(instances, { isBrokenOff: true, lastReceivedAtMs }), never);

    it('waits for the rest, and says that it is missing when it does not come', async () => {
      expect(await run(whole, NOW_MS - 1)).toMatchObject({ type: 'notYet' });
      expect(await run(whole, NOW_MS - QUIET_MS)).toMatchObject({ manifest: { brokenOff: true } });
      expect(await run(seriesOf({ slices: 2 }), NOW_MS - QUIET_MS)).toMatchObject({
        findings: {
          reason: expect.stringMatching(/; the sender’s connection broke off, and nothing was sent again$/) as string,
        },
      });
    });

    const other = (header: Partial<InstanceHeader>) => seriesOf({ series: 1, slices: 2, header });
    it.each<[string, StoredInstance[], boolean]>([
      ['of the acquisition', seriesOf({ header: { imagesInAcquisition: whole.length } }), true],
      ['of the series', seriesOf({ header: { numberOfSeriesRelatedInstances: whole.length } }), true],
      ['none', seriesOf({ header: { imagesInAcquisition: 0, numberOfSeriesRelatedInstances: 0 } }), false],
      ['of another series', [...whole, ...other({ numberOfSeriesRelatedInstances: 2 })], false],
    ])('believes a sender that says how many there are: %s', async (_of, instances, isBelieved) => {
      const judged = await run(instances, NOW_MS - QUIET_MS);
      const { manifest } = judged as { manifest: object };
      expect('brokenOff' in manifest).toBe(!isBelieved);
    });
  });

  describe('with an old scan', () => {
    const maxAgeMs = 72 * 3_600_000;
    const old = seriesOf();
    for (const { header } of old) Object.assign(header, { studyDate: '20250312', acquisitionDateTime: '' });
    const run = (options: Partial<AssembleStageOptions>, record: Partial<ClaimedCase['record']> = {}) =>
      assembleStage({
        rules: DEFAULT_SERIES_RULES,
        quietMs: QUIET_MS,
        maxAgeMs,
        priors: 'keep',
        selection: [],
        isRecordWhole: () => true,
        model: () => ({ identity: MODEL, provider: 'cuda' }),
        clock,
        ...options,
      })(claimOf(old, { firstReceivedAtMs: NOW_MS - 5_000, ...record }), never);

    it('keeps it as a prior, and says what would be taken', async () => {
      const outcome = await run({});
      expect(outcome).toMatchObject({
        type: 'notEligible',
        isPrior: true,
        findings: { reasonCode: 'prior', reason: 'Prior of 12-Mar-2025, kept for comparison' },
      });
      expect((outcome as { series: { chosen: boolean }[] }).series.map(({ chosen }) => chosen)).toEqual([false]);
      // Readers may look at them.
      expect((outcome as { manifest: { slices: object[] } }).manifest.slices).toHaveLength(old.length);
    });

    it('chooses its series where the site has priors analysed', async () => {
      expect(await run({ priors: 'analyse' })).toMatchObject({ type: 'seriesChosen', isPrior: true });
    });

    it.each<[string, Partial<AssembleStageOptions>, Partial<ClaimedCase['record']>]>([
      ['that a person has taken as new', {}, { recency: 'taken-as-new' }],
      ['at a site without a limit', { maxAgeMs: null }, {}],
      ['that came while it was new', {}, { firstReceivedAtMs: Date.UTC(2025, 2, 13) }],
    ])('analyses one %s', async (_, options, record) => {
      const outcome = await run(options, record);
      expect(outcome).toMatchObject({ type: 'seriesChosen' });
      expect(outcome).not.toHaveProperty('isPrior');
    });
  });
});

interface Wishes {
  threshold?: Threshold;
  isCurrent?: () => boolean;
  isInForce?: boolean;
  lease?: null;
  hasHelp?: boolean;
  encode?: (path: string) => Promise<EncodedSlice>;
}

function inferSetUp(slices: number, wishes: Wishes = {}) {
  const instances = seriesOf({ slices });
  const told: string[] = [];
  const saved: string[][] = [];
  const cached = new Map<string, EncodedSlice>();
  const encoded = (index: number) =>
    ({
      feature: Float32Array.of(index),
      imageProbability: index / 100,
      cam: Float32Array.of(index),
      anatomy: null,
      texture: null,
    }) as EncodedSlice;
  const model = {
    identity: MODEL,
    provider: 'cpu',
    encodeSlice: wishes.encode ?? (() => Promise.resolve(encoded(told.push('encode')))),
    classify: (all: readonly EncodedSlice[]) =>
      Promise.resolve({
        probability: 0.37,
        sliceScores: all.map(() => 0.2),
        sliceLevels: all.map(() => []),
        domainDistance: 1,
        domainLimit: 4,
        outsideDomain: null,
      }),
  } as unknown as TriageModel;
  const options: InferStageOptions = {
    rules: DEFAULT_SERIES_RULES,
    store: {
      threshold: (name, source) => {
        told.push(`threshold ${name} ${source}`);
        return Promise.resolve(wishes.threshold ?? { version: 4, value: 0.36, stopped: false });
      },
      isModelInForce: (sha256) => Promise.resolve(sha256 === MODEL.sha256 && (wishes.isInForce ?? true)),
      sliceFeatures: (_sha256, digests) =>
        Promise.resolve(new Map([...cached].filter(([digest]) => digests.includes(digest)))),
      saveSliceFeatures: (sha256, features) => {
        saved.push([sha256, ...features.keys()]);
        return Promise.resolve();
      },
    },
    lease: () =>
      wishes.lease === null
        ? null
        : { model, isCurrent: wishes.isCurrent ?? (() => true), release: () => void told.push('release') },
    arrival: {
      settle: () => Promise.resolve(void told.push('settle')),
    },
    hasHelp: () => wishes.hasHelp ?? false,
    resolvePath: (path) => `/spool/${path}`,
    clock,
  };
  const stage = createInferStage(options);
  const run = (signal = never) => stage.run(claimOf(instances, { manifest: manifestOf(instances) }), signal);
  return { stage, run, told, saved, cached, instances, encoded };
}

describe('the infer stage', () => {
  it('waits for the arrival encoder, asks for the source’s operating point, and gives the network back', async () => {
    const { run, told, stage } = inferSetUp(3);
    const outcome = run();
    expect(stage.isBusy()).toBe(true);
    expect(await outcome).toMatchObject({
      type: 'inferred',
      findings: { decision: 'suspected', probability: 0.37, threshold: { value: 0.36, version: 4 }, model: MODEL },
    });
    expect(told).toEqual(['settle', 'threshold compact CT7', 'encode', 'encode', 'encode', 'release']);
    expect(stage.isBusy()).toBe(false);
  });

  it('saves what it encodes, 16 slices to a transaction and the rest at the end, and nothing that is kept already', async () => {
    const { run, saved, cached, instances, encoded } = inferSetUp(40);
    cached.set(instances[5]!.sha256, encoded(5));
    await run();
    expect(saved.map(([sha256, ...digests]) => [sha256, digests.length])).toEqual([
      [MODEL.sha256, 16],
      [MODEL.sha256, 16],
      [MODEL.sha256, 7],
    ]);
    const digests = saved.flatMap(([, ...rest]) => rest);
    expect(new Set(digests)).toEqual(new Set(instances.filter((_, index) => index !== 5).map(({ sha256 }) => sha256)));
  });

  it('where others help, begins at the end and takes what they have kept meanwhile', async () => {
    const read: string[] = [];
    const { run, cached, instances, encoded } = inferSetUp(400, {
      hasHelp: true,
      encode: (path) => {
        read.push(path);
        // Slice by slice, another node comes from the beginning.
        const done = read.length;
        cached.set(instances[done - 1]!.sha256, encoded(done));
        return Promise.resolve(encoded(done));
      },
    });
    const outcome = await run();
    expect(outcome).toMatchObject({ type: 'inferred', findings: { decision: 'suspected' } });
    if (outcome.type !== 'inferred') return;
    expect(outcome.findings.slices).toHaveLength(400);
    // Half each, but for what is in hand at one moment.
    expect(Math.abs(read.length - 200)).toBeLessThanOrEqual(SLICES_AT_ONCE);
    expect(read[0]).toBe(`/spool/${instances.at(-1)!.path}`);
    expect(new Set(read).size).toBe(read.length);
  });

  it('puts the case off while no network serves', async () => {
    const { run, told, stage } = inferSetUp(3, { lease: null });
    expect(await stage.isReady()).toBe(false);
    expect(await run()).toEqual({ type: 'notYet', untilMs: NOW_MS + 1_000 });
    expect(told).toEqual([]);
  });

  it('puts the case off when another package takes over after the operating point was read', async () => {
    const { run, told } = inferSetUp(3, { isCurrent: () => false });
    expect(await run()).toEqual({ type: 'notYet', untilMs: NOW_MS });
    expect(told).not.toContain('encode');
    expect(told.at(-1)).toBe('release');
  });

  it('leaves cases alone while another node has the next package in use, whose operating point is in force', async () => {
    const { run, told, stage } = inferSetUp(3, { isInForce: false });
    expect(await stage.isReady()).toBe(false);
    expect(await run()).toEqual({ type: 'notYet', untilMs: NOW_MS });
    expect(told).not.toContain('encode');
    expect(told.filter((what) => what === 'release')).toHaveLength(2);
    expect(await inferSetUp(3).stage.isReady()).toBe(true);
  });

  it('analyses nothing where the site has stopped AI flags, and says so', async () => {
    const { run, told } = inferSetUp(3, { threshold: { version: 9, value: 0.36, stopped: true } });
    expect(await run()).toMatchObject({
      type: 'inferred',
      findings: { decision: 'not-analysed', reasonCode: 'flags-stopped', model: MODEL },
    });
    expect(told).toEqual(['settle', 'threshold compact CT7', 'release']);
  });

  it('ends when its lease is lost, and gives the network back', async () => {
    const lost = new AbortController();
    const { run, told, stage } = inferSetUp(3, {
      encode: () => {
        lost.abort();
        return Promise.resolve({ feature: Float32Array.of(1), anatomy: null } as EncodedSlice);
      },
    });
    await expect(run(lost.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect([told.at(-1), stage.isBusy()]).toEqual(['release', false]);
  });
});

describe('the report stage', () => {
  it('hands the findings of the case to the writer, and its objects to the pipeline', async () => {
    const findings = findingsOf(0.61);
    const claim = claimOf(seriesOf({ slices: 1 }), { findings });
    const asked: unknown[] = [];
    const stage = reportStage({
      write: (...request) => {
        asked.push(request);
        return Promise.resolve(objectsOf(7));
      },
    });
    expect(await stage(claim, never)).toEqual({ type: 'reported', objects: objectsOf(7) });
    expect(asked).toEqual([[claim, findings, never]]);
  });
});
