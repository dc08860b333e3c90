import type { Clock } from '../../base/clock.ts';
import type { CaseStore, ModelIdentity } from '../../case/ports.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { recordedPath, recordInstances } from './recordInstances.ts';
import { leaveAsIs } from './leaveAsIs.ts';
import {
  activateModel,
  modelHistory,
  modelInForce,
  noteModelFailed,
  noteModelInUse,
} from '../models/modelActivations.ts';
import type { ModelActivation, ModelInForce, ModelRole } from '../models/modelActivations.ts';
import { dueDeliveries, recordDelivery, retryDeliveries } from './outbox.ts';
import { releaseQuarantine } from './quarantine.ts';
import type { QuarantineRelease } from './quarantine.ts';
import { claimReading, markRead, markStat, recordVerdict, reprocess, resend } from '../list/readerActions.ts';
import { beginRemoval, finishRemoval, removableCases } from './removal.ts';
import type { CaseFiles, RemovableCase } from './removal.ts';
import type { Verdict } from '../db/schema.ts';
import { countForShadow, nextForShadow, saveShadowScore, shadowScores } from '../models/shadowScores.ts';
import type { ShadowCase, ShadowOutcome, ShadowScore } from '../models/shadowScores.ts';
import { saveSliceFeatures, sliceFeatures } from './sliceFeatures.ts';
import { abandonLeases, apply, claim, fail, heartbeat, nudgeComplete, release } from './stages.ts';
import { DEFAULT_CASE_STORE_OPTIONS } from './storeContext.ts';
import type { CaseStoreOptions, StoreContext } from './storeContext.ts';
import { seedThreshold, siteThreshold, threshold } from '../thresholds/thresholds.ts';

export type { CaseStoreOptions } from './storeContext.ts';

/** The only writer of the worklist: what the pipeline needs, and what people and housekeeping may do. */
export interface WorklistStore extends CaseStore {
  /** Sets the operating point that a model ships with, unless the site has one for it already. */
  seedThreshold(modelName: string, value: number): Promise<void>;
  /** Says which package a role is to have from now on; the agent follows. @throws TriageError `command-invalid` without a reason */
  activateModel(change: {
    role: ModelRole;
    model: ModelIdentity | null;
    threshold: number | null;
    reason: string;
    by: string;
    address?: string;
  }): Promise<ModelActivation>;
  modelInForce(role: ModelRole): Promise<ModelInForce>;
  /** Decisions about both roles with what has come of each, newest first. */
  modelHistory(limit: number): Promise<ModelActivation[]>;
  /** The package serves; its operating point comes into force with it. */
  noteModelInUse(activation: ModelActivation, shippedThreshold: number): Promise<void>;
  /** The package could not be loaded. */
  noteModelFailed(activation: ModelActivation, failure: string): Promise<void>;
  /** What the site has for a name: its value, whether somebody here chose it, and the sources that have one of their own; null when there is none. */
  siteThreshold(modelName: string): Promise<{ value: number; isSites: boolean; ownSources: string[] } | null>;
  /** The newest reported case that this package has not scored. */
  nextForShadow(modelSha256: string): Promise<ShadowCase | null>;
  countForShadow(modelSha256: string): Promise<number>;
  saveShadowScore(model: ModelIdentity, scored: ShadowCase, outcome: ShadowOutcome): Promise<void>;
  /** Everything that a shadow package said, newest first. */
  shadowScores(modelSha256: string): Promise<ShadowScore[]>;
  /** @throws TriageError `not-found` when the study is not held. */
  releaseQuarantine(studyInstanceUid: string, decision: QuarantineRelease): Promise<void>;
  /** Takes what waits for a person off their list, as it is. @throws TriageError `not-found` when nothing of the study waits */
  leaveAsIs(studyInstanceUid: string, decision: { actor: string; reason: string }): Promise<void>;
  /** @throws TriageError `not-found` */
  markRead(studyInstanceUid: string, read: boolean, actor: string): Promise<void>;
  /** @throws TriageError `not-found` */
  markStat(studyInstanceUid: string, stat: boolean, actor: string): Promise<void>;
  /** "I'm reading", or not any more. @throws TriageError `not-found`, `case-taken` when somebody else reads it, unless `takeOver` */
  claimReading(studyInstanceUid: string, claim: { claimed: boolean; takeOver: boolean; actor: string }): Promise<void>;
  /** What a reader makes of the result that they saw. @throws TriageError `not-found`, `case-changed` */
  recordVerdict(
    studyInstanceUid: string,
    verdict: { revision: number; verdict: Verdict; actor: string },
  ): Promise<void>;
  /** Analyses a study anew, under a new revision. @throws TriageError `not-found`, `case-changed` */
  reprocess(studyInstanceUid: string, request: { actor: string; reason: string }): Promise<void>;
  /** Sends the objects of the present revision again and returns how many deliveries are due. @throws TriageError `not-found` */
  resend(studyInstanceUid: string, request: { actor: string; reason: string }): Promise<number>;
  /** Makes deliveries that were refused, or wait for their next attempt, due now and returns how many. */
  retryDeliveries(studyInstanceUid: string, actor: string, reason: string): Promise<number>;
  /** For a start, when no worker of an earlier run can be alive: their cases are due at once. Returns how many. */
  abandonLeases(): Promise<number>;
  /** Finished cases that got nothing new since `beforeMs`, oldest first. */
  removableCases(beforeMs: number, limit: number): Promise<RemovableCase[]>;
  /** Closes a finished case to all work and names its files; null when it is not finished any more, or got something since `beforeMs`. */
  beginRemoval(studyInstanceUid: string, beforeMs: number): Promise<CaseFiles | null>;
  /** Takes a case off the record once its files are gone; false when new input has reopened it. */
  finishRemoval(studyInstanceUid: string): Promise<boolean>;
}

