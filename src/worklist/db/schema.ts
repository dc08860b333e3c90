import type { User } from '../../answers/accessAnswers.ts';
import type { ModelValidation } from '../../answers/modelAnswers.ts';
import type { Generated, Selectable } from 'kysely';
import type { Recency } from '../../case/scanAge.ts';
import type { CaseState } from '../../case/caseState.ts';
import type { Decision } from '../../case/decision.ts';
import type { Receipt, ResultObject } from '../../case/delivery.ts';
import type { StageName } from '../../case/claim.ts';
import type { UrgentBy } from '../../case/urgentBy.ts';

/** 0 or 1: SQLite binds no booleans. */
export type Flag = 0 | 1;

/** `ct` is triaged. `other` is kept and shown. `own` is a result of ours that a PACS routed back. */
export type InstanceKind = 'ct' | 'other' | 'own';

/**
 * `cancelled`: a newer revision came before it was sent. `refused`: the destination does not take it; a person must look. `closed`: it is not to be sent, which
 * is nobody's fault; `last_status` says why ({@link ClosedCause}).
 */
export type DeliveryStatus = 'pending' | 'sent' | 'confirmed' | 'refused' | 'cancelled' | 'closed';

/**
 * Why a delivery is closed: the report goes in another SR class; the destination takes no SR and has the triage card; the site does not send such objects, or
 * results of such scans, there; the destination is retired; the picture waited for so long that it was deleted to make room.
 */
export type ClosedCause =
  'other-class' | 'no-sr-class' | 'object-not-wanted' | 'decision-not-wanted' | 'retired' | 'given-up';

/** One row for each study. Times are epoch milliseconds. */
interface CasesTable {
  study_instance_uid: string;
  state: CaseState;
  revision: number;
  patient_id: string;
  issuer_of_patient_id: string;
  patient_name: string;
  patient_birth_date: string;
  patient_sex: string;
  patient_age: string;
  accession_number: string;
  study_date: string;
  study_time: string;
  study_description: string;
  /** DICOM DT of the newest acquisition, in the scanner's own time zone; empty when the headers do not say. */
  acquired_at: string;
  source_ae_title: string;
  /** AE title by which the sender called the agent; empty when not known. */
  called_ae_title: Generated<string>;
  /** Manufacturer and model of the first slice. */
  scanner: Generated<string>;
  /** From the attribute that `worklist.location` names; empty when the headers do not say. */
  location: Generated<string>;
  first_received_at: number;
  last_received_at: number;
  last_slice_at: number | null;
  complete_hint: Generated<Flag>;
  report_due: Generated<Flag>;
  stat: Generated<Flag>;
  /** Who said last whether it is clinically urgent; null while nobody has, and once an order was cancelled. */
  urgent_by: Generated<UrgentBy | null>;
  read_at: number | null;
  read_by: Generated<string | null>;
  /** Who had read the scan when other images of it were analysed; null once somebody reads it again. */
  read_before: Generated<string | null>;
  /** Since when the study is incomplete because its sender's connection broke off; null once it was sent again. */
  broken_off_at: Generated<number | null>;
  /** Who is reading it, and since when. */
  claimed_by: Generated<string | null>;
  claimed_at: Generated<number | null>;
  /** When a person opened the flagged scan or stopped its ringing; null again once a claim of it was given back. */
  attended_at: Generated<number | null>;
  /** From when on a flag rings whose claim was given back. */
  rings_from: Generated<number | null>;
  /** `caseRef` of the study: the name used in addresses. */
  case_ref: string | null;
  quarantine_reason: string | null;
  /** Of the current revision's analysis; kept by triggers, never written here. */
  decision: Generated<Decision | null>;
  probability: Generated<number | null>;
  analysed_at: Generated<number | null>;
  /** A synthetic study of the agent's own: it belongs to no patient, so no list, figure or rank counts it. */
  proof: Generated<Flag>;
  /** Retention has begun to delete its files: nothing claims it any more. */
  removing: Generated<Flag>;
  /** A prior was already old when it came. */
  recency: Generated<Recency>;
  /** It has the recency of a prior because a selection rule ignores it. */
  ignored: Generated<Flag>;
  /** Name of the selection rule that took it; null for none. */
  selection_rule: string | null;
  /** JSON array of the destinations that get its results; null for all. */
  selected_destinations: string | null;
  lease_token: string | null;
  lease_stage: StageName | null;
  lease_until: number | null;
  /** `node.name` of the agent that holds the lease, and its boot id. */
  lease_node: string | null;
  lease_boot: string | null;
  lease_count: Generated<number>;
  attempts: Generated<number>;
  not_before: Generated<number>;
  failure_code: string | null;
  failure_message: string | null;
  failure_stage: string | null;
}

