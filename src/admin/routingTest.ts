import { createHash } from 'node:crypto';
import { instanceRefusal, mm } from '../assemble/seriesRules.ts';
import type { SeriesRules } from '../assemble/seriesRules.ts';
import type { InstanceHeader } from '../case/case.ts';
import { identityDifferences } from '../case/patientIdentity.ts';
import { datasetOffset, readHeader } from '../dicom/header.ts';
import { TriageError } from '../base/errors.ts';
import { APPLICATION_CONTEXT_NAME } from '../dimse/negotiation.ts';
import { createAssociationPolicy } from '../receive/associationPolicy.ts';
import type { ReceiveConfig } from '../receive/receiveConfig.ts';
import type { RoutingAnswer } from '../web/adminDesk.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import { instanceKind } from '../worklist/cases/recordInstances.ts';
import type { WorklistQuery, WorklistRow } from '../worklist/list/worklistQuery.ts';

export interface RoutingTestOptions {
  receive: ReceiveConfig;
  rules: SeriesRules;
  reportNotEligible: boolean;
  destinations: readonly string[];
  store: Pick<WorklistStore, 'recordedPath'>;
  query: Pick<WorklistQuery, 'caseDetail'>;
}

type Step = RoutingAnswer['steps'][number];

/**
 * What the agent would do with this object, told by the very rules that decide in earnest, in their order; nothing of it is kept. One slice cannot tell
 * what its whole series will be: that step says what the series needs.
 */
export async function testRouting(
  options: RoutingTestOptions,
  bytes: Uint8Array,
  sender: { callingAeTitle: string; calledAeTitle: string; address: string },
): Promise<RoutingAnswer> {
  const { receive, rules } = options;
  const steps: Step[] = [];
  const say = (step: Step['step'], outcome: Step['outcome'], text: string, code: string | null = null): void => {
    steps.push({ step, outcome, code, text });
  };
  let file: RoutingAnswer['file'] = null;
  const answer = (accepted: boolean, analysed: boolean): RoutingAnswer => ({ steps, accepted, analysed, file });

  const policy = createAssociationPolicy(receive);
  const rejection = policy.judge(
    { protocolVersion: 1, applicationContextName: APPLICATION_CONTEXT_NAME, ...sender, contexts: [] },
    sender.address,
    0,
  );
  if (rejection !== null)
    say(
      'association',
      'no',
      `The association is rejected (A-ASSOCIATE-RJ ${rejection.result}/${rejection.source}/${rejection.reason}): ${rejection.why}.`,
      'association-refused',
    );
  else say('association', 'yes', `${sender.callingAeTitle} may send from ${sender.address}.`);

  let header: InstanceHeader;
  try {
    header = readHeader(bytes);
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    say('file', 'no', `The object is answered with ${statusOf(error)}: ${error.message}`, error.code);
    return answer(false, false);
  }
  const { sopClassUid, transferSyntaxUid, modality, studyInstanceUid, seriesDescription, imageType, sliceThicknessMm } =
    header;
  file = {
    sopClassUid,
    transferSyntaxUid,
    modality,
    studyInstanceUid,
    seriesDescription,
    imageType,
    sliceThicknessMm,
    sizeBytes: bytes.length,
  };
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
  if (bytes.length > receive.maxObjectBytes)
    say('file', 'no', 'The object is larger than receive.maxObjectBytes.', 'object-too-large');
  else say('file', 'yes', 'The file can be read.');
  if (steps.some(({ outcome }) => outcome === 'no')) return answer(false, false);

  const kind = instanceKind(header);
  if (kind === 'own') {
    say(
      'kind',
      'no',
      'It is a result of this agent’s own that comes back: kept, and nothing is done with it.',
      'own-result',
    );
    return answer(true, false);
  }
  const sha256 = createHash('sha256')
    .update(bytes.subarray(datasetOffset(bytes)))
    .digest('hex');
  if (
    (await options.store.recordedPath({
      header,
      sha256,
      path: '',
      sizeBytes: bytes.length,
      receivedAtMs: 0,
      sourceAeTitle: sender.callingAeTitle,
    })) !== null
  ) {
    say(
      'patient',
      'yes',
      'This very object is on record already: it is answered with success, and nothing is run again.',
    );
    return answer(true, false);
  }
  const known = await caseOf(options.query, studyInstanceUid);
  const differences =
    known === null ? [] : identityDifferences({ ...known, patientSex: known.sex, issuerOfPatientId: '' }, header);
  if (known === null) say('patient', 'yes', 'Its study is not on record: it opens a case.');
  else if (differences.length === 0)
    say('patient', 'yes', `Its study is on record (${known.state}), of the same patient: it joins the case.`);
  else {
    say(
      'patient',
      'no',
      `Its study is on record with another ${differences.join(', ')}: the case is held until a person decides.`,
      'identity-conflict',
    );
    return answer(true, false);
  }
  if (kind === 'ct') say('kind', 'yes', 'It is a CT image: of a kind that is analysed.');
  const refusal = instanceRefusal(header, rules);
  if (refusal === null) {
    say('slice', 'yes', 'It can be a slice of an analysed series.');
    say(
      'series',
      'open',
      `Judged only when the series is whole. It needs ${rules.minSlices} to ${rules.maxSlices} such slices, evenly spaced at ${mm(rules.maxSliceThicknessMm)} mm or less, over ${mm(rules.minCoverageMm)} mm at least, with ${mm(100 * rules.maxMissingShare)} % missing at the most; of several such series the best is analysed.`,
    );
  } else {
    say(
      kind === 'ct' ? 'slice' : 'kind',
      'no',
      `It is kept with its study and not analysed: ${refusal.reason}.`,
      refusal.code,
    );
    say(
      'report',
      options.reportNotEligible ? 'yes' : 'no',
      options.reportNotEligible
        ? 'If its study has no better series, a report says "could not be analysed", with this reason.'
        : 'If its study has no better series, no report is written (report.notEligible is false); the worklist says why.',
    );
  }
  const { destinations } = options;
  say(
    'destinations',
    destinations.length === 0 ? 'no' : 'yes',
    destinations.length === 0
      ? 'No destination is configured: results stay on this machine.'
      : `Results of its study go to ${destinations.join(', ')}.`,
  );
  return answer(true, refusal === null);
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
  return dimseStatus === undefined ? 'a failure' : `0x${dimseStatus.toString(16).padStart(4, '0').toUpperCase()}`;
}
