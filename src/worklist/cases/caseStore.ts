import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { arrivedInstances, arrivingStudies } from './arrivedInstances.ts';
import { otherVersion, recordedPath, recordInstances } from './recordInstances.ts';
import {
  noteCommitmentAsked,
  reportedCommitments,
  settleCommitment,
  takeCommitmentReport,
} from './askedCommitments.ts';
import { noteBrokenOff, noteSent } from './brokenOff.ts';
import { dismiss } from './dismiss.ts';
import {
  activateModel,
  isModelInForce,
  modelHistory,
  modelInForce,
  noteModelFailed,
  noteModelInUse,
} from '../models/modelActivations.ts';
import { recordValidation, validationsOf } from '../models/modelValidations.ts';
import { recordPackageChange } from '../models/packageChanges.ts';
import { recordRecalibration } from '../models/recalibrations.ts';
import { usedScans } from '../models/usedScans.ts';
import { siteCases } from '../models/siteCases.ts';
import { settleDueTimes } from './dueTimes.ts';
import { recordDelivery } from './deliveryOutcomes.ts';
import { closeRetired, retryDeliveries } from './deliveryOrders.ts';
import { dueDeliveries } from './dueDeliveries.ts';
import { replacedBy, reportOfDelivery } from './earlierResults.ts';
import { addNote } from './outbox.ts';
import { followOthers } from './followOthers.ts';
import { endEarlierLeases } from './interruptions.ts';
import { noteReported, unreadStudies } from './readByReport.ts';
import { releaseQuarantine } from './quarantine.ts';
import { noteOpened, returnOldClaims, stopRinging } from '../list/attention.ts';
import { markLeftOverRead } from '../list/leftOver.ts';
import { claimReading, markRead, markStat, recordVerdict, reprocess, resend } from '../list/readerActions.ts';
import { noteRefused } from './refusedObjects.ts';
import { beginRemoval, finishRemoval, removableCases, removeFeatures } from './removal.ts';
import { filesToDelete, freeFiles, freeableCases, noteDeleted } from './removedFiles.ts';
import { casesWithWaitingPictures, giveUpPictures, waitingBytes } from './waitingPictures.ts';
import { renameDestination } from './renameDestination.ts';
import { countForShadow, nextForShadow, saveShadowScore, shadowScores } from '../models/shadowScores.ts';
import { saveSliceFeatures, sliceFeatures } from './sliceFeatures.ts';
import { takeReports } from './takenMessages.ts';
import { takeOrders } from './takenOrders.ts';
import { apply, claim, fail, heartbeat, nudgeComplete, release } from './stages.ts';
import { endLeases, renewLeases, takeLease } from './workLeases.ts';
import { DEFAULT_CASE_STORE_OPTIONS } from './storeContext.ts';
import type { CaseStoreOptions, StoreContext } from './storeContext.ts';
import { seedThreshold, siteThreshold, threshold, thresholdChange } from '../thresholds/thresholds.ts';

export type { CaseStoreOptions } from './storeContext.ts';

/** Paths, relative to the spool, of every object on record and of those that are about to be deleted: compared with the disk at a start. */
async function knownPaths({ db }: StoreContext): Promise<Set<string>> {
  const rows = await db
    .selectFrom('instances')
    .select('path')
    .unionAll(db.selectFrom('files_to_delete').select('path'))
    .execute();
  return new Set(rows.map((row) => row.path));
}

/** Calls `listener` after every change of this store, and of others that it follows (`followOthers`), for live pages and for tests that wait on events; the returned function unsubscribes. */
function onChange({ listeners }: StoreContext, listener: (studyInstanceUid: string) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What the pipeline, people and housekeeping may do to cases. Each operation is documented where it is implemented. */
const OPERATIONS = {
  renameDestination,
  activateModel,
  addNote,
  apply,
  arrivedInstances,
  arrivingStudies,
  beginRemoval,
  casesWithWaitingPictures,
  claim,
  claimReading,
  closeRetired,
  countForShadow,
  dueDeliveries,
  endEarlierLeases,
  endLeases,
  fail,
  filesToDelete,
  finishRemoval,
  followOthers,
  freeFiles,
  freeableCases,
  giveUpPictures,
  heartbeat,
  isModelInForce,
  knownPaths,
  dismiss,
  markLeftOverRead,
  markRead,
  markStat,
  modelHistory,
  modelInForce,
  nextForShadow,
  noteBrokenOff,
  noteCommitmentAsked,
  noteDeleted,
  noteModelFailed,
  noteModelInUse,
  noteSent,
  noteRefused,
  noteReported,
  noteOpened,
  nudgeComplete,
  onChange,
  recordDelivery,
  recordedPath,
  otherVersion,
  recordInstances,
  recordPackageChange,
  recordRecalibration,
  recordValidation,
  recordVerdict,
  release,
  releaseQuarantine,
  removableCases,
  removeFeatures,
  renewLeases,
  replacedBy,
  reportOfDelivery,
  reportedCommitments,
  reprocess,
  resend,
  retryDeliveries,
  returnOldClaims,
  saveShadowScore,
  saveSliceFeatures,
  seedThreshold,
  settleCommitment,
  settleDueTimes,
  shadowScores,
  siteCases,
  siteThreshold,
  sliceFeatures,
  stopRinging,
  takeCommitmentReport,
  takeLease,
  takeOrders,
  takeReports,
  threshold,
  thresholdChange,
  unreadStudies,
  usedScans,
  validationsOf,
  waitingBytes,
};

/** Functions of a {@link StoreContext} without their first parameter. */
type Bound<Operations> = {
  [Name in keyof Operations]: Operations[Name] extends (context: StoreContext, ...rest: infer Rest) => infer Result
    ? (...rest: Rest) => Result
    : never;
};

/** The cases of a database, with every operation bound to it. */
export type WorklistStore = Bound<typeof OPERATIONS>;

/** Opens the store on a database. Several stores may work on one file, in one process or many. */
export function createCaseStore(
  database: WorklistDatabase,
  clock: Clock,
  options: Partial<CaseStoreOptions> = {},
): WorklistStore {
  const context: StoreContext = {
    db: database.db,
    reads: database.reads,
    clock,
    // Keeps getters: the page may change where results go.
    options: Object.defineProperties({ ...DEFAULT_CASE_STORE_OPTIONS }, Object.getOwnPropertyDescriptors(options)),
    bootId: randomUUID(),
    listeners: new Set(),
    listen: database.listen,
  };
  const bind = (operation: (context: StoreContext, ...rest: never[]) => unknown) => operation.bind(null, context);
  return Object.fromEntries(
    Object.entries(OPERATIONS).map(([name, operation]) => [name, bind(operation)]),
  ) as WorklistStore;
}