interface InstancesTable {
  study_instance_uid: string;
  sop_instance_uid: string;
  sha256: string;
  kind: InstanceKind;
  /** In conflict with what came before; not analysed unless a person decides so. */
  set_aside: Generated<Flag>;
  path: string;
  size_bytes: number;
  received_at: number;
  source_ae_title: string;
  /** JSON of `InstanceHeader`. */
  header: string;
}

/** What was found about one revision of a case. A new revision has no row yet, so old findings cannot be taken for new ones. */
export interface AnalysesTable {
  study_instance_uid: string;
  revision: number;
  /** JSON of `CaseManifest`. */
  manifest: string | null;
  /** JSON of `SeriesVerdict[]`. */
  series: string;
  /** JSON of `Findings`; the columns after it repeat what lists and queries need. */
  findings: string | null;
  decision: Decision | null;
  reason_code: string | null;
  reason: string | null;
  probability: number | null;
  threshold: number | null;
  threshold_version: number | null;
  /** JSON: key slices without their maps. */
  key_slices: string;
  model_name: string | null;
  model_version: string | null;
  model_sha256: string | null;
  analysed_at: number | null;
}

interface ResultObjectsTable {
  sop_instance_uid: string;
  study_instance_uid: string;
  /** The newest revision whose report it belongs to. */
  revision: number;
  kind: ResultObject['kind'];
  sop_class_uid: string;
  series_instance_uid: string;
  transfer_syntax_uid: string;
  path: string;
  sha256: string;
  size_bytes: number;
  created_at: number;
  /** The report that this one repeats in a lower SR class; null for what the report stage wrote. */
  form_of: string | null;
  /** A key slice with its heatmap. */
  is_heatmap: Generated<Flag>;
  /** Since when its file is off the record: no destination was to get it any more. Null while it is here. */
  file_removed_at: number | null;
}

interface DeliveriesTable {
  id: Generated<number>;
  sop_instance_uid: string;
  destination: string;
  status: DeliveryStatus;
  attempts: Generated<number>;
  next_attempt_at: number;
  created_at: number;
  sent_at: number | null;
  confirmed_at: number | null;
  /** When a confirmed result is next checked; null when it has been checked often enough. */
  next_check_at: number | null;
  last_status: string | null;
  last_error: string | null;
  /** How often the destination has accepted it. */
  sends: Generated<number>;
  /** What a person should know about a receipt, in our own words. */
  remark: string | null;
  /** What a confirmation rests on; null for those of earlier versions. */
  receipt: Receipt | null;
}

/** Work that one node does at a time. */
interface WorkLeasesTable {
  work: string;
  /** `node.name` of the agent that holds it, and its boot id. */
  node: string;
  boot: string;
  /** By the database's clock. */
  held_until: number;
}

