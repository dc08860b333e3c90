import type { Transaction } from 'kysely';
import type { InstanceHeader, RecordOutcome, SeriesVerdict, StoredInstance } from '../../case/case.ts';
import { caseRef } from '../../case/caseRef.ts';
import { filledAttributes } from '../../case/filledAttributes.ts';
import type { LateImages } from '../../case/lateImages.ts';
import { identityDifferences } from '../../case/patientIdentity.ts';
import { asOfPatient, caseRecordOf, headerOf, patientOf, storedInstanceOf } from '../list/caseRecord.ts';
import { arrivalsByPatient, TWO_PATIENTS } from '../list/heldCases.ts';
import { CT_SOP_CLASSES } from '../../dicom/sopClasses.ts';
import { acquiredAt, isPrior } from '../../case/scanAge.ts';
import { isProof } from '../proof/proofRuns.ts';
import { currentAnalysis } from './currentAnalysis.ts';
import { quarantine } from './quarantine.ts';
import { eraseCase } from './removal.ts';
import { isToBeDeleted, removedFilesOf } from './removedFiles.ts';
import { reopen } from './reopen.ts';
import type { CaseRow, Flag, InstanceKind, Schema } from '../db/schema.ts';
import { appendEvent, caseRow, NO_LEASE, write } from './storeContext.ts';
import { applyKeptOrders, setUrgentByRule } from './urgency.ts';
import type { CaseStoreOptions, StoreContext } from './storeContext.ts';

/** Manufacturer (0008,0070) of what the agent writes. */
const OWN_MANUFACTURER = 'ODONTOID';

/** Our own results are never CT, so nothing that a scanner sends can be taken for one and left out. */
export function instanceKind(header: Pick<InstanceHeader, 'sopClassUid' | 'manufacturer'>): InstanceKind {
  if (CT_SOP_CLASSES.has(header.sopClassUid)) return 'ct';
  return header.manufacturer.trim().toUpperCase() === OWN_MANUFACTURER ? 'own' : 'other';
}

/** Records received objects in one transaction, creates cases and starts new revisions. Idempotent: an object on record already changes nothing. `sameImages`: paths of objects with the same pixels as a version on record. */
export async function recordInstances(
  context: StoreContext,
  instances: readonly StoredInstance[],
  sameImages: ReadonlySet<string> = new Set(),
): Promise<RecordOutcome[]> {
  return write(context, async (trx, touched) => {
    const outcomes: RecordOutcome[] = [];
    const late: StoredInstance[] = [];
    for (const instance of instances) {
      const outcome = await record(trx, context, instance, { isSameImage: sameImages.has(instance.path), late });
      if (outcome === 'new') await judgeUrgency(trx, context, instance);
      if (outcome !== 'duplicate' && outcome !== 'copy' && outcome !== 'same-image')
        touched.add(instance.header.studyInstanceUid);
      outcomes.push(outcome);
    }
    for (const study of new Set(late.map(({ header }) => header.studyInstanceUid)))
      await takeLate(
        trx,
        context,
        late.filter(({ header }) => header.studyInstanceUid === study),
      );
    return outcomes;
  });
}

/** A rule may say that the study of this object is urgent. */
async function judgeUrgency(
  trx: Transaction<Schema>,
  { clock, options }: StoreContext,
  instance: StoredInstance,
): Promise<void> {
  if (instanceKind(instance.header) === 'own') return;
  const rule = options.urgentRule(instance);
  if (rule !== null) await setUrgentByRule(trx, instance.header.studyInstanceUid, rule, clock.now());
}