/** The store on an open database. Several may work on one file, in one process or many. */
export function createCaseStore(
  database: WorklistDatabase,
  clock: Clock,
  options: Partial<CaseStoreOptions> = {},
): WorklistStore {
  const context: StoreContext = {
    db: database.db,
    clock,
    options: { ...DEFAULT_CASE_STORE_OPTIONS, ...options },
    listeners: new Set(),
  };
  return {
    recordInstances: (instances) => recordInstances(context, instances),
    recordedPath: (instance) => recordedPath(context, instance),
    knownPaths: async () =>
      new Set((await context.db.selectFrom('instances').select('path').execute()).map((row) => row.path)),
    claim: (stage, leaseMs) => claim(context, stage, leaseMs),
    heartbeat: (held, leaseMs) => heartbeat(context, held, leaseMs),
    apply: (held, event) => apply(context, held, event),
    fail: (held, failure) => fail(context, held, failure),
    release: (held, notBeforeMs = 0) => release(context, held, notBeforeMs),
    nudgeComplete: (studies) => nudgeComplete(context, studies),
    sliceFeatures: (model, instances) => sliceFeatures(context, model, instances),
    saveSliceFeatures: (model, features) => saveSliceFeatures(context, model, features),
    threshold: (model, source) => threshold(context, model, source),
    seedThreshold: (model, value) => seedThreshold(context, model, value),
    activateModel: (change) => activateModel(context, change),
    modelInForce: (role) => modelInForce(context, role),
    modelHistory: (limit) => modelHistory(context, limit),
    noteModelInUse: (activation, shipped) => noteModelInUse(context, activation, shipped),
    noteModelFailed: (activation, failure) => noteModelFailed(context, activation, failure),
    siteThreshold: (model) => siteThreshold(context, model),
    nextForShadow: (model) => nextForShadow(context, model),
    countForShadow: (model) => countForShadow(context, model),
    saveShadowScore: (model, scored, outcome) => saveShadowScore(context, model, scored, outcome),
    shadowScores: (model) => shadowScores(context, model),
    dueDeliveries: (destination, limit) => dueDeliveries(context, destination, limit),
    recordDelivery: (id, outcome) => recordDelivery(context, id, outcome),
    retryDeliveries: (study, actor, reason) => retryDeliveries(context, study, actor, reason),
    releaseQuarantine: (study, decision) => releaseQuarantine(context, study, decision),
    leaveAsIs: (study, decision) => leaveAsIs(context, study, decision),
    markRead: (study, read, actor) => markRead(context, study, read, actor),
    markStat: (study, stat, actor) => markStat(context, study, stat, actor),
    claimReading: (study, claiming) => claimReading(context, study, claiming),
    recordVerdict: (study, verdict) => recordVerdict(context, study, verdict),
    reprocess: (study, request) => reprocess(context, study, request),
    resend: (study, request) => resend(context, study, request),
    abandonLeases: () => abandonLeases(context),
    removableCases: (beforeMs, limit) => removableCases(context, beforeMs, limit),
    beginRemoval: (study, beforeMs) => beginRemoval(context, study, beforeMs),
    finishRemoval: (study) => finishRemoval(context, study),
    onChange: (listener) => {
      context.listeners.add(listener);
      return () => context.listeners.delete(listener);
    },
  };
}
