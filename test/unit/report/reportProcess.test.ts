import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock, type Clock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { installationFault } from '../../../src/base/installationFault.ts';
import { createLog, type Log, type LogFields } from '../../../src/base/log.ts';
import type { DecodeSlice } from '../../../src/case/triageModel.ts';
import { createReportProcess, type ReportProcess } from '../../../src/report/reportProcess.ts';
import { createResultWriter } from '../../../src/report/writeResults.ts';
import { ineligible, makeStudy, notAnalysed, suspected, type Study } from './reportFixture.ts';

let study: Study;
/** What any sender may send, and what takes long: thousands of requests, each a sequence item that every object repeats. */
let slow: Study;
let reports: ReportProcess;
/** What the agent does when the child asks for a slice. */
let renderSource: DecodeSlice;
const started: ReportProcess[] = [];
beforeAll(async () => {
  study = await makeStudy();
  const requests = Array.from({ length: 2_000 }, (_, index) => ({
    RequestedProcedureID: `RP${index}`,
    ScheduledProcedureStepID: `SPS${index}`,
  }));
  slow = await makeStudy({ RequestAttributesSequence: requests }, { slices: 1 });
  reports = processOf(study);
});
beforeEach(() => {
  renderSource = study.options.renderSource;
});
afterAll(async () => {
  await Promise.all(started.map((one) => one.close()));
  await Promise.all([study.remove(), slow.remove()]);
});

function processOf(
  of: Study,
  limits: { timeoutMs?: number; memoryLimitMb?: number; resultsDir?: string; clock?: Clock; log?: Log } = {},
): ReportProcess {
  const { softwareVersion, institutionName, spoolDir, options } = of.options;
  const made = createReportProcess({
    writer: {
      softwareVersion,
      institutionName,
      spoolDir,
      options,
      resultsDir: limits.resultsDir ?? join(of.root, 'of-child'),
    },
    renderSource: (path) => renderSource(path),
    renderLines: of.options.renderLines,
    memoryLimitMb: limits.memoryLimitMb ?? 1_024,
    timeoutMs: limits.timeoutMs ?? 120_000,
    clock: limits.clock ?? systemClock,
    log: limits.log ?? createLog('silent'),
  });
  started.push(made);
  return made;
}

/** Most CPU time that this process used between two turns of its event loop, ms: a busy machine makes turns late, not expensive. */
function watchTurns(): () => number {
  let worst = 0;
  let before = process.cpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    worst = Math.max(worst, (user + system) / 1_000);
  }, 5);
  return () => {
    clearInterval(timer);
    return worst;
  };
}

