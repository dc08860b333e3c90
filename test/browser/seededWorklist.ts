import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { TriageError } from '../../src/base/errors.ts';
import { createAdministration, type AdministrationOptions } from '../../src/admin/createAdministration.ts';
import type { Findings, SeriesVerdict, StoredInstance } from '../../src/case/case.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { openCtFile } from '../../src/infer/decodePixels.ts';
import { createModelAdministration } from '../../src/models/createModelAdministration.ts';
import type { Clock } from '../../src/base/clock.ts';
import { writePart10 } from '../../src/dicom/part10.ts';
import type { SourceSlice } from '../../src/case/triageModel.ts';
import type { StageName } from '../../src/case/claim.ts';
import { useSliceFile } from '../../src/compose/sliceFile.ts';
import { createAccess } from '../../src/web/access/access.ts';
import type { Access, AccessOptions } from '../../src/web/access/access.ts';
import { createAccounts } from '../../src/worklist/people/accounts.ts';
import { createAuditLog } from '../../src/worklist/audit/audit.ts';
import { createCaseStore } from '../../src/worklist/cases/caseStore.ts';
import type { WorklistStore } from '../../src/worklist/cases/caseStore.ts';
import { migrate, openDatabase } from '../../src/worklist/db/database.ts';
import type { SqliteDatabase, WorklistDatabase } from '../../src/worklist/db/database.ts';
import { createProofRuns } from '../../src/worklist/proof/proofRuns.ts';
import { createSignInCounts } from '../../src/worklist/people/signInCounts.ts';
import { createServiceTokens } from '../../src/worklist/people/serviceTokens.ts';
import { createSessions } from '../../src/worklist/people/sessions.ts';
import type { SessionLimits } from '../../src/worklist/people/sessions.ts';
import { createThresholdChanges } from '../../src/worklist/thresholds/thresholdChanges.ts';
import type { ThresholdChanges } from '../../src/worklist/thresholds/thresholdChanges.ts';
import { createWorklistQuery } from '../../src/worklist/list/worklistQuery.ts';
import type { WorklistQuery } from '../../src/worklist/list/worklistQuery.ts';
import { ctFile } from '../unit/infer/ctFile.ts';
import { findingsOf, instanceOf, manifestOf, objectsOf, studyUid } from '../unit/worklist/facts.ts';

export { studyUid };

export const MAX_WAIT_MINUTES = 60;

export interface SeededWorklist<Database extends WorklistDatabase = SqliteDatabase> {
  folder: string;
  database: Database;
  clock: Clock;
  store: WorklistStore;
  query: WorklistQuery;
  thresholds: ThresholdChanges;
  close: () => Promise<void>;
}

/** An empty worklist on a real file in `folder`. */
export async function openSeededWorklist(
  folder: string,
  clock: Clock,
  options: { secondPerson: boolean; proofExpectsFlag?: boolean } = { secondPerson: false },
): Promise<SeededWorklist> {
  const path = join(folder, 'worklist.sqlite');
  await migrate(path);
  return worklistOn(await openDatabase(path), folder, clock, options);
}

/** A worklist on a database that is open and migrated. */
export function worklistOn<Database extends WorklistDatabase>(
  database: Database,
  folder: string,
  clock: Clock,
  options: { secondPerson: boolean; proofExpectsFlag?: boolean } = { secondPerson: false },
): SeededWorklist<Database> {
  return {
    folder,
    database,
    clock,
    store: createCaseStore(database, clock, { destinations: ['PACS'] }),
    query: createWorklistQuery(database, clock, { maxWaitMs: MAX_WAIT_MINUTES * 60_000 }),
    thresholds: createThresholdChanges(database, clock, options),
    close: () => database.close(),
  };
}

/** Access to that worklist; without options nobody signs in. */
export function accessTo(
  { database, clock }: Pick<SeededWorklist<WorklistDatabase>, 'database' | 'clock'>,
  options: Partial<AccessOptions> & Partial<SessionLimits> = {},
): Promise<Access> {
  const { idleMs = 30 * 60_000, absoluteMs = 12 * 60 * 60_000 } = options;
  return createAccess(
    {
      signIn: 'off',
      accounts: createAccounts(database, clock),
      sessions: createSessions(database, clock, { idleMs, absoluteMs }),
      tokens: createServiceTokens(database, clock),
      audit: createAuditLog(database, clock),
      signInCounts: createSignInCounts(database, clock),
      secure: false,
      absoluteMs,
      recentMs: 10 * 60_000,
      ...options,
    },
    clock,
  );
}

