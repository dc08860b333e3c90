import { join } from 'node:path';
import { assembleStudy } from '../../src/assemble/assembleStudy.ts';
import type { StoredInstance } from '../../src/case/case.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { startInferenceProcess } from '../../src/infer/inferenceProcess.ts';
import { inferSeries } from '../../src/infer/inferSeries.ts';
import { createLog } from '../../src/base/log.ts';
import { assembleStage } from '../../src/pipeline/assembleStage.ts';
import { generatePhantom } from '../../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../../src/phantom/phantomParams.ts';
import { writeIneligibleStudy, writePhantomStudy } from '../../src/phantom/writePhantomStudy.ts';
import { readStudyFolder } from '../../src/cohort/readStudyFolder.ts';
import { createResultWriter } from '../../src/report/writeResults.ts';
import { claimOf } from './seededWorklist.ts';
import type { SeededWorklist } from './seededWorklist.ts';

export interface AnalysedStudy {
  seed: number;
  slices: number;
  fracture: string;
  patientId: string;
  patientName: string;
  accessionNumber: string;
  /** When each thing happened; the worklist's clock is set to it. */
  at: Record<'firstSlice' | 'lastSlice' | 'chosen' | 'inferred' | 'reported' | 'sent' | 'confirmed', number>;
  setClock: (ms: number) => void;
}

/** A scan of the same patient from earlier, in thicker slices and at another table position, which the agent only keeps: it begins below the other's top. */
export async function addKeptPrior(
  { store, folder, clock }: SeededWorklist,
  { seed, patientId, patientName }: Pick<AnalysedStudy, 'seed' | 'patientId' | 'patientName'>,
): Promise<void> {
  const drawn = drawPhantomParams(seed, {
    ...{ rows: 256, fieldOfViewMm: 230, sliceSpacingMm: 3, kernel: 'bone', fractures: 'none' },
  });
  const phantom = generatePhantom({
    ...drawn,
    // Born on the same day.
    patient: { ...drawn.patient, ageYears: drawn.patient.ageYears - 1 },
    position: { ...drawn.position, tableZMm: drawn.position.tableZMm - 180 },
  });
  const { studyInstanceUid } = await writePhantomStudy(phantom, {
    ...{ patientId, patientName, accessionNumber: 'E25-0312', studyDateTime: '20250312093000' },
    dir: join(folder, 'prior'),
  });
  const { instances } = await readStudyFolder(join(folder, 'prior'), {
    receivedAtMs: clock.now(),
    maxObjectBytes: 2 ** 28,
  });
  const received = instances
    .filter(({ header }) => header.instanceNumber! > 8)
    .map((instance) => ({ ...instance, path: join('prior', instance.path), sourceAeTitle: 'PACS' }));
  await store.recordInstances(received);
  await store.nudgeComplete([studyInstanceUid]);
  const { assemble } = configFrom({});
  const stage = assembleStage({
    ...{ rules: assemble, quietMs: 0, priors: assemble.priors, maxAgeMs: assemble.maxAgeHours * 3_600_000 },
    ...{ selection: [], isRecordWhole: () => true, model: () => null, clock },
  });
  const claim = await claimOf(store, 'assemble', studyInstanceUid);
  const outcome = await stage(claim, new AbortController().signal);
  if (outcome.type !== 'notEligible') throw new Error(`a prior that is only kept, and not ${outcome.type}`);
  await store.apply(claim, outcome);
}

/** Takes a synthetic study, and a scout of it, through the agent's own stages with the shipped network, each at a given time. */
export async function addAnalysedStudy(worklist: SeededWorklist, wish: AnalysedStudy): Promise<void> {
  const { store, folder, clock } = worklist;
  const { at, setClock, patientId, patientName, accessionNumber } = wish;
  const config = configFrom({});
  const log = createLog('error');
  const phantom = generatePhantom(
    drawPhantomParams(wish.seed, { slices: wish.slices, fractures: [{ fracture: wish.fracture, grade: 'obvious' }] }),
  );
  const study = { patientId, patientName, accessionNumber, studyDateTime: '20261123135200' };
  const { studyInstanceUid } = await writePhantomStudy(phantom, { ...study, dir: join(folder, 'study/axial') });
  await writeIneligibleStudy(phantom, { ...study, dir: join(folder, 'study/scout') });
  const { instances } = await readStudyFolder(join(folder, 'study'), {
    receivedAtMs: at.firstSlice,
    maxObjectBytes: 2 ** 28,
  });
  const received = instances.map((instance, index): StoredInstance => ({
    ...instance,
    path: join('study', instance.path),
    sourceAeTitle: 'CT_TRAUMA',
    receivedAtMs: Math.round(at.firstSlice + ((at.lastSlice - at.firstSlice) * index) / (instances.length - 1)),
  }));
  setClock(at.lastSlice);
  await store.recordInstances(received);

  setClock(at.chosen);
  await store.nudgeComplete([studyInstanceUid]);
  const assembled = assembleStudy(received, config.assemble);
  if (assembled.type !== 'seriesChosen') throw new Error(assembled.reason);
  await store.apply(await claimOf(store, 'assemble', studyInstanceUid), assembled);

  const model = await startInferenceProcess({ ...config.infer, clock, log });
  try {
    setClock(at.inferred);
    const resolvePath = (path: string) => join(folder, path);
    const threshold = { value: model.defaultThreshold, version: 1 };
    const findings = await inferSeries({
      manifest: assembled.manifest,
      model,
      cached: new Map(),
      resolvePath,
      threshold,
      clock,
    });
    await store.apply(await claimOf(store, 'infer', studyInstanceUid), { type: 'inferred', findings });

    setClock(at.reported);
    const writer = createResultWriter({
      resultsDir: join(folder, 'results'),
      spoolDir: folder,
      softwareVersion: '1.0.0',
      institutionName: '',
      renderSource: model.decodeSlice,
      renderLines: model.decodeLines,
      options: { heatmaps: true },
    });
    const claim = await claimOf(store, 'report', studyInstanceUid);
    await store.apply(claim, { type: 'reported', objects: await writer.write(claim, findings) });
  } finally {
    await model.close();
  }
  setClock(at.sent);
  const due = await store.dueDeliveries('PACS', 100);
  for (const { id } of due) await store.recordDelivery(id, { kind: 'sent', status: '0000' });
  setClock(at.confirmed);
  for (const { id } of due) await store.recordDelivery(id, { kind: 'confirmed' });
}