/** An agent on the database. */
export interface NodesTable {
  /** `node.name`. */
  name: string;
  /** JSON: NodeRole[] */
  roles: string;
  version: string;
  /** Where it keeps objects and results, and what is written there to tell this folder from any other. */
  shared_dir: string;
  objects_id: string;
  /** By the database's clock. */
  started_at: number;
  seen_at: number;
  /** 1 once it has stopped in order. */
  stopped: 0 | 1;
  /** JSON: what it says of itself and its work; null until it has said something. */
  work: string | null;
}

interface CaseEventsTable {
  id: Generated<number>;
  study_instance_uid: string;
  revision: number;
  at: number;
  type: string;
  from_state: CaseState | null;
  to_state: CaseState;
  actor: string;
  /** JSON object, free of PHI. */
  detail: string;
  /** `node.name` of the agent that did it; null for what is not known, or is nobody's. */
  node: Generated<string | null>;
}

/** How far the history has been sent as traces: one row while a collector is configured. */
interface TracePositionTable {
  id: 1;
  sent_id: number;
  /** By which traces are named, so that nobody can tell a study from its trace. */
  key: string;
}

/** `stopped`: no scan is flagged. `follows-site`: the source no longer has a threshold of its own. */
export type ThresholdMode = 'on' | 'stopped' | 'follows-site';

/** Appended only: the newest row of a model and source is in force. */
interface ThresholdsTable {
  version: Generated<number>;
  model_name: string;
  /** Empty: the whole site. */
  source_ae_title: Generated<string>;
  mode: Generated<ThresholdMode>;
  value: number;
  reason: string;
  created_at: number;
  created_by: string;
  /** The second person, where the site asks for one. */
  approved_by: Generated<string | null>;
  /** The version that this one reverts. */
  reverts: Generated<number | null>;
}

/** How a request ended; null while it is open. */
export type DraftOutcome = 'activated' | 'withdrawn' | 'expired' | 'data-changed' | 'threshold-changed';

/** A request to change a threshold, with what its author saw. */
export interface ThresholdDraftsTable {
  id: Generated<number>;
  model_name: string;
  model_sha256: string;
  source_ae_title: string;
  mode: ThresholdMode;
  value: number;
  reason: string;
  /** Newest version of the model's thresholds at the time: a later one ends the request. */
  base_version: number;
  /** Scans that arrived before this time were not looked at. */
  since: number;
  /** Digest of the confirmed truth that the request rests on. */
  facts_sha256: string;
  /** JSON array of study UIDs: confirmed fractures that would no longer be flagged. */
  lost_fractures: string;
  created_at: number;
  created_by: string;
  /** The author has signed and a second person is awaited. */
  signed_at: number | null;
  closed_at: number | null;
  closed_by: string | null;
  outcome: DraftOutcome | null;
}

/** What is kept of a removed case. */
interface ScanHistoryTable {
  study_instance_uid: string;
  source_ae_title: string;
  scanner: string;
  arrived_at: number;
  scored_at: number | null;
  probability: number | null;
  model_sha256: string | null;
  /** Null without a score, and for scans that were removed by an earlier release. */
  decision: Decision | null;
  stat: Flag;
  read_at: number | null;
}

/** A reader's judgement of a result. `agree` and `disagree` refer to the decision of that revision. */
export type Verdict = 'agree' | 'disagree' | 'unsure';

/** Appended only; a reader's newest one for a revision is in force. The score stands beside it and outlives the case. */
export interface VerdictsTable {
  id: Generated<number>;
  study_instance_uid: string;
  revision: number;
  verdict: Verdict;
  /** Derived from the verdict and the decision; null when unsure. */
  fracture: 'yes' | 'no' | null;
  model_name: string;
  model_version: string;
  model_sha256: string;
  probability: number;
  threshold: number | null;
  threshold_version: number | null;
  created_at: number;
  created_by: string;
}

interface SliceFeaturesTable {
  model_sha256: string;
  /** `imageKey`: the object's digest, for a frame followed by its number. */
  instance_sha256: string;
  image_probability: number;
  /** Little-endian float32. */
  feature: Buffer;
  cam: Buffer;
  cam_rows: number;
  cam_columns: number;
  /** JSON of `SliceCrop`. */
  crop: string;
}

