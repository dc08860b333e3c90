import { createHash } from 'node:crypto';
import { hex16 } from '../base/hex16.ts';
import { instanceRefusal, mm } from '../assemble/seriesRules.ts';
import type { SeriesRules } from '../assemble/seriesRules.ts';
import type { InstanceHeader } from '../case/case.ts';
import { headersOfImages } from '../case/frames.ts';
import { criteriaText, ruleFor, type SelectionRule } from '../case/selection.ts';
import type { Clock } from '../base/clock.ts';
import type { CallerCertificate } from '../base/tlsAcceptor.ts';
import { identityDifferences } from '../case/patientIdentity.ts';
import { datasetOffset, readHeader } from '../dicom/header.ts';
import { TriageError } from '../base/errors.ts';
import { APPLICATION_CONTEXT_NAME } from '../dimse/negotiation.ts';
import { createAssociationPolicy, type AssociationPolicy } from '../receive/associationPolicy.ts';
import type { ReceiveConfig } from '../receive/receiveConfig.ts';
import type { RoutingAnswer } from '../answers/adminAnswers.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import { instanceKind } from '../worklist/cases/recordInstances.ts';
import type { WorklistRow } from '../answers/worklistAnswer.ts';
import type { WorklistQuery } from '../worklist/list/worklistQuery.ts';

export interface RoutingTestOptions {
  receive: Omit<ReceiveConfig, 'tls' | 'stow'>;
  rules: SeriesRules;
  reportNotEligible: boolean;
  selection: readonly SelectionRule[];
  clock: Pick<Clock, 'now'>;
  destinations: readonly string[];
  store: Pick<WorklistStore, 'recordedPath'>;
  query: Pick<WorklistQuery, 'caseDetail'>;
}

type Step = RoutingAnswer['steps'][number];
/** Text of the step, as it is written down. */
type Say = (step: Step['step'], outcome: Step['outcome'], text: string, code?: string) => void;

interface Sender {
  callingAeTitle: string;
  calledAeTitle: string;
  address: string;
}

/**
 * What the agent would do with this object, decided by the rules that apply in service, in their order; nothing of the object is kept. One slice cannot show
 * what its whole series will be: that step says what the series needs.
 */
export async function testRouting(
  options: RoutingTestOptions,
  bytes: Uint8Array,
  sender: Sender,
): Promise<RoutingAnswer> {
  const steps: Step[] = [];
  const say: Say = (step, outcome, text, code) => void steps.push({ step, outcome, code: code ?? null, text });
  const policy = createAssociationPolicy(options.receive);
  sayAssociation(say, policy, { ...sender, certificate: certificateOf(options.receive, sender) });
  const header = headerOf(say, bytes);
  if (header === null) return { steps, accepted: false, analysed: false, file: null };
  sayPresentation(say, policy, header);
  if (bytes.length > options.receive.maxObjectBytes)
    say('file', 'no', 'The object is larger than receive.maxObjectBytes.', 'object-too-large');
  else say('file', 'yes', 'The file can be read.');
  const accepted = steps.every(({ outcome }) => outcome !== 'no');
  const analysed =
    accepted && (await joinsCase(say, options, bytes, header, sender)) && goesOn(say, options, header, sender);
  return { steps, accepted, analysed, file: fileFacts(header, bytes) };
}

function fileFacts(header: InstanceHeader, bytes: Uint8Array): RoutingAnswer['file'] {
  const { sopClassUid, transferSyntaxUid, modality, studyInstanceUid, seriesDescription, imageType, sliceThicknessMm } =
    header;
  return {
    sopClassUid,
    transferSyntaxUid,
    modality,
    studyInstanceUid,
    seriesDescription,
    imageType,
    sliceThicknessMm,
    sizeBytes: bytes.length,
  };
}

/** The certificate that the sender is taken to show: one that is pinned to it, where there is one. */
function certificateOf(
  { sources }: Pick<ReceiveConfig, 'sources'>,
  { callingAeTitle }: Sender,
): CallerCertificate | null {
  const pinned = sources.find(({ aeTitle }) => aeTitle === callingAeTitle)?.certificates?.[0];
  return pinned === undefined ? null : { fingerprint256: pinned.toUpperCase(), names: [pinned] };
}

function sayAssociation(
  say: Say,
  policy: AssociationPolicy,
  sender: Sender & { certificate: CallerCertificate | null },
): void {
  const request = { protocolVersion: 1, applicationContextName: APPLICATION_CONTEXT_NAME, ...sender, contexts: [] };
  const rejection = policy.judge(request, sender, new Map());
  const how = sender.certificate === null ? '' : ', by TLS with its certificate';
  if (rejection === null) say('association', 'yes', `${sender.callingAeTitle} may send from ${sender.address}${how}.`);
  else
    say(
      'association',
      'no',
      `The association is rejected (A-ASSOCIATE-RJ ${rejection.result}/${rejection.source}/${rejection.reason}): ${rejection.why}.`,
      'association-refused',
    );
}

/** Null when the object cannot be read. */
function headerOf(say: Say, bytes: Uint8Array): InstanceHeader | null {
  try {
    return readHeader(bytes);
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    say('file', 'no', `The object is answered with ${statusOf(error)}: ${error.message}`, error.code);
    return null;
  }
}