/** The desk of admins on that worklist: no peers are configured and no proof of life runs, unless `over` says so. */
export function adminOf(
  { database, clock, store, query, folder }: SeededWorklist<WorklistDatabase>,
  over: Partial<AdministrationOptions> = {},
): ReturnType<typeof createAdministration> {
  const runs = createProofRuns(database, clock);
  const ofFile = (over.config ?? configFrom({})).receive.sources;
  return createAdministration({
    config: configFrom({}),
    sources: {
      ofFile,
      ofPage: () => [],
      all: () => ofFile,
      wouldBe: () => {
        throw new TriageError('command-invalid', 'No sender can be tried.');
      },
      mayChange: false,
    },
    pulls: {
      list: () => ({ archives: [], runs: [] }),
      begin: () => Promise.reject(new TriageError('not-found', 'No archive is configured.')),
    },
    destinations: destinationsOfFile(over.config ?? configFrom({})),
    settings: {
      list: () => Promise.resolve({ firstSteps: [], mayChange: false, settings: [], changes: [] }),
      letIn: () => Promise.resolve(),
      takeBack: () => Promise.resolve(),
      try: () => Promise.resolve({ lines: [], effect: '' }),
      set: () => Promise.resolve(),
      exported: () => '',
      imported: () => Promise.resolve([]),
    },
    database,
    store,
    query,
    audit: createAuditLog(database, clock),
    proof: {
      begin: async (cause, by) => ({ id: await runs.begin(cause, by) }),
      status: () => Promise.resolve({ running: null, last: null, lastPassedAtMs: null, alarm: null, takeBack: null }),
      newest: (limit) => runs.newest(limit),
    },
    models: createModelAdministration({
      places: {
        installedDir: join(folder, 'models'),
        configuredDir: resolve('models/compact'),
        shippedDir: resolve('models'),
      },
      store,
      verify: () => Promise.resolve('cpu'),
      serving: () => [],
      uploads: { mostBytes: 50_000_000, keepFreeBytes: 0 },
      onDecided: () => undefined,
      clock,
    }),
    nextProofMs: () => null,
    receiver: () => null,
    echoes: () => [],
    echoSource: () => null,
    spoolDir: '.',
    nodes: () => Promise.resolve([]),
    peakRssBytes: () => Promise.resolve({ agent: 1, receiver: 2, inference: 3 }),
    version: '0.0.0',
    clock,
    ...over,
  });
}

/** A page that only shows the destinations of the file. */
export function destinationsOfFile({
  destinations,
}: Pick<AdministrationOptions['config'], 'destinations'>): AdministrationOptions['destinations'] {
  return {
    mayChange: false,
    place: null,
    ofFile: destinations.map(({ name }) => name),
    ofPage: () => [],
    files: () => Promise.resolve({ folder: '/secrets', files: [] }),
    try: () => Promise.reject(new TriageError('command-invalid', 'No destination can be tried.')),
    set: () => Promise.resolve(),
    takeBack: () => Promise.resolve(),
  };
}

export interface SeededStudy {
  id: string;
  patientName?: string;
  patientId?: string;
  patientBirthDate?: string;
  patientAge?: string;
  patientSex?: string;
  accessionNumber?: string;
  location?: string;
  seriesDescription?: string;
  arrivedMinutesAgo?: number;
  sourceAeTitle?: string;
  /** `running`: received and no more; a number: the probability of a suspected or an unflagged case; else why it was not analysed. */
  outcome: 'running' | number | { reasonCode: string; reason: string };
  /** Slices with pictures of their own on disk; without, three that nobody can look at. */
  slices?: number;
  /** The pictures are slices of a neck, from so far below the vertex, which the table has at `vertexMm`. */
  neck?: { fromMm: number; everyMm: number; vertexMm: number };
  receipt?: 'pending' | 'sent' | 'confirmed' | 'refused';
}

