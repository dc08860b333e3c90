import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { CaseManifest, Findings, StoredInstance } from '../case/case.ts';
import { imageKey } from '../case/frames.ts';
import type { Config } from '../config/config.ts';
import { softwareVersion } from '../base/packageRoot.ts';
import type { LabelledCase, Problem, TruthSlice } from '../dataset/dataset.ts';
import { imageTruth, type ImageTruth } from '../dataset/imageTruth.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import { listFiles, type UnreadFile } from '../base/listFiles.ts';
import { localise } from '../evaluate/localisation.ts';
import type { JudgedCase } from '../evaluate/judgedCase.ts';
import {
  judgementRecords,
  recordKey,
  type JudgementRecord,
  type JudgementRecords,
} from '../evaluate/judgementRecords.ts';
import { startInferenceProcess } from '../infer/inferenceProcess.ts';
import { loadModelPackage } from '../infer/modelCard.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ModelIdentity, TriageModel } from '../case/triageModel.ts';
import { inferFolderStudy } from './inferFolderStudy.ts';
import { readLabelledStudy, truthSlices } from './readLabelledStudy.ts';

export interface CohortJudgement {
  readonly model: ModelIdentity;
  /** Null when every case had already been finished. */
  readonly provider: string | null;
  /** The threshold shipped with the package. */
  readonly defaultThreshold: number;
  /** In the order of the given cases; a case without any usable file is listed in the problems instead. */
  readonly cases: JudgedCase[];
  readonly problems: Problem[];
  /** `slices` were encoded in this run, in `seconds` from the first question to the last answer; `slicesKept` come from an earlier one. */
  readonly speed: {
    readonly processes: number;
    readonly slices: number;
    readonly slicesKept: number;
    readonly seconds: number;
  };
}

interface Options {
  readonly cases: readonly LabelledCase[];
  /** Folder that keeps the results of finished cases. */
  readonly cacheDir: string;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly onProgress?: (casesDone: number, slicesPerSecond: number) => void;
}

/** Cases per process at a time: while one is read or its truth looked up, the other is with the network. */
const CASES_A_PROCESS = 2;
/** Increase this number when the meaning of a record changes. */
const RECORD_VERSION = 4;

/**
 * Runs every case through the agent's own stages, in as many inference processes as there are cores: one core each, because decoding and preprocessing
 * are half of the work and do not use several cores by themselves. No threshold is applied: all cases get their key slices.
 * A case on which the inference process dies twice is listed, counts as not analysed, and is tried again by the next run.
 *
 * @throws TriageError `model-*`; `not-found` when the cache cannot be written
 */
export async function evaluateCohort(options: Options): Promise<CohortJudgement> {
  const { cases, config, clock, log } = options;
  const { identity, defaultThreshold } = await loadModelPackage(config.infer.modelDir);
  const records = judgementRecords(path.join(options.cacheDir, identity.sha256.slice(0, 16)));
  const outcomes = new Map<string, JudgementRecord>();
  const waiting: { labelled: LabelledCase; key: string }[] = [];
  let slicesKept = 0;
  for (const labelled of cases) {
    const key = recordKey({
      version: RECORD_VERSION,
      software: softwareVersion(),
      model: identity.sha256,
      assemble: config.assemble,
      ...(await factsOf(labelled)),
    });
    const known = await records.read(key);
    if (known === null) waiting.push({ labelled, key });
    else {
      outcomes.set(labelled.id, known);
      slicesKept += known.slices;
    }
  }
  options.onProgress?.(outcomes.size, 0);

  const processes = Math.min(
    config.infer.threads === 0 ? availableParallelism() : config.infer.threads,
    waiting.length,
  );
  const models = await startAll(processes, () => startInferenceProcess({ ...config.infer, threads: 1, clock, log }));
  const startMs = clock.monotonicMs();
  const seconds = (): number => (clock.monotonicMs() - startMs) / 1000;
  let slices = 0;
  let isStopped = false;
  const work = async (model: TriageModel): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !isStopped; next = waiting.shift()) {
      try {
        const outcome = await judgeTwice(next.labelled, next.key, { model, records, config, clock });
        outcomes.set(next.labelled.id, outcome);
        slices += outcome.slices;
      } catch (error) {
        isStopped = true;
        throw error;
      }
      options.onProgress?.(outcomes.size, slices / seconds());
    }
  };
  try {
    const ends = await Promise.allSettled(
      models.flatMap((model) => Array.from({ length: CASES_A_PROCESS }, () => work(model))),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return {
      model: identity,
      provider: models[0]?.provider ?? null,
      defaultThreshold,
      cases: cases.flatMap(({ id }) => outcomes.get(id)?.judged ?? []),
      problems: cases.flatMap(({ id }) => outcomes.get(id)?.problems ?? []),
      speed: { processes, slices, slicesKept, seconds: seconds() },
    };
  } finally {
    await Promise.all(models.map((model) => model.close()));
  }
}