/** Appended only: the newest `activated` row of a role is what is wanted; the agent answers it with `in-use` or `failed`. */
export interface ModelActivationsTable {
  id: Generated<number>;
  role: 'active' | 'shadow';
  event: 'activated' | 'in-use' | 'failed';
  /** The `activated` row that an answer belongs to. */
  activation_id: number | null;
  /** All null: the role is to be empty, which is allowed for the shadow only. */
  model_name: string | null;
  model_version: string | null;
  model_sha256: string | null;
  /** Operating point that takes effect with the package; null keeps the one in force. */
  threshold: number | null;
  /** A person's reason, or why it failed. */
  reason: string;
  created_at: number;
  created_by: string;
  /** Who signed second, where the package was never validated here. */
  approved_by: Generated<string | null>;
}

/** Appended only: local validations of packages. */
export interface ModelValidationsTable {
  id: Generated<number>;
  model_name: string;
  model_version: string;
  model_sha256: string;
  /** The folder, or which of the site's cases. */
  dataset: string;
  kind: ModelValidation['kind'];
  synthetic: Flag;
  cases: number;
  patients: number;
  /** Analysed cases of each class. */
  positives: number;
  negatives: number;
  threshold: number;
  /** JSON of `ModelValidation['figures']`. */
  figures: string;
  created_at: number;
  created_by: string;
}

/** What a shadow package found for one revision of a case, beside what was reported. */
export interface ShadowScoresTable {
  study_instance_uid: string;
  revision: number;
  model_name: string;
  model_version: string;
  model_sha256: string;
  /** Why it could not be scored; everything about the score is null then. */
  failure: string | null;
  decision: Decision | null;
  reason_code: string | null;
  reason: string | null;
  probability: number | null;
  threshold: number | null;
  /** Excludes the time for which it paused for the active package. */
  seconds: number | null;
  slices: number;
  active_model_name: string;
  active_model_version: string;
  active_model_sha256: string;
  active_decision: Decision;
  active_reason_code: string | null;
  active_probability: number | null;
  active_threshold: number | null;
  /** From the stage's start: slices encoded on arrival are not included. */
  active_seconds: number | null;
  created_at: number;
}

/** Proofs of life: synthetic studies that the agent sends itself. */
export interface ProofRunsTable {
  id: Generated<number>;
  /** Generated for this run; null until the study is made. */
  study_instance_uid: string | null;
  cause: 'schedule' | 'person';
  requested_by: string;
  started_at: number;
  finished_at: number | null;
  outcome: 'passed' | 'failed' | 'stopped' | null;
  failure: string | null;
  /** JSON of `ProofMeasures`. */
  measures: string;
}

export interface UsersTable {
  id: string;
  name: string;
  kind: User['kind'];
  role: User['role'];
  /** argon2id in its own text form; null until the set-up link is used, and for accounts of the identity provider. */
  password_hash: string | null;
  issuer: string | null;
  subject: string | null;
  disabled_at: number | null;
  created_at: number;
  last_sign_in_at: number | null;
}

/** One-time links to set a password; `user_id` is null for the first admin's. */
interface SetUpLinksTable {
  secret_sha256: string;
  user_id: string | null;
  created_at: number;
  expires_at: number;
}

interface SessionsTable {
  secret_sha256: string;
  id: string;
  user_id: string;
  signed_in_at: number;
  confirmed_at: number;
  last_seen_at: number;
  address: string;
  user_agent: string;
  csrf_token: string;
  /** Until when the person is shown patients' names in the list; null when they have not asked for that. */
  names_shown_until: Generated<number | null>;
}

/** Attempts to sign in. */
interface SignInCountsTable {
  /** Keyed digest of what is counted: names that people type may be passwords. */
  name: string;
  count: number;
  ends_at: number;
}