/** Takes a study through the store as the pipeline would. */
export async function addStudy(
  { store, clock, folder }: Pick<SeededWorklist, 'store' | 'clock' | 'folder'>,
  study: SeededStudy,
): Promise<void> {
  const arrivedMs = clock.now() - (study.arrivedMinutesAgo ?? 1) * 60_000;
  const uid = studyUid(study.id);
  const instances = Array.from({ length: study.slices ?? 3 }, (_, at) => at + 1).map((number) => {
    const instance = instanceOf({ study: study.id, number, receivedAtMs: arrivedMs });
    instance.sourceAeTitle = study.sourceAeTitle ?? instance.sourceAeTitle;
    Object.assign(instance.header, {
      patientId: study.patientId ?? instance.header.patientId,
      patientName: study.patientName ?? instance.header.patientName,
      patientBirthDate: study.patientBirthDate ?? instance.header.patientBirthDate,
      patientAge: study.patientAge ?? '056Y',
      patientSex: study.patientSex ?? 'F',
      accessionNumber: study.accessionNumber ?? instance.header.accessionNumber,
      currentPatientLocation: study.location ?? '',
      acquisitionDateTime: dicomTime(arrivedMs - 4 * 60_000),
      seriesDescription: study.seriesDescription ?? instance.header.seriesDescription,
    });
    if (study.slices !== undefined)
      Object.assign(instance.header, {
        rows: PICTURE_SIZE,
        columns: PICTURE_SIZE,
        imagePositionPatientMm: [0, 0, -number],
        ...(study.neck && { pixelSpacingMm: [NECK_PIXEL_MM, NECK_PIXEL_MM] }),
      });
    return instance;
  });
  const depthMm = ({ fromMm, everyMm }: NonNullable<SeededStudy['neck']>, at: number) => fromMm + at * everyMm;
  const { neck } = study;
  if (neck !== undefined) await writePictures(folder, instances, (at) => neckSamples(depthMm(neck, at)));
  else if (study.slices !== undefined) await writePictures(folder, instances, ringSamples);
  await store.recordInstances(instances);
  if (study.outcome === 'running') return;

  await store.nudgeComplete([uid]);
  const manifest = manifestOf(instances);
  if (neck !== undefined) {
    manifest.sliceSpacingMm = neck.everyMm;
    for (const [at, slice] of manifest.slices.entries()) slice.positionMm = neck.vertexMm - depthMm(neck, at);
  }
  for (const verdict of manifest.series)
    verdict.seriesDescription = study.seriesDescription ?? verdict.seriesDescription;
  const analysedAtMs = Math.min(clock.now(), arrivedMs + 40_000);
  const assembling = await claimOf(store, 'assemble', uid);
  if (typeof study.outcome === 'number') {
    await store.apply(assembling, { type: 'seriesChosen', manifest });
    await store.apply(await claimOf(store, 'infer', uid), {
      type: 'inferred',
      findings: findingsOf(study.outcome, {
        analysedAtMs,
        ...(study.slices === undefined ? {} : pictureFindings(instances, study.outcome)),
      }),
    });
  } else {
    const series: SeriesVerdict[] = manifest.series.map((verdict) => ({
      ...verdict,
      eligible: false,
      chosen: false,
      code: 'too-thick',
      reason: 'Slices are 5 mm thick; 3 mm at the most are analysed.',
    }));
    await store.apply(assembling, {
      type: 'notEligible',
      series,
      findings: findingsOf(null, { ...study.outcome, analysedAtMs }),
    });
  }
  const objects = objectsOf(study.id);
  if (typeof study.outcome === 'number' && study.outcome >= 0.5) objects[1]!.path = await cardIn(folder);
  await store.apply(await claimOf(store, 'report', uid), { type: 'reported', objects });
  if (study.receipt === undefined || study.receipt === 'pending') return;
  for (const due of (await store.dueDeliveries('PACS', 1000)).filter(
    (delivery) => delivery.object.studyInstanceUid === uid,
  )) {
    if (study.receipt === 'refused') {
      await store.recordDelivery(due.id, { kind: 'refused', status: '0122', reason: 'SOP class not supported' });
      continue;
    }
    await store.recordDelivery(due.id, { kind: 'sent', status: '0000' });
    if (study.receipt === 'confirmed') await store.recordDelivery(due.id, { kind: 'confirmed' });
  }
}

/** Pixels of a side of the pictures. */
export const PICTURE_SIZE = 128;

/** Real CT files. */
async function writePictures(
  folder: string,
  instances: readonly StoredInstance[],
  samplesOf: (at: number) => Uint16Array,
): Promise<void> {
  for (const [at, { path }] of instances.entries()) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, ctFile({ rows: PICTURE_SIZE, columns: PICTURE_SIZE, samples: samplesOf(at) }));
  }
}

/** The file of a triage card with a grey key image, one for all studies of the folder. */
async function cardIn(folder: string): Promise<string> {
  const path = join(folder, 'card.dcm');
  if (existsSync(path)) return path;
  const [rows, columns] = [1232, 1024];
  const dataset = {
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.7',
    SOPInstanceUID: '2.25.1',
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    Rows: rows,
    Columns: columns,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    PixelData: [new Uint8Array(rows * columns * 3).fill(90).buffer],
  };
  await writeFile(path, writePart10(dataset));
  return path;
}

