import type { CaseManifest, Findings, ImageReference, KeySlice, ManifestSlice } from '../case/case.ts';
import { findingLine } from '../case/findingLine.ts';
import { isSameImage } from '../case/frames.ts';
import type { Vertebra } from '../case/vertebrae.ts';
import { CODES, VERTEBRA_CODES, codeItem, type Code } from '../dicom/codes.ts';
import type { Dataset } from '../dicom/part10.ts';
import { SR_STORAGE } from '../dicom/sopClasses.ts';
import { derivedUid } from '../dicom/uids.ts';
import {
  code,
  container,
  deviceObserver,
  evidence,
  image,
  item,
  num,
  referencedRequest,
  textItem,
  uidref,
  type InstanceReference,
  type SopReference,
} from './contentItems.ts';
import { derivedHeader, text, type ReportContext } from './derivedHeader.ts';
import { coverageSentence, DISCLAIMER, scoreSentence, stateSentence } from './findingsSummary.ts';
import { fieldOnSource } from './heatmap.ts';

export interface FindingsSrInput {
  context: ReportContext;
  findings: Findings;
  /** Null when no series could be analysed. */
  manifest: CaseManifest | null;
  /** Source objects of the study that the report is based on; they become evidence. */
  sources: readonly InstanceReference[];
  /** Secondary captures of the same report. */
  pictures: readonly InstanceReference[];
  /** The report that this one supersedes. */
  predecessor: InstanceReference | null;
  /** False in triage-only mode: no location and no slice score leaves the agent. */
  locations: boolean;
}

/**
 * The Structured Report without its SOP Instance UID: TID 1500 Imaging Measurement Report (PS3.16) in a Comprehensive 3D SR (PS3.3 A.35.13),
 * unverified and preliminary. Only a suspected case has a Finding; a case that was not analysed has none of the measurements, and says why.
 */
export function findingsSr(input: FindingsSrInput): Dataset {
  const { context, findings } = input;
  const analysed = findings.decision !== 'not-analysed';
  const isPartial = findings.reasonCode === 'partial';
  return {
    SOPClassUID: SR_STORAGE.comprehensive3d,
    ...derivedHeader(context, 'sr', context.revision),
    ReferencedPerformedProcedureStepSequence: [],
    PerformedProcedureCodeSequence: [],
    CompletionFlag: analysed && !isPartial ? 'COMPLETE' : 'PARTIAL',
    ...(analysed ? {} : { CompletionFlagDescription: 'The study could not be analysed' }),
    ...(isPartial
      ? { CompletionFlagDescription: `Only a part of the scan: ${findings.reason ?? ''}`.slice(0, 64) }
      : {}),
    VerificationFlag: 'UNVERIFIED',
    PreliminaryFlag: 'PRELIMINARY',
    ContentQualification: 'RESEARCH',
    AuthorObserverSequence: [
      {
        ObserverType: 'DEV',
        Manufacturer: context.device.manufacturer,
        ManufacturerModelName: context.device.modelName,
        DeviceUID: context.device.uid,
        StationName: null,
        InstitutionName: context.institutionName === '' ? null : context.institutionName,
        InstitutionCodeSequence: [],
      },
    ],
    ...referencedRequest(context),
    CurrentRequestedProcedureEvidenceSequence: evidence(context.studyInstanceUid, [
      ...input.sources,
      ...input.pictures,
    ]),
    ...(input.predecessor === null
      ? {}
      : { PredecessorDocumentsSequence: evidence(context.studyInstanceUid, [input.predecessor]) }),
    ...root(input),
  };
}

