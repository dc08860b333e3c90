import type { WallAnswer } from '../answers/wallAnswer.ts';
import type { HeldFacts, OpenFlags, RowDelivery, WorklistRow } from '../answers/worklistAnswer.ts';
import type { Findings } from '../case/case.ts';
import { FLAGGED, SAME_LEVEL } from '../worklist/list/priorNotes.ts';
import type { CaseDetail } from '../worklist/list/worklistQuery.ts';

type WallRow = WallAnswer['rows'][number];

/**
 * A row for screens that anybody can see. It is an allow-list: a new field of a row is hidden until somebody has decided about it here. Free text from
 * headers, from peers (a PACS quotes the patient in its refusals) and from errors is left out; what stays is our own words, numbers, the names of machines
 * and staff, and the place of the patient, which the site has chosen to show.
 */
export function maskedRow(row: WorklistRow): WorklistRow {
  return {
    rank: row.rank,
    why: row.why,
    whyBrief: row.whyBrief,
    studyInstanceUid: '',
    caseRef: row.caseRef,
    revision: row.revision,
    state: row.state,
    status: row.status,
    stateText: maskedStateText(row),
    decision: row.decision,
    reason: null,
    reasonCode: knownCode(row.reasonCode),
    probability: row.probability,
    threshold: row.threshold,
    levels: [],
    finding: row.finding,
    keySlices: [],
    patientName: '',
    patientId: '',
    patientBirthDate: '',
    age: ageBand(row.age),
    sex: /^[FMO]$/.test(row.sex) ? row.sex : '',
    accessionNumber: row.accessionNumber.slice(-4),
    studyDescription: '',
    sourceAeTitle: row.sourceAeTitle,
    location: row.location,
    acquiredAt: /^\d{8,14}/.test(row.acquiredAt) ? row.acquiredAt.replace(/^(\d{8,14}).*?([+-]\d{4})?$/s, '$1$2') : '',
    arrivedAtMs: row.arrivedAtMs,
    lastReceivedAtMs: row.lastReceivedAtMs,
    waitMs: row.waitMs,
    offList: row.offList,
    selectionRule: row.selectionRule,
    prior: row.prior,
    // It tells the date of another study.
    priorNote: null,
    stat: row.stat,
    urgentBy: row.urgentBy,
    readAtMs: row.readAtMs,
    readBy: row.readBy,
    readBefore: row.readBefore,
    claimedBy: row.claimedBy,
    claimedAtMs: row.claimedAtMs,
    verdict: row.verdict,
    analysedAtMs: row.analysedAtMs,
    model: row.model,
    deliveries: row.deliveries.map(maskedDelivery),
    secondsToSr: row.secondsToSr,
    failure: row.failure === null ? null : { code: row.failure.code, message: '', stage: row.failure.stage },
    quarantineReason: row.quarantineReason === null ? null : 'Held for checking',
    held: row.held === null ? null : maskedHold(row.held),
    otherObjects: row.otherObjects,
    refusedObjects: row.refusedObjects === null ? null : { count: row.refusedObjects.count, why: '' },
  };
}

/** How much was set aside, and not of whom: without the names nobody can say whether two patients are one. */
function maskedHold({ delivered, aside }: HeldFacts): HeldFacts {
  return {
    delivered: delivered.map(({ destination, atMs }) => ({ destination, atMs })),
    aside: aside.map(({ objects }) => ({ ...NOBODY, objects })),
    otherPatient: null,
  };
}

const NOBODY = { patientId: '', issuerOfPatientId: '', patientName: '', patientBirthDate: '', patientSex: '' };

/** A row of a wall screen; also an allow-list. */
export function wallRow(row: WorklistRow): WallRow {
  return {
    caseRef: row.caseRef,
    status: row.status,
    stateText: maskedStateText(row),
    finding: row.finding,
    waitMs: row.waitMs,
    stat: row.stat,
    ageBand: ageBand(row.age),
    accessionEnd: row.accessionNumber.slice(-4),
    location: row.location,
    claimed: row.claimedBy !== null,
  };
}

/** What a machine sees of a case at a site that hides names: facts of the analysis and of the case's history, without free text and without UIDs. */
export function maskedCase({
  row,
  ageNote,
  findings,
  volume,
  filesRemoved,
  instances,
  results,
  events,
}: CaseDetail): Omit<CaseDetail, 'manifest'> {
  return {
    row: maskedRow(row),
    ageNote,
    // They tell the dates and the descriptions of other studies.
    priors: [],
    newer: [],
    series: [],
    findings:
      findings === null
        ? null
        : {
            decision: findings.decision,
            reason: null,
            reasonCode: knownCode(findings.reasonCode),
            probability: findings.probability,
            threshold: findings.threshold,
            domainDistance: findings.domainDistance,
            domainLimit: findings.domainLimit,
            slices: [],
            keySlices: [],
            model: findings.model,
            provider: findings.provider,
            analysedAtMs: findings.analysedAtMs,
            seconds: findings.seconds,
          },
    volume,
    filesRemoved,
    instances,
    results: results.map(({ kind, revision, isHeatmap, deliveries }) => ({
      sopInstanceUid: '',
      seriesInstanceUid: '',
      kind,
      revision,
      isHeatmap,
      path: '',
      deliveries: deliveries.map(maskedDelivery),
    })),
    events: events.map(({ atMs, revision, type, from, to, actor }) => ({
      atMs,
      revision,
      type,
      from,
      to,
      actor,
      detail: {},
    })),
  };
}