/** Browsers that are at the identity provider. */
interface SignInJourneysTable {
  state_sha256: string;
  binding_sha256: string;
  verifier: string;
  nonce: string;
  replaces: string | null;
  ends_at: number;
}

/** Lists that pages show, for other nodes. */
interface ListOrdersTable {
  id: string;
  /** JSON: studies, in reading order. */
  unread: string;
  /** JSON: the first of the read cases, as study and time. */
  done: string;
  ends_at: number;
}

/** A machine that reads the API, or a screen on a wall. */
export type TokenKind = 'machine' | 'sender' | 'wall';

interface ServiceTokensTable {
  id: string;
  name: string;
  kind: Generated<TokenKind>;
  secret_sha256: string;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
}

interface AccessKeysTable {
  name: string;
  value: string;
}

/** Appended only; each entry holds the hash of the one before it. */
export interface AuditTable {
  seq: number;
  at: number;
  action: string;
  actor: string;
  address: string;
  target: string;
  /** JSON object, free of PHI. */
  detail: string;
  previous_hash: string;
  hash: string;
}

/** How far the audit has been sent to the site's repository: one row while a repository is configured. */
interface AuditPositionTable {
  id: 1;
  sent_seq: number;
}

/** Patients of removed studies, kept until the audit repository has been told of the removal. */
interface AuditPatientsTable {
  study_instance_uid: string;
  patient_id: string;
  patient_name: string;
  /** The audit entry of the removal: once it is sent, this row is deleted. */
  removed_seq: number;
}

/** Objects that were answered with a failure and have not come since. */
interface RefusedObjectsTable {
  study_instance_uid: string;
  sop_instance_uid: string;
  series_instance_uid: string;
  sop_class_uid: string;
  why: string;
  refused_at: number;
}

/** A removed study: what the worklist said of it, and what of it was deleted. */
export interface RemovedCasesTable {
  study_instance_uid: string;
  case_ref: string | null;
  revision: number;
  state: CaseState;
  patient_id: string;
  patient_name: string;
  accession_number: string;
  study_date: string;
  source_ae_title: string;
  decision: Decision | null;
  reason: string | null;
  probability: number | null;
  threshold: number | null;
  first_received_at: number;
  read_at: number | null;
  read_by: string | null;
  removed_at: number;
  cause: 'age' | 'disk';
  /** Files that were deleted, and their size. */
  objects: number;
  results: number;
  size_bytes: number;
}

/** A case that is still here without the files that came: retention has deleted them while its results wait for a destination. */
export interface RemovedFilesTable {
  study_instance_uid: string;
  /** The revision that rests on these files; a later one rests on files that came since. */
  revision: number;
  removed_at: number;
  cause: RemovedCasesTable['cause'];
  /** Files that were deleted, and their size; added up when it happens again. */
  objects: number;
  size_bytes: number;
  /** JSON of the `InstanceHeader` of the first analysed object, by which a late series is judged; null where none was analysed. */
  analysed_header: string | null;
}

/** Received files, relative to the spool, that are on record no more and have still to be deleted. */
interface FilesToDeleteTable {
  path: string;
}

/** An urgent order; the images that it is for may not have come yet. */
interface UrgentOrdersTable {
  accession_number: string;
  /** JSON: StatedPatientId[] */
  patient_ids: string;
  ordered_at: number;
}

/** An HL7 message that was taken. */
interface TakenMessagesTable {
  /** MSH-3 and MSH-4. */
  sender: string;
  /** MSH-10. */
  control_id: string;
  /** Of what follows MSH. */
  sha256: string;
  taken_at: number;
}

/** An archive that is asked for new studies. */
interface WatchedArchivesTable {
  name: string;
  /** DICOM DA: everything found up to this day is in `watched_studies`. */
  asked_to: string | null;
  succeeded_at: number | null;
  failed_at: number | null;
  /** Why the last look failed; null when it did not. */
  last_error: string | null;
}

