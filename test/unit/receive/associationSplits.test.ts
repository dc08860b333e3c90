import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesAnalysis } from '../../../src/assemble/lateImages.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import { createLog } from '../../../src/base/log.ts';
import type { StoredInstance } from '../../../src/case/case.ts';
import { assembleStage } from '../../../src/pipeline/assembleStage.ts';
import { createIntake } from '../../../src/receive/intake.ts';
import type { EndOfSending } from '../../../src/receive/receiverMessages.ts';
import { createReceiverRecord } from '../../../src/receive/receiverRecord.ts';
import { instanceOf, seriesOf } from '../assemble/syntheticStudy.ts';
import { deliverAll, findingsOf, objectsOf, openWorklist, studyUid, type Worklist } from '../worklist/fixture.ts';

const QUIET_MS = 20_000;
const LONGEST_PAUSE_MS = 5_000;
/** Just enough of 3 mm for a series that can be analysed by itself. */
const SLICES = 28;
const [SOFT, BONE] = [`soft ${SLICES}`, `bone ${SLICES}`];
const never = new AbortController().signal;

const worklistOf = () =>
  openWorklist({
    quietMs: QUIET_MS,
    changesAnalysis: (images) => changesAnalysis(images, DEFAULT_SERIES_RULES),
  });

/** A localizer, a soft and a bone series, as a scanner makes them one after the other. */
function studyOf(study: string) {
  const named = (instances: readonly StoredInstance[]): StoredInstance[] =>
    instances.map(({ header }) =>
      instanceOf({
        ...header,
        studyInstanceUid: studyUid(study),
        seriesInstanceUid: `${header.seriesInstanceUid}.${study}`,
        sopInstanceUid: `${header.sopInstanceUid}.${study}`,
      }),
    );
  const localizer = seriesOf({ series: 1, slices: 2, header: { imageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] } });
  const [soft, bone] = ['Br40f', 'Br60f'].map((convolutionKernel, index) =>
    seriesOf({ series: 2 + index, slices: SLICES, spacingMm: 3, header: { convolutionKernel } }),
  );
  return { localizer: named(localizer), soft: named(soft!), bone: named(bone!) };
}

/** One agent from the receiver's events to the archive, in which no work takes time and time passes only here. */
function agentOf(worklist: Worklist) {
  const { store, clock } = worklist;
  const log = createLog('silent');
  const intake = createIntake({
    store,
    resolvePath: (path) => path,
    onNew: () => undefined,
    longestPauseMs: LONGEST_PAUSE_MS,
    clock,
    log,
  });
  const record = createReceiverRecord(
    {
      longestPauseMs: LONGEST_PAUSE_MS,
      log,
      onStored: (instance) => intake.stored(instance),
      onReleased: (_id, studies, end) => intake.ended(studies, end),
    },
    clock,
  );
  const assemble = assembleStage({
    rules: DEFAULT_SERIES_RULES,
    quietMs: QUIET_MS,
    maxAgeMs: null,
    priors: 'keep',
    selection: [],
    isRecordWhole: () => true,
    model: () => null,
    clock,
  });
  let opened = 0;
  const open = (callingAeTitle = 'CT7'): string => {
    const associationId = `a${++opened}`;
    record.take({ type: 'opened', associationId, callingAeTitle, address: '10.0.0.7' });
    return associationId;
  };
  const bring = (associationId: string, instances: readonly StoredInstance[]): void => {
    for (const instance of instances)
      record.take({ type: 'stored', associationId, instance: { ...instance, receivedAtMs: clock.now() } });
  };
  const refuse = (instances: readonly StoredInstance[]): void => {
    for (const { header } of instances)
      intake.refused({ header, why: '0xA700: The disk is full.', refusedAtMs: clock.now(), sourceAeTitle: 'CT7' });
  };
  const end = async (associationId: string, how: EndOfSending = 'released'): Promise<void> => {
    record.take({ type: 'ended', associationId, how });
    await intake.drained();
    await workOff();
  };
  /** What each report of a study is about, in the order in which the archive got them. */
  const reports = new Map<string, string[]>();
  const workOff = async (): Promise<void> => {
    for (let claim = await store.claim('assemble', 60_000); claim !== null;) {
      const outcome = await assemble(claim, never);
      if (outcome.type === 'notYet') await store.release(claim, outcome.untilMs);
      else await store.apply(claim, outcome);
      claim = await store.claim('assemble', 60_000);
    }
    for (let claim = await store.claim('infer', 60_000); claim !== null; claim = await store.claim('infer', 60_000))
      await store.apply(claim, { type: 'inferred', findings: findingsOf(0.8) });
    for (let claim = await store.claim('report', 60_000); claim !== null; claim = await store.claim('report', 60_000)) {
      const { studyInstanceUid, revision, manifest } = claim.record;
      const objects = objectsOf(studyInstanceUid, revision).map((object) => ({ ...object, studyInstanceUid }));
      await store.apply(claim, { type: 'reported', objects });
      const kernel = manifest?.seriesInstanceUid.startsWith('1.2.3.3.') === true ? 'bone' : 'soft';
      const about = manifest === null ? 'nothing' : `${kernel} ${manifest.slices.length}`;
      reports.set(studyInstanceUid, [...(reports.get(studyInstanceUid) ?? []), about]);
    }
    await deliverAll(worklist);
  };
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await workOff();
  };
  /** Sends each part on an association of its own, with a pause after it. */
  const send = async (parts: readonly (readonly StoredInstance[])[], pausesMs: readonly number[]): Promise<void> => {
    for (const [index, part] of parts.entries()) {
      const association = open();
      bring(association, part);
      await end(association);
      if (index < parts.length - 1) await pass(pausesMs[index]!);
    }
  };
  return { open, bring, refuse, end, pass, send, reportsOf: (study: string) => reports.get(studyUid(study)) ?? [] };
}