/** The same for flags that ring. */
export function withoutFindings(flags: OpenFlags): OpenFlags {
  return { ...flags, open: flags.open.map((flag) => ({ ...flag, finding: null })) };
}

/** A row that says how suspicious a scan is but not where, for sites that have chosen triage only. */
export function withoutLocations(row: WorklistRow): WorklistRow {
  const priorNote = row.priorNote?.replace(SAME_LEVEL, FLAGGED) ?? null;
  return { ...row, levels: [], finding: null, keySlices: [], priorNote };
}

/** The same for the findings of a case. */
export function findingsWithoutLocations(findings: Findings): Findings {
  const shown: Findings = { ...findings, slices: [], keySlices: [] };
  delete shown.vertebrae;
  return shown;
}

const RECEIPTS = ['committed', 'found', 'accepted'] as const;
const OWN_CLASS_NAME = /^([A-Za-z0-9 ]+ SR|Secondary Capture)$/;
const OWN_STATUS = /^(0x[0-9A-F]{4}|other-class|no-sr-class|object-not-wanted|decision-not-wanted|retired|given-up)$/;

function maskedDelivery(delivery: RowDelivery): RowDelivery {
  const { destination, kind, revision, status, attempts, sentAtMs, confirmedAtMs } = delivery;
  const { sopClass, isLowerClass, lastStatus } = delivery;
  return {
    destination,
    kind,
    sopInstanceUid: '',
    seriesInstanceUid: '',
    revision,
    status,
    sopClass: OWN_CLASS_NAME.test(sopClass) ? sopClass : '',
    isLowerClass,
    attempts,
    sentAtMs,
    confirmedAtMs,
    lastStatus: lastStatus !== null && OWN_STATUS.test(lastStatus) ? lastStatus : null,
    lastError: null,
    remark: null,
    receipt: RECEIPTS.find((one) => one === delivery.receipt) ?? null,
  };
}

/** Why a scan was not analysed, for screens that may not show a reason that quotes a header or an error. */
const REASONS: Readonly<Record<string, string>> = {
  'no-images': 'no images received',
  refused: 'its objects were refused',
  'kept-by-rule': 'a selection rule only keeps it',
  'ignored-by-rule': 'a selection rule ignores it',
  'identity-conflict': 'images of different patients in one study',
  'secondary-capture': 'secondary captures only',
  'multi-frame': 'a multi-frame CT whose frames cannot be read',
  'not-ct': 'no CT images',
  localizer: 'a localizer only',
  derived: 'reformats only',
  'no-geometry': 'images without a usable geometry',
  'not-axial': 'no axial series',
  rotated: 'slices turned in their plane',
  'too-thick': 'slices too thick',
  'wrong-body-region': 'a scan of another region',
  'content-conflict': 'different images under one UID',
  'too-few-slices': 'too few slices',
  'too-many-slices': 'too many slices',
  'mixed-geometry': 'slices of different geometry',
  'overlapping-stacks': 'more than one stack of slices in one series',
  'irregular-spacing': 'slices unevenly spaced',
  'slices-missing': 'slices missing',
  'short-coverage': 'too little coverage',
  'no-eligible-series': 'no thin axial CT series of the neck',
  'pixel-data': 'pixel data that cannot be read',
  prior: 'a prior, kept for comparison',
  'flags-stopped': 'AI flags are stopped at this site',
  'same-positions': 'slices that all lie at one place',
  'virtual-image': 'images computed from two energies',
  'not-readable': 'pixel data that cannot be read',
  partial: 'only a part of the scan came',
};

/** The text of a state without quotations: text made of our own words and numbers only is returned unchanged. */
function maskedStateText({ status, stateText, decision, reasonCode }: WorklistRow): string {
  switch (status) {
    case 'flagged':
    case 'unflagged':
    case 'running':
    case 'delayed':
    case 'failed':
      return stateText;
    case 'held':
      if (decision === 'suspected') return 'AI flag: possible fracture. Review now. Not a diagnosis. Held for checking';
      return decision === 'not-suspected' && reasonCode !== 'partial'
        ? 'AI did not flag this scan - read as usual. Held for checking'
        : 'Not analysed: held for checking - read as usual';
    case 'outside-domain':
      return 'Outside tested range - not scored. Read as usual';
    case 'not-analysed':
      // Our own words and a date.
      if (reasonCode === 'partial' || reasonCode === 'prior') return stateText;
      return `Not analysed: ${REASONS[reasonCode ?? ''] ?? 'the case says why'} - read as usual`;
  }
}

/** Only our own codes pass: a few words joined by dashes. */
function knownCode(code: string | null): string | null {
  return code !== null && (code === 'outside-domain' || Object.hasOwn(REASONS, code)) ? code : null;
}

/** DICOM AS `056Y` as `50-59 y`; anything else is left out. */
function ageBand(age: string): string {
  const years = /^(\d{3})Y$/.exec(age)?.[1];
  if (years === undefined) return '';
  const decade = Math.min(90, Math.floor(Number(years) / 10) * 10);
  return decade === 90 ? '90 y and over' : `${decade}-${decade + 9} y`;
}