/** All or none: if one does not start, the others are closed. */
async function startAll(count: number, start: () => Promise<TriageModel>): Promise<TriageModel[]> {
  const outcomes = await Promise.allSettled(Array.from({ length: count }, start));
  const models = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) {
    await Promise.all(models.map((model) => model.close()));
    throw failure.reason;
  }
  return models;
}

/** What a record depends on: the case's truth, and its files by name, size and time. */
async function factsOf(labelled: LabelledCase): Promise<object> {
  const { files, unread } =
    labelled.files === undefined ? await listFiles(labelled.folder) : { files: labelled.files, unread: [] };
  const named = async (file: string): Promise<readonly [string, number, number]> => {
    const { size, mtimeMs } = await stat(file);
    return [path.relative(labelled.folder, file), size, mtimeMs];
  };
  return {
    files: await Promise.all(files.map(named)),
    unread,
    masks: await Promise.all(labelled.masks.map((own) => Promise.all(own.map(named)))),
    truth: {
      ...labelled,
      folder: '',
      files: undefined,
      vertebrae: undefined,
      masks: [],
      imageLabels: [...labelled.imageLabels].map(([file, label]) => [path.basename(file), label]),
      boxes: [...labelled.boxes].map(([file, boxes]) => [path.basename(file), boxes]),
    },
  };
}

interface CaseTools {
  readonly model: TriageModel;
  readonly records: JudgementRecords;
  readonly config: Config;
  readonly clock: Clock;
}

async function judgeTwice(labelled: LabelledCase, key: string, tools: CaseTools): Promise<JudgementRecord> {
  for (let attempt = 1; ; attempt++) {
    try {
      const outcome = await judgeCase(labelled, tools);
      await tools.records.write(key, outcome);
      return outcome;
    } catch (error) {
      if (!(error instanceof TriageError && error.code.startsWith('inference-'))) throw error;
      if (attempt === 1) continue;
      const problem = `${messageOf(error)} It counts as not analysed`;
      return {
        judged: unjudged(labelled, null, error.code),
        problems: [{ where: labelled.id, problem, dropped: false }],
        slices: 0,
      };
    }
  }
}

async function judgeCase(labelled: LabelledCase, { model, config, clock }: CaseTools): Promise<JudgementRecord> {
  const study = await readLabelledStudy(labelled, config.assemble, {
    receivedAtMs: clock.now(),
    maxObjectBytes: config.receive.maxObjectBytes,
  });
  if (study.kind === 'useless')
    return {
      judged: null,
      problems: [
        ...study.problems,
        { where: labelled.id, problem: `${study.why}: the case counts nowhere`, dropped: true },
      ],
      slices: 0,
    };
  if (study.kind === 'no-series')
    return { judged: unjudged(labelled, study.first, study.reasonCode), problems: study.problems, slices: 0 };

  const { first, instances } = study;
  const { findings, manifest, unread } = await inferFolderStudy({
    folder: labelled.folder,
    instances,
    rules: config.assemble,
    manifest: study.manifest,
    model,
    // So that every case has its key slices.
    threshold: { value: 0, version: 0 },
    clock,
  });
  const problems = [...study.problems, ...damageOf(labelled, findings, unread)];
  if (findings.probability === null)
    return {
      judged: unjudged(labelled, first, findings.reasonCode ?? 'not-analysed'),
      problems,
      slices: study.manifest.slices.length,
    };

  const slices = truthSlices(labelled, instances, manifest);
  const truth = await truthOf(labelled, study, { manifest, slices });
  const { convolutionKernel, sliceThicknessMm } = slices[0]!.header;
  const [bestKeySlice] = findings.keySlices;
  const judged: JudgedCase = {
    ...unjudged(labelled, first, null),
    probability: findings.probability,
    sliceLabels: truth.truth.map((slice) => slice.label),
    imageProbabilities: findings.slices.map(({ imageProbability }) => imageProbability),
    sliceScores: findings.slices.map(({ score }) => score),
    kernel: convolutionKernel === '' ? null : convolutionKernel,
    sliceThicknessMm,
    localisation: labelled.label ? localisationOf(findings, truth.truth, slices) : null,
    bestKeySlice:
      bestKeySlice === undefined
        ? null
        : { ...bestKeySlice, file: path.relative(labelled.folder, slices[bestKeySlice.sliceIndex]!.file) },
  };
  return { judged, problems: [...problems, ...truth.problems], slices: study.manifest.slices.length };
}