function samplesBy(valueAt: (row: number, column: number) => number): Uint16Array {
  return Uint16Array.from({ length: PICTURE_SIZE * PICTURE_SIZE }, (_, at) =>
    valueAt(Math.floor(at / PICTURE_SIZE), at % PICTURE_SIZE),
  );
}

/** A bright ring whose place tells the slice, in soft tissue. */
function ringSamples(at: number): Uint16Array {
  return samplesBy((row, column) => {
    const bone = Math.hypot(row - 64, column - 40 - at) < 12;
    return bone ? 1024 + 700 : Math.hypot(row - 64, column - 64) < 56 ? 1024 + 40 : 24;
  });
}

const NECK_PIXEL_MM = 2;

/** The outline of head, neck and shoulders with a vertebra in it, at so many mm below the vertex. */
function neckSamples(depthMm: number): Uint16Array {
  const bump = (atMm: number, widthMm: number) => Math.exp(-(((depthMm - atMm) / widthMm) ** 2));
  const across = (58 + 22 * bump(20, 60) + 60 * bump(230, 50)) / NECK_PIXEL_MM;
  const down = (60 + 32 * bump(20, 70) + 20 * bump(230, 60)) / NECK_PIXEL_MM;
  const boneRadius = (12 + 12 * bump(70, 30) + 5 * bump(200, 30)) / NECK_PIXEL_MM;
  return samplesBy((row, column) => {
    if (Math.hypot((row - 64) / down, (column - 64) / across) > 1) return 24;
    return Math.hypot(row - 70, column - 64) < boneRadius ? 1024 + 700 : 1024 + 40;
  });
}

/** Decodes a slice as the inference child does, of the file that `addStudy` wrote. */
export const decodePicture =
  (folder: string) =>
  (path: string): Promise<SourceSlice> =>
    useSliceFile(join(folder, path), async (file) => (await openCtFile(file)).stored());

/** Scores with two peaks, and maps on both when suspected. */
function pictureFindings(instances: readonly StoredInstance[], probability: number): Partial<Findings> {
  const peaks = [Math.floor(instances.length / 4), Math.floor((3 * instances.length) / 4)];
  const scores = instances.map((_, at) =>
    Math.max(0.02, ...peaks.map((peak, rank) => (probability - 0.1 * rank) * Math.exp(-(((at - peak) / 2) ** 2)))),
  );
  const cam = Array.from({ length: 64 }, (_, cell) => (cell % 8 === 3 && Math.floor(cell / 8) === 3 ? 1 : 0.1));
  const crop = {
    top: 16,
    left: 16,
    bottom: 112,
    right: 112,
    transpose: false,
    flipRows: false,
    flipColumns: false,
    rows: PICTURE_SIZE,
    columns: PICTURE_SIZE,
    fullFrame: false,
  };
  return {
    slices: instances.map(({ header }, at) => ({
      sopInstanceUid: header.sopInstanceUid,
      score: scores[at]!,
      imageProbability: scores[at]!,
    })),
    keySlices:
      probability < 0.5
        ? []
        : peaks.map((sliceIndex) => ({
            sopInstanceUid: instances[sliceIndex]!.header.sopInstanceUid,
            sliceIndex,
            seriesNumber: instances[sliceIndex]!.header.seriesNumber,
            instanceNumber: instances[sliceIndex]!.header.instanceNumber,
            score: scores[sliceIndex]!,
            levels: ['C5', 'C6'],
            cam,
            camRows: 8,
            camColumns: 8,
            crop,
          })),
  };
}

/** The lease on one study; whatever else is due is put off. */
export async function claimOf(store: WorklistStore, stage: StageName, studyInstanceUid: string) {
  for (;;) {
    const claim = await store.claim(stage, 60_000);
    if (claim === null) throw new Error(`${studyInstanceUid} is not due for ${stage}`);
    if (claim.record.studyInstanceUid === studyInstanceUid) return claim;
    await store.release(claim, Number.MAX_SAFE_INTEGER);
  }
}

function dicomTime(ms: number): string {
  const date = new Date(ms);
  return [
    date.getFullYear(),
    date.getMonth() + 1,
    date.getDate(),
    date.getHours(),
    date.getMinutes(),
    date.getSeconds(),
  ]
    .map((part) => String(part).padStart(2, '0'))
    .join('');
}