async function record(
  trx: Transaction<Schema>,
  { clock, options }: StoreContext,
  instance: StoredInstance,
  { isSameImage, late }: { isSameImage: boolean; late: StoredInstance[] },
): Promise<RecordOutcome> {
  const now = clock.now();
  const { studyInstanceUid, sopInstanceUid } = instance.header;
  if (await isToBeDeleted(trx, instance.path)) return 'duplicate';
  let row = await caseRow(trx, studyInstanceUid);
  if (row?.removing === 1) {
    // Its files are being deleted: new input starts a new case.
    await eraseCase(trx, row, now);
    row = undefined;
  }
  const known = await trx
    .selectFrom('instances')
    .select(['sha256', 'set_aside', 'path'])
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('sop_instance_uid', '=', sopInstanceUid)
    .execute();
  const same = known.find((other) => other.sha256 === instance.sha256);
  if (same !== undefined) {
    if (same.path === instance.path) return 'duplicate';
    if (row !== undefined && row.state !== 'receiving') await noteStillComing(trx, row, instance);
    return 'copy';
  }

  const kind = instanceKind(instance.header);
  if (kind === 'own') {
    await insertInstance(trx, instance, kind, 0);
    return 'new';
  }
  if (row === undefined) {
    await openCase(trx, instance, kind, now, options);
    await insertInstance(trx, instance, kind, 0);
    return 'new';
  }
  const differences = identityDifferences(patientOf(row), instance.header);
  if (differences.length > 0 && !(await isSamePatient(trx, instance.header))) {
    await insertInstance(trx, instance, kind, 1);
    await quarantine(trx, row, `${TWO_PATIENTS}: ${differences.join(', ')} differs`, now);
    return 'identity-conflict';
  }
  if (known.some((other) => other.set_aside === 0)) {
    await insertInstance(trx, instance, kind, 1);
    if (isSameImage) {
      if (row.state === 'receiving' && (await preferBetterFilled(trx, instance)))
        await takeSlice(trx, row, asOfPatient(instance, patientOf(row)), now, options);
      else await noteStillComing(trx, row, instance);
      return 'same-image';
    }
    if (kind === 'ct') await quarantine(trx, row, 'An image came twice with different content', now);
    return 'conflict';
  }
  await insertInstance(trx, instance, kind, 0);
  const ofPatient = asOfPatient(instance, patientOf(row));
  if (kind === 'ct' && row.state === 'receiving') await takeSlice(trx, row, ofPatient, now, options);
  else if (kind === 'ct') late.push(ofPatient);
  else if (row.state !== 'receiving') await noteStillComing(trx, row, instance);
  else if (row.last_slice_at === null) {
    await trx
      .updateTable('cases')
      .set({ last_received_at: Math.max(row.last_received_at, instance.receivedAtMs), ...NO_LEASE, complete_hint: 0 })
      .where('study_instance_uid', '=', studyInstanceUid)
      .execute();
  }
  return 'new';
}

/**
 * Whether a person has said of this identity that it is the case's patient (`releaseQuarantine`): then objects of it are in use. Without such a release the
 * objects need not be searched.
 */
async function isSamePatient(trx: Transaction<Schema>, header: InstanceHeader): Promise<boolean> {
  const study = header.studyInstanceUid;
  const released = await trx
    .selectFrom('case_events')
    .select('id')
    .where('study_instance_uid', '=', study)
    .where('type', '=', 'quarantineReleased')
    .limit(1)
    .executeTakeFirst();
  if (released === undefined) return false;
  const inUse = (await arrivalsByPatient(trx, [study], 0)).get(study) ?? [];
  return inUse.some(({ identity }) => identityDifferences(identity, header).length === 0);
}

/** Of two versions of an image the one whose header states more is used; true when that is the newcomer. */
async function preferBetterFilled(trx: Transaction<Schema>, { header, sha256 }: StoredInstance): Promise<boolean> {
  const versions = (setAside: Flag) => ({
    study_instance_uid: header.studyInstanceUid,
    sop_instance_uid: header.sopInstanceUid,
    set_aside: setAside,
  });
  const used = await trx
    .selectFrom('instances')
    .select(['sha256', 'header'])
    .where((row) => row.and(versions(0)))
    .executeTakeFirst();
  if (used === undefined || filledAttributes(JSON.parse(used.header) as InstanceHeader) >= filledAttributes(header))
    return false;
  for (const [sha, setAside] of [
    [used.sha256, 1],
    [sha256, 0],
  ] as const)
    await trx
      .updateTable('instances')
      .set({ set_aside: setAside })
      .where((row) => row.and(versions(setAside === 1 ? 0 : 1)))
      .where('sha256', '=', sha)
      .execute();
  return true;
}