/** What of a case could not be decoded: slices that count as missing, or so many that the case is not analysed. */
function damageOf({ id }: LabelledCase, { reasonCode, reason }: Findings, unread: readonly UnreadFile[]): Problem[] {
  if (reasonCode === 'pixel-data') {
    const what = (reason ?? '').replace(/ - not scored.*$/, '');
    return [{ where: id, problem: `${what}: it counts as not analysed`, dropped: false }];
  }
  return unread.map(({ file, reason: why }) => ({
    where: `${id}/${file}`,
    problem: `damaged, and counts as a missing slice: ${why}`,
    dropped: true,
  }));
}

/** The truth of the analysed slices. Masks are of whole series, of which only the neck may have been analysed. */
async function truthOf(
  labelled: LabelledCase,
  whole: { manifest: CaseManifest; slices: readonly TruthSlice[] },
  analysed: { manifest: CaseManifest; slices: readonly TruthSlice[] },
): Promise<Awaited<ReturnType<typeof imageTruth>>> {
  const indexes = new Map(whole.manifest.slices.map((slice, index) => [imageKey(slice), index]));
  const places = analysed.manifest.slices.map((slice) => indexes.get(imageKey(slice)));
  // Another series than the chosen one.
  if (places.includes(undefined)) return imageTruth(labelled, analysed.slices);
  const { truth, problems } = await imageTruth(labelled, whole.slices);
  return { truth: places.map((place) => truth[place!]!), problems };
}

/** A case without a score, for `reason`; what the dataset does not state about the patient is taken from the images. */
function unjudged(
  { id, patientKey, label, levels, types, grade, sex, ageYears }: LabelledCase,
  image: StoredInstance | null,
  reason: string | null,
): JudgedCase {
  const header = image?.header;
  return {
    id,
    patientKey,
    label,
    levels: [...levels],
    types: [...types],
    grade,
    reason,
    sex: sex ?? (header?.patientSex === 'F' || header?.patientSex === 'M' ? header.patientSex : null),
    ageYears: ageYears ?? (header === undefined ? null : yearsOf(header.patientAge)),
    scanner: [header?.manufacturer ?? '', header?.manufacturerModelName ?? ''].join(' ').trim() || null,
    kernel: null,
    sliceThicknessMm: null,
    probability: null,
    sliceLabels: [],
    imageProbabilities: [],
    sliceScores: [],
    localisation: null,
    bestKeySlice: null,
  };
}

function localisationOf(
  { keySlices }: Findings,
  truth: readonly ImageTruth[],
  slices: readonly TruthSlice[],
): JudgedCase['localisation'] {
  const ofKeySlices = keySlices.map(({ sliceIndex }) => ({
    ...truth[sliceIndex]!,
    pixelSpacingMm: slices[sliceIndex]!.header.pixelSpacingMm ?? ([1, 1] as const),
  }));
  return localise(
    keySlices,
    ofKeySlices,
    truth.some(({ mask }) => mask !== null),
  );
}

/** PatientAge (PS3.5 6.2 AS) in years, or null. */
function yearsOf(patientAge: string): number | null {
  const match = /^(\d{3})([DWMY])$/.exec(patientAge);
  return match === null
    ? null
    : Math.round((Number(match[1]) / { D: 365.25, W: 52.18, M: 12, Y: 1 }[match[2] as 'D' | 'W' | 'M' | 'Y']) * 10) /
        10;
}