/** A sender that has sent a study on one association. */
async function knowingAgent(worklist: Worklist) {
  const agent = agentOf(worklist);
  await agent.send([studyOf('seen whole').localizer], []);
  await agent.pass(LONGEST_PAUSE_MS + 1);
  return agent;
}

/** A sender that has been seen to go on with a study after a release. */
async function splittingAgent(worklist: Worklist) {
  const agent = agentOf(worklist);
  const { localizer } = studyOf('seen before');
  await agent.send([localizer.slice(0, 1), localizer.slice(1)], [4_000]);
  return agent;
}

const order = fc.shuffledSubarray(['localizer', 'soft', 'bone'] as const, { minLength: 3 });
const pause = fc.integer({ min: 0, max: LONGEST_PAUSE_MS - 1 });
const direction = fc.constantFrom(1, -1);
const TOTAL = 2 + 2 * SLICES;

/** The objects in the order of their series, each series head first or feet first, cut at some places. */
function cutUp(
  study: string,
  { series, towards, cuts }: { series: readonly ('localizer' | 'soft' | 'bone')[]; towards: number; cuts: number[] },
): StoredInstance[][] {
  const parts = studyOf(study);
  const objects = series.flatMap((name) => (towards === 1 ? parts[name] : parts[name].toReversed()));
  return [...cuts, TOTAL].map((to, index) => objects.slice(index === 0 ? 0 : cuts[index - 1], to));
}

const cutsFrom = (most: number) =>
  fc.uniqueArray(fc.integer({ min: 1, max: TOTAL - 1 }), { maxLength: most }).map((cuts) => cuts.sort((a, b) => a - b));