/** Reopens an assembled case when the images that came after it change what is analysed; otherwise its result and the reader's mark stay. */
async function takeLate(
  trx: Transaction<Schema>,
  { clock, options }: StoreContext,
  late: readonly StoredInstance[],
): Promise<void> {
  const { studyInstanceUid } = late[0]!.header;
  const row = await caseRow(trx, studyInstanceUid);
  if (row === undefined) return;
  const changes = row.state === 'receiving' || (await options.changesAnalysis(await lateImages(trx, row, late)));
  for (const instance of late) {
    if (changes) await takeSlice(trx, (await caseRow(trx, studyInstanceUid))!, instance, clock.now(), options);
    else await noteStillComing(trx, row, instance);
  }
}

async function lateImages(
  trx: Transaction<Schema>,
  row: CaseRow,
  late: readonly StoredInstance[],
): Promise<LateImages> {
  const objects = trx
    .selectFrom('instances')
    .selectAll()
    .where('study_instance_uid', '=', row.study_instance_uid)
    .where('kind', '!=', 'own')
    .where('set_aside', '=', 0);
  const analysis = await currentAnalysis(trx, row);
  const { manifest, findings } = caseRecordOf(row, analysis);
  const removed = await removedFilesOf(trx, row);
  const analysed =
    removed === undefined
      ? (await objects.where('path', '=', manifest?.slices[0]?.path ?? '').executeTakeFirst())?.header
      : removed.analysed_header;
  const judged = analysis === undefined ? [] : (JSON.parse(analysis.series) as SeriesVerdict[]);
  return {
    late: late.map(({ header }) => header),
    manifest,
    findings,
    analysed: analysed == null ? null : headerOf(analysed),
    goneSeries: removed === undefined ? null : new Set(judged.map(({ seriesInstanceUid }) => seriesInstanceUid)),
    all: async () => (await objects.execute()).map((object) => asOfPatient(storedInstanceOf(object), patientOf(row))),
  };
}

/** The path of another version of this object on record, with the same UID and other bytes; null when there is none. */
export async function otherVersion({ db }: StoreContext, { header, sha256 }: StoredInstance): Promise<string | null> {
  const row = await db
    .selectFrom('instances')
    .select('path')
    .where('study_instance_uid', '=', header.studyInstanceUid)
    .where('sop_instance_uid', '=', header.sopInstanceUid)
    .where('sha256', '!=', sha256)
    .where('set_aside', '=', 0)
    .where('kind', '=', 'ct')
    .executeTakeFirst();
  return row?.path ?? null;
}

/** Path, relative to the spool, at which the same UID and bytes are on record; null when they are not. */
export async function recordedPath({ db }: StoreContext, { header, sha256 }: StoredInstance): Promise<string | null> {
  const row = await db
    .selectFrom('instances')
    .select('path')
    .where('study_instance_uid', '=', header.studyInstanceUid)
    .where('sop_instance_uid', '=', header.sopInstanceUid)
    .where('sha256', '=', sha256)
    .executeTakeFirst();
  return row?.path ?? null;
}

async function insertInstance(
  trx: Transaction<Schema>,
  instance: StoredInstance,
  kind: InstanceKind,
  setAside: Flag,
): Promise<void> {
  await trx
    .insertInto('instances')
    .values({
      study_instance_uid: instance.header.studyInstanceUid,
      sop_instance_uid: instance.header.sopInstanceUid,
      sha256: instance.sha256,
      kind,
      set_aside: setAside,
      path: instance.path,
      size_bytes: instance.sizeBytes,
      received_at: instance.receivedAtMs,
      source_ae_title: instance.sourceAeTitle,
      header: JSON.stringify(instance.header),
    })
    .execute();
  // It was refused before, and has come after all.
  await trx
    .deleteFrom('refused_objects')
    .where('study_instance_uid', '=', instance.header.studyInstanceUid)
    .where('sop_instance_uid', '=', instance.header.sopInstanceUid)
    .execute();
}

type DescriptionRules = Pick<CaseStoreOptions, 'locationFrom' | 'maxAgeMs' | 'isIgnored'>;

/** What is known of an object, whether it was stored or refused. */
export type Described = Pick<StoredInstance, 'header' | 'sourceAeTitle' | 'calledAeTitle' | 'receivedAtMs'>;