function root(input: FindingsSrInput): Dataset {
  const { context, findings, manifest } = input;
  const scored = findings.decision !== 'not-analysed' && manifest !== null;
  const flagged = scored && findings.decision === 'suspected';
  return {
    ValueType: 'CONTAINER',
    ...titleOf(findings, scored),
    ContinuityOfContent: 'SEPARATE',
    ContentSequence: [
      code('HAS CONCEPT MOD', CODES.language, CODES.english),
      ...deviceObserver(context.device),
      // The imaging procedure, never the algorithm. A scan that was refused as no neck must not be called one, and CID 100 has no procedure of the neck.
      code('HAS CONCEPT MOD', CODES.procedureReported, CODES.ctUnspecifiedBodyRegion),
      // Viewers print the links of a report that they show as text one by one, hundreds of them; the evidence names the images of every report.
      ...(flagged ? [imageLibrary(context, manifest)] : []),
      container('CONTAINS', CODES.imagingMeasurements, null, [
        ...algorithm(input),
        ...(scored
          ? [
              caseGroup(input, manifest),
              ...(input.locations ? findings.keySlices.map((keySlice) => sliceGroup(input, manifest, keySlice)) : []),
            ]
          : []),
      ]),
      ...(scored
        ? []
        : [
            container('CONTAINS', CODES.qualitativeEvaluations, null, [
              code('CONTAINS', CODES.fracture, CODES.undetermined),
              code('CONTAINS', CODES.processingSummary, CODES.noneSucceeded),
              textItem('CONTAINS', CODES.comment, `${stateSentence(findings)}. ${DISCLAIMER}`),
            ]),
          ]),
    ],
  };
}

/**
 * Viewers go by the title (OHIF): of an Imaging Measurement Report they show nothing but regions on images, and an error where it has none. Only a flagged scan
 * has any; the report of any other has another title (CID 7021 is extensible), under which its words are shown. What was not scored follows no template.
 */
function titleOf({ decision }: Findings, scored: boolean): Dataset {
  if (!scored) return { ConceptNameCodeSequence: [codeItem(CODES.summary)] };
  return {
    ConceptNameCodeSequence: [codeItem(decision === 'suspected' ? CODES.imagingMeasurementReport : CODES.notFlagged)],
    ContentTemplateSequence: [{ MappingResource: 'DCMR', TemplateIdentifier: '1500' }],
  };
}

/** TID 1600 with the attributes that all images share (TID 1602). */
function imageLibrary(context: ReportContext, manifest: CaseManifest): Dataset {
  const { source } = context;
  const shared: Dataset[] = [
    code('HAS ACQ CONTEXT', CODES.modality, CODES.computedTomography),
    code('HAS ACQ CONTEXT', CODES.targetRegion, CODES.cervicalSpine),
  ];
  const date = text(source['StudyDate']);
  const time = text(source['StudyTime']);
  if (/^\d{8}$/.test(date)) shared.push({ ...item('HAS ACQ CONTEXT', 'DATE', CODES.studyDate), Date: date });
  if (/^\d{6}(\.\d+)?$/.test(time)) shared.push({ ...item('HAS ACQ CONTEXT', 'TIME', CODES.studyTime), Time: time });
  for (const [concept, keyword] of [
    [CODES.pixelDataRows, 'Rows'],
    [CODES.pixelDataColumns, 'Columns'],
  ] as const) {
    const size = Number(text(source[keyword]));
    if (size > 0) shared.push(num('HAS ACQ CONTEXT', concept, size, CODES.pixels));
  }
  const frameOfReferenceUid = text(source['FrameOfReferenceUID']);
  if (frameOfReferenceUid !== '')
    shared.push(uidref('HAS ACQ CONTEXT', CODES.frameOfReferenceUid, frameOfReferenceUid));
  return container('CONTAINS', CODES.imageLibrary, '1600', [
    container('CONTAINS', CODES.imageLibraryGroup, '1601', [
      ...shared,
      ...objectsOf(manifest).map((object) => image('CONTAINS', null, object)),
    ]),
  ]);
}