function sayPresentation(say: Say, policy: AssociationPolicy, header: InstanceHeader): void {
  const { sopClassUid, transferSyntaxUid } = header;
  const [context] = policy.answer([{ id: 1, abstractSyntaxUid: sopClassUid, transferSyntaxUids: [transferSyntaxUid] }]);
  if (context!.result === 3)
    say(
      'presentation',
      'no',
      `${sopClassUid} is no Storage SOP class of the standard, and no private one that is listed. Add it to receive.acceptedSopClasses to keep such objects.`,
      'sop-class-not-supported',
    );
  else if (context!.result === 4)
    say(
      'presentation',
      'no',
      `The transfer syntax ${transferSyntaxUid} is not taken: the sender must offer another one.`,
      'transfer-syntax-unsupported',
    );
  else say('presentation', 'yes', 'Its SOP class and transfer syntax are taken.');
}

/** True when the object would be new on record and its patient agrees with its study's. */
async function joinsCase(
  say: Say,
  { store, query }: RoutingTestOptions,
  bytes: Uint8Array,
  header: InstanceHeader,
  { callingAeTitle }: Sender,
): Promise<boolean> {
  if (instanceKind(header) === 'own') {
    const text = 'It is a result of this agent’s own that comes back: kept, and nothing is done with it.';
    say('kind', 'no', text, 'own-result');
    return false;
  }
  const sha256 = createHash('sha256')
    .update(bytes.subarray(datasetOffset(bytes)))
    .digest('hex');
  const instance = {
    header,
    sha256,
    path: '',
    sizeBytes: bytes.length,
    receivedAtMs: 0,
    sourceAeTitle: callingAeTitle,
  };
  if ((await store.recordedPath(instance)) !== null) {
    const text = 'This very object is on record already: it is answered with success, and nothing is run again.';
    say('patient', 'yes', text);
    return false;
  }
  const known = await caseOf(query, header.studyInstanceUid);
  if (known === null) {
    say('patient', 'yes', 'Its study is not on record: it opens a case.');
    return true;
  }
  const differences = identityDifferences({ ...known, patientSex: known.sex, issuerOfPatientId: '' }, header);
  if (differences.length === 0) {
    say('patient', 'yes', `Its study is on record (${known.state}), of the same patient: it joins the case.`);
    return true;
  }
  say(
    'patient',
    'no',
    `Its study is on record with another ${differences.join(', ')}: the case is held until a person decides.`,
    'identity-conflict',
  );
  return false;
}

/** Whether the selection rules let its study be analysed, as if it came now; if so, what happens to it. */
function goesOn(say: Say, options: RoutingTestOptions, header: InstanceHeader, sender: Sender): boolean {
  const { callingAeTitle: sourceAeTitle, calledAeTitle } = sender;
  const arrivedAtMs = options.clock.now();
  const rule = ruleFor(options.selection, { headers: [header], sourceAeTitle, calledAeTitle, arrivedAtMs });
  if (rule === null) {
    say('selection', 'yes', 'No selection rule takes its study: it is accepted, and its anatomy and tags decide.');
    return saySlice(say, options, header);
  }
  const text = `The rule ${rule.name} (${criteriaText(rule.when)}) takes its study: ${ACTION_WORDS[rule.do]}.`;
  say('selection', rule.do === 'accept' ? 'yes' : 'no', text, rule.do === 'accept' ? undefined : `${rule.do}-by-rule`);
  if (rule.do !== 'accept') return false;
  return saySlice(say, { ...options, destinations: rule.destinations ?? options.destinations }, header);
}

const ACTION_WORDS = {
  accept: 'it is analysed where a series allows it',
  keep: 'it is kept and listed, not analysed',
  ignore: 'it is kept for its time, in no list, and not analysed',
} as const;

/** What happens to it within its series; true when it can be a slice of an analysed one. */
function saySlice(
  say: Say,
  { rules, reportNotEligible, destinations }: RoutingTestOptions,
  header: InstanceHeader,
): boolean {
  const isCt = instanceKind(header) === 'ct';
  if (isCt) say('kind', 'yes', 'It is a CT image: of a kind that is analysed.');
  const refusals = headersOfImages(header).map((image) => instanceRefusal(image, rules));
  const refusal = refusals.includes(null) ? null : refusals[0]!;
  if (refusal === null) {
    say('slice', 'yes', 'It can be a slice of an analysed series.');
    say('series', 'open', seriesNeeds(rules));
  } else {
    say(isCt ? 'slice' : 'kind', 'no', `It is kept with its study and not analysed: ${refusal.reason}.`, refusal.code);
    if (reportNotEligible)
      say(
        'report',
        'yes',
        'If its study has no better series, a report says "could not be analysed", with this reason.',
      );
    else
      say(
        'report',
        'no',
        'If its study has no better series, no report is written (report.notEligible is false); the worklist says why.',
      );
  }
  if (destinations.length === 0)
    say('destinations', 'no', 'No destination is configured: results stay on this machine.');
  else say('destinations', 'yes', `Results of its study go to ${destinations.join(', ')}.`);
  return refusal === null;
}

function seriesNeeds(rules: SeriesRules): string {
  return `Judged only when the series is whole. It needs ${rules.minSlices} to ${rules.maxSlices} such slices, evenly spaced at ${mm(rules.maxSliceThicknessMm)} mm or less, over ${mm(rules.minCoverageMm)} mm at least, with ${mm(100 * rules.maxMissingShare)} % missing at the most; of several such series the best is analysed.`;
}

async function caseOf(query: RoutingTestOptions['query'], studyInstanceUid: string): Promise<WorklistRow | null> {
  try {
    return (await query.caseDetail(studyInstanceUid)).row;
  } catch (error) {
    if (error instanceof TriageError && error.code === 'not-found') return null;
    throw error;
  }
}

function statusOf(error: TriageError): string {
  const { dimseStatus } = error.kind;
  return dimseStatus === undefined ? 'a failure' : hex16(dimseStatus);
}