/** A commitment that a destination was asked for. */
interface AskedCommitmentsTable {
  transaction_uid: string;
  destination: string;
  /** JSON array of SOP Instance UIDs. */
  sop_instance_uids: string;
  asked_at: number;
  reported_at: number | null;
  /** JSON of what was reported, until it is recorded with the deliveries. */
  report: string | null;
}

/** A request for Storage Commitment whose report has not been taken yet. */
interface CommitmentRequestsTable {
  source_ae_title: string;
  transaction_uid: string;
  called_ae_title: string;
  /** JSON array of `SopReference`. */
  sop_references: string;
  asked_at: number;
  due_at: number;
  attempts: Generated<number>;
  last_error: string | null;
}

/** A study that a watched archive was found to have. */
interface WatchedStudiesTable {
  archive: string;
  study_instance_uid: string;
  study_date: string;
  stated_instances: number | null;
  found_at: number;
  /** When it is fetched next; null when it is here or need not be. */
  due_at: number | null;
  attempts: Generated<number>;
  last_error: string | null;
}

/** A scan for which an archive is, or was, asked for priors. */
interface PriorSearchesTable {
  archive: string;
  study_instance_uid: string;
  found_at: number;
  /** When it is asked next; null when that is over. */
  due_at: number | null;
  attempts: Generated<number>;
  failed_at: number | null;
  last_error: string | null;
}

/** How many cases there are of each kind; kept by triggers. */
interface CaseCountsTable {
  state: CaseState;
  proof: Flag;
  held: Flag;
  unread: Flag;
  report_due: Flag;
  cases: number;
}

/** Appended only: the newest row of a key is in force. */
interface PageSettingsTable {
  version: Generated<number>;
  key: string;
  /** JSON; null when what the page had said was taken back. */
  value: string | null;
  reason: string;
  changed_by: string;
  changed_at: number;
}

export interface Schema {
  page_settings: PageSettingsTable;
  refused_objects: RefusedObjectsTable;
  cases: CasesTable;
  instances: InstancesTable;
  analyses: AnalysesTable;
  result_objects: ResultObjectsTable;
  deliveries: DeliveriesTable;
  case_events: CaseEventsTable;
  trace_position: TracePositionTable;
  thresholds: ThresholdsTable;
  threshold_drafts: ThresholdDraftsTable;
  scan_history: ScanHistoryTable;
  verdicts: VerdictsTable;
  slice_features: SliceFeaturesTable;
  model_activations: ModelActivationsTable;
  model_validations: ModelValidationsTable;
  shadow_scores: ShadowScoresTable;
  proof_runs: ProofRunsTable;
  users: UsersTable;
  set_up_links: SetUpLinksTable;
  sessions: SessionsTable;
  service_tokens: ServiceTokensTable;
  access_keys: AccessKeysTable;
  audit_log: AuditTable;
  audit_position: AuditPositionTable;
  audit_patients: AuditPatientsTable;
  removed_cases: RemovedCasesTable;
  removed_files: RemovedFilesTable;
  files_to_delete: FilesToDeleteTable;
  case_counts: CaseCountsTable;
  asked_commitments: AskedCommitmentsTable;
  commitment_requests: CommitmentRequestsTable;
  taken_messages: TakenMessagesTable;
  urgent_orders: UrgentOrdersTable;
  watched_archives: WatchedArchivesTable;
  watched_studies: WatchedStudiesTable;
  prior_searches: PriorSearchesTable;
  work_leases: WorkLeasesTable;
  nodes: NodesTable;
  sign_in_counts: SignInCountsTable;
  sign_in_journeys: SignInJourneysTable;
  list_orders: ListOrdersTable;
}

export type CaseRow = Selectable<CasesTable>;
export type InstanceRow = Selectable<InstancesTable>;
export type AnalysisRow = Selectable<AnalysesTable>;
