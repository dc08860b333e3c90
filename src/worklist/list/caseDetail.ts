import type { Transaction } from 'kysely';
import type { CaseVolume, FilesRemoved, PatientStudy } from '../../answers/caseAnswer.ts';
import type { RowDelivery, WorklistRow } from '../../answers/worklistAnswer.ts';
import { imageReference } from '../../case/frames.ts';
import { TriageError } from '../../base/errors.ts';
import type { CaseManifest, Findings, SeriesVerdict } from '../../case/case.ts';
import { scanAgeNote } from '../../case/scanAge.ts';
import type { CaseState } from '../../case/caseState.ts';
import type { ResultObject } from '../../case/delivery.ts';
import { currentAnalysis, onCurrentRevision } from '../cases/currentAnalysis.ts';
import { filesRemovedSentence, removalSentence } from '../cases/removedCases.ts';
import { removedFilesOf } from '../cases/removedFiles.ts';
import type { Schema } from '../db/schema.ts';
import { caseRecordOf } from './caseRecord.ts';
import { caseVolume, namedVolume, type VolumeSlice } from './caseVolume.ts';
import { deliveriesOf, describeCases, type ReadingContext } from './listedRows.ts';
import { patientStudies, scannedAt } from './patientStudies.ts';
import { whyHere } from './priority.ts';

interface CaseEventRow {
  atMs: number;
  revision: number;
  type: string;
  from: CaseState | null;
  to: CaseState;
  actor: string;
  detail: Record<string, unknown>;
}

export interface CaseDetail {
  row: WorklistRow;
  /** What is to be said of the age of the scan; empty otherwise. */
  ageNote: string;
  /** Other studies of the patient, scanned before and after this one, newest first. */
  priors: PatientStudy[];
  newer: PatientStudy[];
  /** Every series with why it was or was not analysed; empty until assembled. */
  series: SeriesVerdict[];
  manifest: CaseManifest | null;
  /** Geometry of the analysed series; null when none was analysed, or its files are gone. */
  volume: CaseVolume | null;
  /** What retention has removed of it; null while the images that it rests on are here. */
  filesRemoved: FilesRemoved | null;
  findings: Findings | null;
  instances: { received: number; setAside: number; ownResults: number };
  /** Result objects of every revision, oldest first, with the absolute path of the file. */
  results: {
    sopInstanceUid: string;
    seriesInstanceUid: string;
    kind: ResultObject['kind'];
    revision: number;
    /** A key slice with its heatmap; of pictures, any other one is the triage card. */
    isHeatmap: boolean;
    path: string;
    deliveries: RowDelivery[];
  }[];
  events: CaseEventRow[];
}

