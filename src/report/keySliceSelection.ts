import type { Findings, ManifestSlice } from '../case/case.ts';
import { findingLine } from '../case/findingLine.ts';
import { CODES, codeItem } from '../dicom/codes.ts';
import type { Dataset } from '../dicom/part10.ts';
import { KEY_OBJECT_SELECTION_STORAGE } from '../dicom/sopClasses.ts';
import { deviceObserver, evidence, image, referencedRequest, textItem } from './contentItems.ts';
import { derivedHeader, type ReportContext } from './derivedHeader.ts';
import { DISCLAIMER, stateSentence } from './findingsSummary.ts';

/** A slice, and the series that it is in. */
export type SeriesImage = ManifestSlice & { seriesInstanceUid: string };

/**
 * A Key Object Selection "Of Interest" of the key slices of a flagged scan, best first, without its SOP Instance UID (PS3.3 A.35.4, PS3.16 TID 2010): PACS
 * and viewers that know no SR find the slices by it. Of a multi-frame object it names the frames.
 */
export function keySliceSelection(context: ReportContext, findings: Findings, images: readonly SeriesImage[]): Dataset {
  return {
    SOPClassUID: KEY_OBJECT_SELECTION_STORAGE,
    ...derivedHeader(context, 'keySlices', 1),
    ReferencedPerformedProcedureStepSequence: [],
    ...referencedRequest(context),
    CurrentRequestedProcedureEvidenceSequence: evidence(context.studyInstanceUid, images),
    ValueType: 'CONTAINER',
    ConceptNameCodeSequence: [codeItem(CODES.ofInterest)],
    ContinuityOfContent: 'SEPARATE',
    ContentTemplateSequence: [{ MappingResource: 'DCMR', TemplateIdentifier: '2010' }],
    ContentSequence: [
      // Without it, a person would be taken to have selected them (TID 1002).
      ...deviceObserver(context.device),
      textItem(
        'CONTAINS',
        CODES.keyObjectDescription,
        [stateSentence(findings), `${findingLine(findings.keySlices) ?? ''}.`, DISCLAIMER].join(' '),
      ),
      ...images.map((one) => image('CONTAINS', null, one)),
    ],
  };
}
