import { expect, it } from 'vitest';
import { CODES } from '../../../src/dicom/codes.ts';
import type { Dataset } from '../../../src/dicom/part10.ts';
import {
  container,
  image,
  referencedRequest,
  referencedSeries,
  sopReference,
} from '../../../src/report/contentItems.ts';
import type { ReportContext } from '../../../src/report/derivedHeader.ts';

// PS3.3 Table 10-3: ReferencedFrameNumber only where frames are meant.
it.each([
  ['an object', {}, {}],
  ['a frame', { frameNumber: 5 }, { ReferencedFrameNumber: '5' }],
  ['one of several frames', { frameNumbers: [7] }, { ReferencedFrameNumber: '7' }],
  ['frames, rather than the one', { frameNumber: 5, frameNumbers: [7, 9] }, { ReferencedFrameNumber: ['7', '9'] }],
  ['all frames', { frameNumbers: [] }, {}],
])('a reference to %s', (_, frames, expected) => {
  expect(sopReference({ sopClassUid: '1.1', sopInstanceUid: '1.2', ...frames })).toEqual({
    ReferencedSOPClassUID: '1.1',
    ReferencedSOPInstanceUID: '1.2',
    ...expected,
  });
});

it('instances stand under their series, in the order in which they came, none twice', () => {
  const instance = (seriesInstanceUid: string, sopInstanceUid: string) => ({
    seriesInstanceUid,
    sopInstanceUid,
    sopClassUid: `1.1.${sopInstanceUid}`,
  });
  const reference = (sopInstanceUid: string) => ({
    ReferencedSOPClassUID: `1.1.${sopInstanceUid}`,
    ReferencedSOPInstanceUID: sopInstanceUid,
  });
  const references = [instance('9', '3'), instance('8', '4'), instance('9', '1'), instance('9', '3')];
  expect(referencedSeries(references, 'ReferencedInstanceSequence')).toEqual([
    { SeriesInstanceUID: '9', ReferencedInstanceSequence: [reference('3'), reference('1')] },
    { SeriesInstanceUID: '8', ReferencedInstanceSequence: [reference('4')] },
  ]);
});

const SUMMARY = [{ CodeValue: '121111', CodingSchemeDesignator: 'DCM', CodeMeaning: 'Summary' }];

it('an item has a concept where there is one (PS3.3 C.17.3)', () => {
  const instance = { sopClassUid: '1.1', sopInstanceUid: '1.2' };
  const ReferencedSOPSequence = [{ ReferencedSOPClassUID: '1.1', ReferencedSOPInstanceUID: '1.2' }];
  const common = { RelationshipType: 'CONTAINS', ValueType: 'IMAGE', ReferencedSOPSequence };
  expect(image('CONTAINS', null, instance)).toEqual(common);
  expect(image('CONTAINS', CODES.summary, instance)).toEqual({ ...common, ConceptNameCodeSequence: SUMMARY });
});

it('a container names its template where it has one', () => {
  const items = [{ ValueType: 'TEXT' }];
  const common = {
    RelationshipType: 'CONTAINS',
    ValueType: 'CONTAINER',
    ConceptNameCodeSequence: SUMMARY,
    ContinuityOfContent: 'SEPARATE',
    ContentSequence: items,
  };
  expect(container('CONTAINS', CODES.summary, null, items)).toEqual(common);
  expect(container('CONTAINS', CODES.summary, '1500', items)).toEqual({
    ...common,
    ContentTemplateSequence: [{ MappingResource: 'DCMR', TemplateIdentifier: '1500' }],
  });
});

const EMPTY = {
  StudyInstanceUID: '1.2.1',
  ReferencedStudySequence: [],
  AccessionNumber: null,
  PlacerOrderNumberImagingServiceRequest: null,
  FillerOrderNumberImagingServiceRequest: null,
  RequestedProcedureID: null,
  RequestedProcedureDescription: null,
  RequestedProcedureCodeSequence: [],
};
const CODED = [{ CodeValue: '24932-6', CodingSchemeDesignator: 'LN', CodeMeaning: 'CT Cervical spine' }];
const FULL = {
  StudyInstanceUID: '1.2.9',
  AccessionNumber: 'ACC-9',
  PlacerOrderNumberImagingServiceRequest: 'PLACER',
  FillerOrderNumberImagingServiceRequest: 'FILLER',
  RequestedProcedureID: 'RP',
  RequestedProcedureDescription: 'CT neck',
  RequestedProcedureCodeSequence: CODED,
};

// PS3.3 C.17.2.3.
it.each<[string, Dataset, Dataset[] | undefined]>([
  ['no request', {}, undefined],
  ['no request, but an empty number', { AccessionNumber: '', RequestAttributesSequence: [] }, undefined],
  ['only an Accession Number', { AccessionNumber: 'ACC-1' }, [{ ...EMPTY, AccessionNumber: 'ACC-1' }]],
  ['a request without a word', { RequestAttributesSequence: [{}] }, [EMPTY]],
  [
    'a request with everything of its own',
    { AccessionNumber: 'ACC-1', RequestAttributesSequence: [FULL] },
    [{ ...EMPTY, ...FULL }],
  ],
  [
    'two requests, the second of which leaves the number to the study',
    {
      AccessionNumber: 'ACC-1',
      RequestAttributesSequence: [FULL, { RequestedProcedureID: 'RP2', StudyInstanceUID: '', AccessionNumber: '' }],
    },
    [
      { ...EMPTY, ...FULL },
      { ...EMPTY, AccessionNumber: 'ACC-1', RequestedProcedureID: 'RP2' },
    ],
  ],
])('of a source with %s', (_, source, expected) => {
  const context = { source, studyInstanceUid: '1.2.1' } as unknown as ReportContext;
  expect(referencedRequest(context)['ReferencedRequestSequence']).toEqual(expected);
});