/** Everything on record of one study. Its row has no rank. @throws TriageError `not-found` */
export async function caseDetail(
  db: Transaction<Schema>,
  { clock, maxWaitMs }: ReadingContext,
  studyInstanceUid: string,
): Promise<CaseDetail> {
  const row = await db
    .selectFrom('cases')
    .selectAll()
    .where('study_instance_uid', '=', studyInstanceUid)
    .executeTakeFirst();
  if (row === undefined) throw new TriageError('not-found', 'There is no such study on the worklist.');
  const now = clock.now();
  const known = (await describeCases(db, now, [row]))[0]!;
  const inList = known.readAtMs === null && !known.offList ? { ...known, ...whyHere(known, now, maxWaitMs) } : known;
  const analysis = await currentAnalysis(db, row);
  const { manifest, findings } = caseRecordOf(row, analysis);
  const removed = await removedFilesOf(db, row);
  const instances = await db
    .selectFrom('instances')
    .select(['kind', 'set_aside'])
    .where('study_instance_uid', '=', studyInstanceUid)
    .execute();
  const objects = await db
    .selectFrom('result_objects')
    .selectAll()
    .where('study_instance_uid', '=', studyInstanceUid)
    .orderBy('revision')
    // The report comes before the pictures.
    .orderBy('kind', 'desc')
    .orderBy('path')
    .execute();
  const deliveries = (await deliveriesOf(db, [studyInstanceUid])).get(studyInstanceUid) ?? [];
  const events = await db
    .selectFrom('case_events')
    .selectAll()
    .where('study_instance_uid', '=', studyInstanceUid)
    .orderBy('id')
    .execute();
  return {
    row: inList,
    ageNote: scanAgeNote(row.ignored === 1 ? 'new' : row.recency, scannedAt(row), row.first_received_at),
    ...(await patientStudies(db, row)),
    series: analysis === undefined ? [] : (JSON.parse(analysis.series) as SeriesVerdict[]),
    manifest,
    volume: manifest === null || removed !== undefined ? null : await namedVolume(db, studyInstanceUid, manifest),
    filesRemoved:
      removed === undefined ? null : { atMs: removed.removed_at, cause: removed.cause, objects: removed.objects },
    findings,
    instances: {
      received: instances.filter((instance) => instance.kind !== 'own').length,
      setAside: instances.filter((instance) => instance.set_aside === 1).length,
      ownResults: instances.filter((instance) => instance.kind === 'own').length,
    },
    results: objects.map((object) => ({
      sopInstanceUid: object.sop_instance_uid,
      seriesInstanceUid: object.series_instance_uid,
      kind: object.kind,
      revision: object.revision,
      isHeatmap: object.is_heatmap === 1,
      path: object.path,
      deliveries: deliveries.filter((delivery) => delivery.sopInstanceUid === object.sop_instance_uid),
    })),
    events: events.map((event) => ({
      atMs: event.at,
      revision: event.revision,
      type: event.type,
      from: event.from_state,
      to: event.to_state,
      actor: event.actor,
      detail: JSON.parse(event.detail) as Record<string, unknown>,
    })),
  };
}

/** The study of a case reference; the UID of a study on the worklist is returned as it is. @throws TriageError `not-found`, `case-removed` saying when and why */
export async function studyOf(db: Transaction<Schema>, word: string): Promise<string> {
  const row = await db
    .selectFrom('cases')
    .select('study_instance_uid')
    .where(word.includes('.') ? 'study_instance_uid' : 'case_ref', '=', word)
    .executeTakeFirst();
  if (row !== undefined) return row.study_instance_uid;
  const removal = await removalSentence(db, word);
  if (removal !== null) throw new TriageError('case-removed', removal);
  throw new TriageError('not-found', 'There is no such study on the worklist.');
}

/**
 * Slices of the analysed series by index, superior first. Indexes beyond its ends are skipped, except the first one asked for.
 * @throws TriageError `not-found`, `slice-gone` when retention has removed them
 */
export async function volumeSlices(
  db: Transaction<Schema>,
  studyInstanceUid: string,
  indexes: readonly number[],
): Promise<VolumeSlice[]> {
  const analysis = await db
    .selectFrom('cases')
    .innerJoin('analyses', onCurrentRevision)
    .select(['analyses.manifest', 'cases.study_instance_uid', 'cases.revision'])
    .where('cases.study_instance_uid', '=', studyInstanceUid)
    .where('cases.removing', '=', 0)
    .executeTakeFirst();
  const manifest = analysis?.manifest == null ? null : (JSON.parse(analysis.manifest) as CaseManifest);
  if (manifest?.slices[indexes[0] ?? -1] === undefined) throw new TriageError('not-found', 'There is no such slice.');
  const removed = await removedFilesOf(db, analysis!);
  if (removed !== undefined) throw new TriageError('slice-gone', filesRemovedSentence(removed));
  const known = await caseVolume(db, studyInstanceUid, manifest);
  if (known === null) throw new TriageError('not-found', 'The slices of this study are not here.');
  return indexes.flatMap((index) => {
    const slice = manifest.slices[index];
    if (slice === undefined) return [];
    return [
      {
        ...imageReference(slice),
        path: slice.path,
        sha256: slice.sha256,
        orientation: known.orientation,
      },
    ];
  });
}