/** TID 4019: which network, which threshold. Enough to find out years later how this scan was judged. */
function algorithm({ context, findings }: FindingsSrInput): Dataset[] {
  const { model, threshold } = findings;
  const parameters = [
    `model=${model.name} ${model.version}`,
    `model-sha256=${model.sha256}`,
    ...(threshold === null ? [] : [`threshold=${threshold.value}`, `threshold-version=${threshold.version}`]),
  ];
  return [
    textItem('HAS CONCEPT MOD', CODES.algorithmName, context.device.modelName),
    textItem('HAS CONCEPT MOD', CODES.algorithmVersion, context.device.softwareVersions),
    ...parameters.map((parameter) => textItem('HAS CONCEPT MOD', CODES.algorithmParameters, parameter)),
    textItem('HAS CONCEPT MOD', CODES.algorithmManufacturer, context.device.manufacturer),
    code('HAS CONCEPT MOD', CODES.algorithmFamily, CODES.artificialIntelligence),
  ];
}

/** TID 1501 for the whole case. */
function caseGroup(input: FindingsSrInput, manifest: CaseManifest): Dataset {
  const { findings, pictures } = input;
  const suspected = findings.decision === 'suspected';
  const score = scoreSentence(findings);
  const finding = input.locations ? findingLine(findings.keySlices) : null;
  return container('CONTAINS', CODES.measurementGroup, '1501', [
    // Viewers that list measurements show this text: without it, an unflagged case would look like a finding there.
    ...tracking(input, manifest, suspected ? 'cervical spine' : 'cervical spine: not flagged, read as usual', ''),
    // A consumer that ignores the qualifier below would show "fracture"; an unflagged case therefore has no Finding at all.
    ...(suspected ? [code('CONTAINS', CODES.finding, CODES.fracture)] : []),
    code('HAS CONCEPT MOD', CODES.findingSite, CODES.cervicalSpine),
    ...pictures.map((picture) => image('CONTAINS', CODES.visualExplanation, picture)),
    // Viewers draw numbers and regions as measurements. The score of an unflagged case stands in the comment.
    ...(suspected && findings.probability !== null
      ? [num('CONTAINS', CODES.certaintyOfFinding, percentOf(findings.probability), CODES.percent)]
      : []),
    ...(suspected ? [caseField(input, manifest)] : []),
    code('CONTAINS', CODES.fracture, suspected ? CODES.suspected : CODES.notSuspected),
    // Priority is only ever raised: an unflagged scan keeps its place.
    ...(suspected ? [code('CONTAINS', CODES.priority, CODES.highPriority)] : []),
    code('CONTAINS', CODES.processingSummary, processingSummary(findings)),
    textItem(
      'CONTAINS',
      CODES.comment,
      [
        stateSentence(findings).replace(/\.?$/, '.'),
        finding && `${finding}.`,
        score,
        coverageSentence(findings),
        DISCLAIMER,
      ]
        .filter((part) => part !== null)
        .join(' '),
    ),
  ]);
}

/** CID 6047: an analysis of half a scan is not a complete success. */
function processingSummary({ decision, reasonCode }: Findings): Code {
  const suspected = decision === 'suspected';
  if (reasonCode === 'partial')
    return suspected ? CODES.partlySucceededWithFindings : CODES.partlySucceededWithoutFindings;
  return suspected ? CODES.succeededWithFindings : CODES.succeededWithoutFindings;
}

/** TID 1501 for one key slice. */
function sliceGroup(input: FindingsSrInput, manifest: CaseManifest, keySlice: KeySlice): Dataset {
  return container('CONTAINS', CODES.measurementGroup, '1501', [
    ...tracking(
      input,
      manifest,
      `slice ${keySlice.sliceIndex + 1} of ${manifest.slices.length}`,
      [keySlice.sopInstanceUid, ...(keySlice.frameNumber === undefined ? [] : [keySlice.frameNumber])].join('/'),
    ),
    ...sites(keySlice.levels ?? []).map((site) => ({
      ...code('HAS CONCEPT MOD', CODES.findingSite, site),
      ...laterality(keySlice.side),
    })),
    num('CONTAINS', CODES.certaintyOfFinding, percentOf(keySlice.score), CODES.percent),
    field(fieldOnSource(keySlice.crop), sliceOf(manifest, keySlice)),
  ]);
}

