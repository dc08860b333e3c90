import type { ImageReference } from '../case/case.ts';
import { CODES, codeItem, type Code } from '../dicom/codes.ts';
import { decimalString, type Dataset } from '../dicom/part10.ts';
import { isPresent, text, type ReportContext, type ReportingDevice } from './derivedHeader.ts';

/** An instance as named in evidence sequences. */
export interface InstanceReference {
  sopClassUid: string;
  sopInstanceUid: string;
  seriesInstanceUid: string;
}

type Relationship = 'CONTAINS' | 'HAS CONCEPT MOD' | 'HAS OBS CONTEXT' | 'HAS ACQ CONTEXT' | 'SELECTED FROM';

/** What every content item has (PS3.3 C.17.3). */
export function item(relationship: Relationship, valueType: string, concept: Code | null): Dataset {
  return {
    RelationshipType: relationship,
    ValueType: valueType,
    ...(concept === null ? {} : { ConceptNameCodeSequence: [codeItem(concept)] }),
  };
}

export function code(relationship: Relationship, concept: Code, value: Code): Dataset {
  return { ...item(relationship, 'CODE', concept), ConceptCodeSequence: [codeItem(value)] };
}

export function textItem(relationship: Relationship, concept: Code, value: string): Dataset {
  return { ...item(relationship, 'TEXT', concept), TextValue: value };
}

export function uidref(relationship: Relationship, concept: Code, uid: string): Dataset {
  return { ...item(relationship, 'UIDREF', concept), UID: uid };
}

export function num(relationship: Relationship, concept: Code, value: number, unit: Code): Dataset {
  return {
    ...item(relationship, 'NUM', concept),
    MeasuredValueSequence: [{ MeasurementUnitsCodeSequence: [codeItem(unit)], NumericValue: decimalString(value) }],
  };
}

export function image(relationship: Relationship, concept: Code | null, instance: SopReference): Dataset {
  return { ...item(relationship, 'IMAGE', concept), ReferencedSOPSequence: [sopReference(instance)] };
}

export function container(
  relationship: Relationship,
  concept: Code,
  template: string | null,
  items: Dataset[],
): Dataset {
  return {
    ...item(relationship, 'CONTAINER', concept),
    ContinuityOfContent: 'SEPARATE',
    ...(template === null
      ? {}
      : { ContentTemplateSequence: [{ MappingResource: 'DCMR', TemplateIdentifier: template }] }),
    ContentSequence: items,
  };
}

/** TID 1004: who made the observations is this device. */
export function deviceObserver(device: ReportingDevice): Dataset[] {
  return [
    code('HAS OBS CONTEXT', CODES.observerType, CODES.device),
    uidref('HAS OBS CONTEXT', CODES.deviceObserverUid, device.uid),
    textItem('HAS OBS CONTEXT', CODES.deviceObserverName, device.modelName),
    textItem('HAS OBS CONTEXT', CODES.deviceObserverManufacturer, device.manufacturer),
    textItem('HAS OBS CONTEXT', CODES.deviceObserverModelName, device.modelName),
    textItem('HAS OBS CONTEXT', CODES.deviceObserverSerialNumber, device.serialNumber),
  ];
}

/** Study > series > instances (PS3.3 Table C.17-3). */
export function evidence(studyInstanceUid: string, references: readonly InstanceReference[]): Dataset[] {
  return [
    {
      StudyInstanceUID: studyInstanceUid,
      ReferencedSeriesSequence: referencedSeries(references, 'ReferencedSOPSequence'),
    },
  ];
}

/** Instances grouped by series, in the order given, each once. */
export function referencedSeries(
  references: readonly InstanceReference[],
  instances: 'ReferencedSOPSequence' | 'ReferencedInstanceSequence',
): Dataset[] {
  const bySeries = new Map<string, Map<string, Dataset>>();
  for (const { seriesInstanceUid, sopClassUid, sopInstanceUid } of references) {
    const items = bySeries.get(seriesInstanceUid) ?? new Map<string, Dataset>();
    bySeries.set(seriesInstanceUid, items);
    items.set(sopInstanceUid, sopReference({ sopClassUid, sopInstanceUid }));
  }
  return [...bySeries].map(([seriesInstanceUid, items]) => ({
    SeriesInstanceUID: seriesInstanceUid,
    [instances]: [...items.values()],
  }));
}

/** An object, or the frames of it that are meant. */
export interface SopReference extends ImageReference {
  sopClassUid: string;
  frameNumbers?: readonly number[];
}

/** One item of a SOP or image reference sequence (PS3.3 Table 10-11, Table 10-3). */
export function sopReference({ sopClassUid, sopInstanceUid, frameNumber, frameNumbers }: SopReference): Dataset {
  const frames = (frameNumbers ?? (frameNumber === undefined ? [] : [frameNumber])).map(String);
  return {
    ReferencedSOPClassUID: sopClassUid,
    ReferencedSOPInstanceUID: sopInstanceUid,
    ...(frames.length === 0 ? {} : { ReferencedFrameNumber: frames.length === 1 ? frames[0]! : frames }),
  };
}

/** The request for the scan, if the source names one (PS3.3 C.17.2.3). */
export function referencedRequest({ source, studyInstanceUid }: ReportContext): Dataset {
  const requests = Array.isArray(source['RequestAttributesSequence'])
    ? (source['RequestAttributesSequence'] as readonly Dataset[])
    : [];
  const accessionNumber = source['AccessionNumber'];
  if (requests.length === 0 && !isPresent(accessionNumber)) return {};
  const copied = (request: Dataset, keyword: string) => (isPresent(request[keyword]) ? request[keyword] : null);
  return {
    ReferencedRequestSequence: (requests.length === 0 ? [{} as Dataset] : requests).map((request) => ({
      StudyInstanceUID: text(request['StudyInstanceUID']) || studyInstanceUid,
      ReferencedStudySequence: [],
      AccessionNumber: copied(request, 'AccessionNumber') ?? (isPresent(accessionNumber) ? accessionNumber : null),
      PlacerOrderNumberImagingServiceRequest: copied(request, 'PlacerOrderNumberImagingServiceRequest'),
      FillerOrderNumberImagingServiceRequest: copied(request, 'FillerOrderNumberImagingServiceRequest'),
      RequestedProcedureID: copied(request, 'RequestedProcedureID'),
      RequestedProcedureDescription: copied(request, 'RequestedProcedureDescription'),
      RequestedProcedureCodeSequence:
        (copied(request, 'RequestedProcedureCodeSequence') as readonly Dataset[] | null) ?? [],
    })),
  };
}