describe('a study that comes on several associations which follow one another', () => {
  it('has one report, of all of it, however it is split, from a sender that is known to send in parts', async () => {
    const worklist = await worklistOf();
    let made = 0;
    await fc.assert(
      fc.asyncProperty(
        order,
        direction,
        cutsFrom(6),
        fc.array(pause, { minLength: 6, maxLength: 6 }),
        async (series, towards, cuts, pausesMs) => {
          const study = `known ${++made}`;
          const agent = await splittingAgent(worklist);
          await agent.send(cutUp(study, { series, towards, cuts }), pausesMs);
          await agent.pass(LONGEST_PAUSE_MS);
          expect(agent.reportsOf(study)).toEqual([BONE]);
        },
      ),
      { numRuns: 10, endOnFailure: true },
    );
  });

  it('has one report, of all of it, however it is split, from a sender of which nothing is known yet', async () => {
    const worklist = await worklistOf();
    let made = 0;
    await fc.assert(
      fc.asyncProperty(
        order,
        direction,
        cutsFrom(6),
        fc.array(pause, { minLength: 6, maxLength: 6 }),
        async (series, towards, cuts, pausesMs) => {
          const study = `new ${++made}`;
          const agent = agentOf(worklist);
          await agent.send(cutUp(study, { series, towards, cuts }), pausesMs);
          await agent.pass(QUIET_MS);
          expect(agent.reportsOf(study)).toEqual([BONE]);
        },
      ),
      { numRuns: 10, endOnFailure: true },
    );
  });

  it('has one report when every object has an association of its own', async () => {
    const agent = agentOf(await worklistOf());
    const { localizer, soft, bone } = studyOf('single');
    const objects = [...localizer, ...bone, ...soft].map((object) => [object]);
    await agent.send(
      objects,
      objects.map((_, index) => (index * 997) % LONGEST_PAUSE_MS),
    );
    await agent.pass(LONGEST_PAUSE_MS);
    expect(agent.reportsOf('single')).toEqual([BONE]);
  });

  it.each(['broken', 'closed'] as const)(
    'has one report when the rest comes after an association that was %s',
    async (how) => {
      const agent = await knowingAgent(await worklistOf());
      const { bone } = studyOf(how);
      const association = agent.open();
      agent.bring(association, bone.slice(0, 27));
      await agent.end(association, how);
      await agent.pass(9_000);
      await agent.send([bone.slice(24)], []);
      expect(agent.reportsOf(how)).toEqual([BONE]);
    },
  );

  it('has one report when the objects that were refused come again', async () => {
    const agent = agentOf(await worklistOf());
    const { bone } = studyOf('refused');
    const association = agent.open();
    agent.bring(association, bone.slice(0, 27));
    agent.refuse(bone.slice(27));
    await agent.end(association);
    await agent.pass(9_000);
    await agent.send([bone.slice(27)], []);
    expect(agent.reportsOf('refused')).toEqual([BONE]);
  });

  it('has one report when the sender has opened the next association before it releases the first', async () => {
    const agent = await knowingAgent(await worklistOf());
    const { soft, bone } = studyOf('overlapping');
    const [first, next] = [agent.open(), agent.open()];
    agent.bring(first, soft);
    await agent.end(first);
    await agent.pass(3_000);
    agent.bring(next, bone);
    await agent.end(next);
    // That was one pass of several associations: the end of the last one is believed at once.
    expect(agent.reportsOf('overlapping')).toEqual([BONE]);
  });

  it('is judged anew where a longer pause, or a sender that begins to send in parts, could not be foreseen', async () => {
    const agent = await knowingAgent(await worklistOf());
    const { soft, bone } = studyOf('long');
    await agent.send([soft, bone], [LONGEST_PAUSE_MS + 1]);
    await agent.pass(QUIET_MS);
    expect(agent.reportsOf('long')).toEqual([SOFT, BONE]);
    const next = studyOf('unforeseen');
    await agent.send([next.soft, next.bone], [1_000]);
    await agent.pass(LONGEST_PAUSE_MS);
    expect(agent.reportsOf('unforeseen')).toEqual([SOFT, BONE]);
    const last = studyOf('foreseen');
    await agent.send([last.soft, last.bone], [1_000]);
    await agent.pass(LONGEST_PAUSE_MS);
    expect(agent.reportsOf('foreseen')).toEqual([BONE]);
  });
});

describe('a study that comes on one association', () => {
  it('is judged at its end, without a wait', async () => {
    const agent = await knowingAgent(await worklistOf());
    for (const study of ['one', 'two']) {
      const { localizer, soft, bone } = studyOf(study);
      await agent.send([[...localizer, ...soft, ...bone]], []);
      expect(agent.reportsOf(study)).toEqual([BONE]);
    }
  });

  it('waits for no other sender: neither for its open associations nor because it sends in parts', async () => {
    const worklist = await worklistOf();
    const agent = await splittingAgent(worklist);
    const before = agent.open('CT8');
    agent.bring(before, studyOf('seen of CT8').localizer);
    await agent.end(before);
    await agent.pass(LONGEST_PAUSE_MS + 1);
    agent.open('CT9');
    const { bone } = studyOf('other');
    const association = agent.open('CT8');
    agent.bring(association, bone);
    await agent.end(association);
    expect(agent.reportsOf('other')).toEqual([BONE]);
  });

  it.each([
    ['just now', 2_000, []],
    ['long ago', LONGEST_PAUSE_MS + 1, [BONE]],
  ])('waits where its sender has opened another association %s, and sends nothing on it', async (when, ms, atOnce) => {
    const agent = await knowingAgent(await worklistOf());
    agent.open();
    await agent.pass(ms);
    const study = `opened ${when}`;
    await agent.send([studyOf(study).bone], []);
    expect(agent.reportsOf(study)).toEqual(atOnce);
    await agent.pass(LONGEST_PAUSE_MS);
    expect(agent.reportsOf(study)).toEqual([BONE]);
  });

  it('is not judged later than after the quiet time, whatever its sender does besides', async () => {
    const agent = await splittingAgent(await worklistOf());
    const { bone } = studyOf('quiet');
    await agent.send([bone], []);
    // The same slices again and again: nothing new, but each time an association that ends.
    for (let again = 0; again < 4; again++) {
      await agent.pass(4_500);
      await agent.send([bone.slice(0, 3)], []);
    }
    expect(agent.reportsOf('quiet')).toEqual([]);
    await agent.pass(2_000);
    expect(agent.reportsOf('quiet')).toEqual([BONE]);
  });
});