/** What the first slice of a study says about the case; other kinds of object often lack these attributes. */
function description(described: Described, { locationFrom, maxAgeMs, isIgnored }: DescriptionRules) {
  const { header, sourceAeTitle, calledAeTitle = '', receivedAtMs } = described;
  const isOld = maxAgeMs !== null && isPrior([header], receivedAtMs, maxAgeMs);
  return {
    patient_id: header.patientId,
    issuer_of_patient_id: header.issuerOfPatientId,
    patient_name: header.patientName,
    patient_birth_date: header.patientBirthDate,
    patient_sex: header.patientSex,
    patient_age: header.patientAge,
    accession_number: header.accessionNumber,
    study_date: header.studyDate,
    study_time: header.studyTime,
    study_description: header.studyDescription,
    acquired_at: acquiredAt(header),
    source_ae_title: sourceAeTitle,
    called_ae_title: calledAeTitle,
    scanner: [header.manufacturer, header.manufacturerModelName]
      .map((part) => part.trim())
      .filter(Boolean)
      .join(' '),
    location: locationFrom === null ? '' : header[locationFrom].trim(),
    // Already while the study arrives, so that a prior never shows among new scans; assembling decides from all of its objects.
    recency: isOld || isIgnored(described) ? ('prior' as const) : ('new' as const),
    ignored: isIgnored(described) ? (1 as const) : (0 as const),
  };
}

/** Opens the case of a study with what its first object says about it. */
export async function openCase(
  trx: Transaction<Schema>,
  instance: Described,
  kind: InstanceKind,
  now: number,
  rules: DescriptionRules & Pick<CaseStoreOptions, 'nodeName'>,
): Promise<void> {
  const { studyInstanceUid } = instance.header;
  await trx
    .insertInto('cases')
    .values({
      study_instance_uid: studyInstanceUid,
      case_ref: caseRef(studyInstanceUid),
      state: 'receiving',
      revision: 1,
      proof: (await isProof(trx, studyInstanceUid)) ? 1 : 0,
      ...description(instance, rules),
      first_received_at: instance.receivedAtMs,
      last_received_at: instance.receivedAtMs,
      last_slice_at: kind === 'ct' ? instance.receivedAtMs : null,
      read_at: null,
      quarantine_reason: null,
      ...NO_LEASE,
      failure_code: null,
      failure_message: null,
      failure_stage: null,
      selection_rule: null,
      selected_destinations: null,
    })
    .execute();
  await appendEvent(trx, {
    studyInstanceUid,
    revision: 1,
    at: now,
    type: 'instanceReceived',
    from: null,
    to: 'receiving',
    actor: 'receive',
    node: rules.nodeName,
  });
  await applyKeptOrders(trx, studyInstanceUid, now);
}

/** Notes that the study is still being sent, so that retention leaves it alone for a while. */
async function noteStillComing(trx: Transaction<Schema>, row: CaseRow, instance: StoredInstance): Promise<void> {
  await trx
    .updateTable('cases')
    .set({ last_received_at: Math.max(row.last_received_at, instance.receivedAtMs) })
    .where('study_instance_uid', '=', row.study_instance_uid)
    .execute();
}

async function takeSlice(
  trx: Transaction<Schema>,
  row: CaseRow,
  instance: StoredInstance,
  now: number,
  rules: DescriptionRules,
): Promise<void> {
  const acquired = acquiredAt(instance.header);
  await trx
    .updateTable('cases')
    .set({
      ...(row.last_slice_at === null ? description(instance, rules) : {}),
      // A localizer often lacks it.
      ...(row.accession_number === '' ? { accession_number: instance.header.accessionNumber } : {}),
      acquired_at: acquired > row.acquired_at ? acquired : row.acquired_at,
      last_received_at: Math.max(row.last_received_at, instance.receivedAtMs),
      last_slice_at: Math.max(row.last_slice_at ?? 0, instance.receivedAtMs),
    })
    .where('study_instance_uid', '=', row.study_instance_uid)
    .execute();
  await reopen(trx, row, now, 'receive');
  if (row.last_slice_at === null || row.accession_number === '')
    await applyKeptOrders(trx, row.study_instance_uid, now);
}