/** TID 1501 takes one or more Finding Sites: the vertebrae that the slice cuts, or the cervical spine when none is named. */
function sites(levels: readonly Vertebra[]): Code[] {
  return levels.length === 0 ? [CODES.cervicalSpine] : levels.map((level) => VERTEBRA_CODES[level]);
}

/** The side of a Finding Site, as its modifier. */
function laterality(side: KeySlice['side']): Dataset {
  return side === undefined ? {} : { ContentSequence: [code('HAS CONCEPT MOD', CODES.laterality, CODES[side])] };
}

/**
 * A whole image, which outlines nothing: the first key slice if locations may be shown, otherwise the middle one. Some viewers refuse a measurement group
 * without a region, and draw the numbers of two groups with the same region over each other (OHIF), so it is not the field of the slice's own group.
 */
function caseField(input: FindingsSrInput, manifest: CaseManifest): Dataset {
  const keySlice = input.locations ? input.findings.keySlices[0] : undefined;
  const bottom = Number(text(input.context.source['Rows'])) || 1;
  const right = Number(text(input.context.source['Columns'])) || 1;
  const slice =
    keySlice === undefined ? manifest.slices[Math.floor(manifest.slices.length / 2)]! : sliceOf(manifest, keySlice);
  return field({ top: 0, left: 0, bottom, right }, slice);
}

/** A rectangle as a closed polyline, column then row, origin at the top left corner of the top left pixel (PS3.3 C.18.6.1.2). */
function field(box: { top: number; left: number; bottom: number; right: number }, slice: ManifestSlice): Dataset {
  const { top, left, bottom, right } = box;
  return {
    ...item('CONTAINS', 'SCOORD', CODES.sourceOfMeasurement),
    GraphicType: 'POLYLINE',
    GraphicData: [left, top, right, top, right, bottom, left, bottom, left, top],
    ContentSequence: [image('SELECTED FROM', null, slice)],
  };
}

/** The same question about the same input keeps its tracking UID. */
function tracking(
  { context, findings }: FindingsSrInput,
  manifest: CaseManifest,
  of: string,
  slice: string,
): Dataset[] {
  const uid = derivedUid(
    'tracking',
    context.studyInstanceUid,
    manifest.seriesInstanceUid,
    context.device.uid,
    manifest.inputSha256,
    String(findings.threshold?.version ?? ''),
    slice,
  );
  return [
    textItem('HAS OBS CONTEXT', CODES.trackingIdentifier, `AI fracture triage, ${of}`),
    uidref('HAS OBS CONTEXT', CODES.trackingUid, uid),
  ];
}

function sliceOf(manifest: CaseManifest, image: ImageReference): ManifestSlice {
  const slice = manifest.slices.find((candidate) => isSameImage(candidate, image));
  if (slice === undefined) throw new Error('A key slice is not a slice of the analysed series.');
  return slice;
}

/** The objects that the analysed slices are in, once each; of a multi-frame object also the frames, in their order. */
function objectsOf(manifest: CaseManifest): SopReference[] {
  const objects = new Map<string, SopReference & { frameNumbers: number[] }>();
  for (const { sopClassUid, sopInstanceUid, frameNumber } of manifest.slices) {
    const object = objects.get(sopInstanceUid) ?? { sopClassUid, sopInstanceUid, frameNumbers: [] };
    objects.set(sopInstanceUid, object);
    if (frameNumber !== undefined) object.frameNumbers.push(frameNumber);
  }
  for (const { frameNumbers } of objects.values()) frameNumbers.sort((a, b) => a - b);
  return [...objects.values()];
}

const percentOf = (probability: number): number => Math.round(probability * 10_000) / 100;