test('writes what the writer itself writes, slices drawn included', async () => {
  const here = await createResultWriter(study.options).write(study.claim, suspected(study.claim));
  const there = await reports.write(study.claim, suspected(study.claim));
  expect(there.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(here.map(({ sopInstanceUid }) => sopInstanceUid));
  for (const [index, { path }] of there.entries())
    expect(await readFile(path)).toEqual(await readFile(here[index]!.path));
});

test('key slices are pointed at from the report on for which a destination wants it, by the same child', async () => {
  const options = { heatmaps: true, keySlices: false };
  const one = processOf({ ...study, options: { ...study.options, options } });
  const kinds = async () => (await one.write(study.claim, suspected(study.claim))).map(({ kind }) => kind);
  expect(await kinds()).not.toContain('ks');
  const pid = one.pid();
  options.keySlices = true;
  expect(await kinds()).toContain('ks');
  expect(one.pid()).toBe(pid);
});

test('a report that takes long blocks nothing here, and one that takes too long is ended with a reason', async () => {
  const patient = processOf(slow);
  const stop = watchTurns();
  const begun = performance.now();
  const objects = await patient.write(ineligible(slow.claim), notAnalysed('why', 'no-axial'));
  // Written here, the report would be one turn as long as all of it.
  expect(stop()).toBeLessThan((performance.now() - begun) / 4);
  expect(objects).toHaveLength(2);

  const hasty = processOf(slow, { timeoutMs: 20 });
  await expect(hasty.write(ineligible(slow.claim), notAnalysed('why', 'no-axial'))).rejects.toMatchObject({
    code: 'report-timeout',
    message: expect.stringContaining('report.timeoutMs (20 ms)') as string,
    kind: { retry: true },
  });
  expect(hasty.pid()).toBeNull();
});

describe('a child that', () => {
  test('wants too much memory is ended with a reason that says so', async () => {
    const small = processOf(study, { memoryLimitMb: 40 });
    const failure = (await small
      .write(study.claim, suspected(study.claim))
      .catch((error: unknown) => error)) as TriageError;
    expect(failure.message).toMatch(/report\.memoryLimitMb \(40\)/);
    // It is over the limit before it is ready or soon after. A child that never got ready could write nothing at all: no case is to blame.
    expect(['report-unready', 'report-died']).toContain(failure.code);
    expect(installationFault(failure)).toBe(failure.code === 'report-unready' ? 'report-unready' : null);
  });

  test('is killed while it writes fails this report, and the next gets a new child', async () => {
    renderSource = () => {
      process.kill(reports.pid()!, 'SIGKILL');
      return new Promise(() => undefined);
    };
    await expect(reports.write(study.claim, suspected(study.claim))).rejects.toMatchObject({
      code: 'report-died',
      message: expect.stringContaining('SIGKILL') as string,
      kind: { retry: true },
    });
    await expect(reports.write(study.claim, notAnalysed('why', 'outside-domain'))).resolves.toHaveLength(2);
  });

  test('cannot have a slice or cannot write says which, and whether the installation is to blame', async () => {
    renderSource = () => Promise.reject(new TriageError('inference-timeout', 'It took too long.'));
    await expect(reports.write(study.claim, suspected(study.claim))).rejects.toMatchObject({
      code: 'inference-timeout',
      message: 'It took too long.',
    });
    renderSource = study.options.renderSource;
    const forbidden = processOf(study, { resultsDir: '/sys/results' });
    const refused = await forbidden.write(study.claim, suspected(study.claim)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'report-failed' });
    expect(installationFault(refused)).toMatch(/^E(ACCES|PERM|ROFS)$/);
  });

  test('is told to stop ends at once', async () => {
    const stopping = new AbortController();
    renderSource = () => {
      stopping.abort();
      return new Promise(() => undefined);
    };
    await expect(reports.write(study.claim, suspected(study.claim), stopping.signal)).rejects.toMatchObject({
      code: 'report-died',
    });
    expect(reports.pid()).toBeNull();
  });
});

test('a report has its time from when its child is ready, and the decoding of slices is not counted', async () => {
  const asked: number[] = [];
  const told: (LogFields | undefined)[] = [];
  const one = processOf(study, {
    timeoutMs: 20_000,
    clock: {
      ...systemClock,
      after: (ms, run) => {
        // The memory of the child is looked at every 250 ms.
        if (ms !== 250) asked.push(ms);
        return systemClock.after(ms, run);
      },
    },
    log: { ...createLog('silent'), info: (_, fields) => void told.push(fields) },
  });
  const objects = await one.write(study.claim, suspected(study.claim));
  // A minute for the start; then from the beginning and after each of: best key slice, lines of its sagittal, the other key slice.
  expect(asked).toEqual([60_000, ...new Array<number>(4).fill(20_000)]);
  expect(told).toEqual([
    {
      studyInstanceUid: study.claim.record.studyInstanceUid,
      seriesInstanceUid: objects[0]!.seriesInstanceUid,
      count: 4,
      revision: 3,
    },
  ]);
});

test('the end of a child is noticed, that of the one before changes nothing, and after the last none is begun', async () => {
  const one = processOf(study);
  const write = (signal?: AbortSignal) => one.write(study.claim, notAnalysed('why', 'outside-domain'), signal);
  await expect(write(AbortSignal.abort())).rejects.toMatchObject({
    message: expect.stringContaining('not begun') as string,
  });
  const before = one.pid()!;
  const stopping = new AbortController();
  const stopped = write(stopping.signal);
  // The report is being asked for.
  await Promise.resolve();
  stopping.abort();
  await expect(stopped).rejects.toThrow('The report was stopped.');
  await write();
  const pid = one.pid()!;
  expect(pid).not.toBe(before);
  await write();
  expect(one.pid()).toBe(pid);
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => one.pid()).toBeNull();
  await one.close();
  await expect(write()).rejects.toMatchObject({ message: expect.stringContaining('not begun') as string });
});
