import type { Elements } from './elements.ts';

/** Where the attribute of a frame stands (PS3.3 C.7.6.16.2, C.8.15.3): in the first item of a functional group, sometimes under another name. */
interface Place {
  group: number;
  /** Absent: under its own tag. */
  tag?: number;
  /** Of values that are binary in a functional group, and IS elsewhere. */
  binary?: 'US' | 'UL';
}

const NUMBER_OF_FRAMES = 0x00280008;
const SHARED = 0x52009229;
const PER_FRAME = 0x52009230;
/** Attributes without a group of their own, as a converter to Legacy Converted Enhanced CT leaves them (PS3.3 C.7.6.16.2.25, C.7.6.16.2.26). */
const UNASSIGNED_SHARED = 0x00209170;
const UNASSIGNED_PER_FRAME = 0x00209171;

const FRAME_CONTENT = 0x00209111;
const PIXEL_MEASURES = 0x00289110;
const PIXEL_VALUE_TRANSFORMATION = 0x00289145;
const CT_FRAME_TYPE = 0x00189329;
const CT_RECONSTRUCTION = 0x00189314;
const IMAGE_POSITION_PATIENT = 0x00200032;

/** By the tag that a single-frame image has. Attributes that are not here stand in the data set itself. */
const PLACES: ReadonlyMap<number, Place> = new Map<number, Place>([
  [IMAGE_POSITION_PATIENT, { group: 0x00209113 }],
  [0x00200037, { group: 0x00209116 }], // ImageOrientationPatient
  [0x00280030, { group: PIXEL_MEASURES }], // PixelSpacing
  [0x00180050, { group: PIXEL_MEASURES }], // SliceThickness
  [0x00180088, { group: PIXEL_MEASURES }], // SpacingBetweenSlices
  [0x00281052, { group: PIXEL_VALUE_TRANSFORMATION }], // RescaleIntercept
  [0x00281053, { group: PIXEL_VALUE_TRANSFORMATION }], // RescaleSlope
  [0x00281054, { group: PIXEL_VALUE_TRANSFORMATION }], // RescaleType
  [0x00080008, { group: CT_FRAME_TYPE, tag: 0x00089007 }], // ImageType is FrameType
  [0x00089206, { group: CT_FRAME_TYPE }], // VolumetricProperties
  [0x00089207, { group: CT_FRAME_TYPE }], // VolumeBasedCalculationTechnique
  [0x00181210, { group: CT_RECONSTRUCTION }], // ConvolutionKernel
  [0x00181100, { group: CT_RECONSTRUCTION }], // ReconstructionDiameter
  [0x00180060, { group: 0x00189325 }], // KVP
  [0x00181120, { group: 0x00189304 }], // GantryDetectorTilt
  [0x00082218, { group: 0x00209071 }], // AnatomicRegionSequence
  [0x0008002a, { group: FRAME_CONTENT, tag: 0x00189074 }], // AcquisitionDateTime is FrameAcquisitionDateTime
  [0x00200012, { group: FRAME_CONTENT, tag: 0x00209156, binary: 'US' }], // AcquisitionNumber is FrameAcquisitionNumber
  [0x00200100, { group: FRAME_CONTENT, tag: 0x00209128, binary: 'UL' }], // TemporalPositionIdentifier is TemporalPositionIndex
  [0x00209056, { group: FRAME_CONTENT }], // StackID
  [0x00209157, { group: FRAME_CONTENT }], // DimensionIndexValues
]);

/** How many frames the object states, and how many its functional groups describe. Without NumberOfFrames, or with 0, it is as many as are described. */
export function frameCounts(dataSet: Elements): { frames: number; described: number } {
  const described = dataSet.items(PER_FRAME).length;
  return { frames: dataSet.numbers(NUMBER_OF_FRAMES)?.[0] || described || 1, described };
}

/** The frames of a multi-frame object as if each were an image of its own. */
export interface Frames {
  /** The elements of frame `number`, from 1: what stands in its functional groups or the shared ones, else in the data set. */
  frame(number: number): Elements;
}

/** Reads the functional groups of a data set. @throws TriageError `dicom-unreadable` */
export function framesOf(dataSet: Elements): Frames {
  const shared = cached(dataSet.items(SHARED, 1)[0]);
  const perFrame = dataSet.items(PER_FRAME);
  return { frame: (number) => frameView(dataSet, cached(perFrame[number - 1]), shared) };
}

/** The first item of a sequence, or null; every sequence is read once. */
type FirstItem = (tag: number) => Elements | null;

function cached(item: Elements | undefined): FirstItem {
  const known = new Map<number, Elements | null>();
  return (tag) => {
    let found = known.get(tag);
    if (found === undefined) known.set(tag, (found = item?.items(tag, 1)[0] ?? null));
    return found;
  };
}

function frameView(dataSet: Elements, own: FirstItem, shared: FirstItem): Elements {
  const locate = (tag: number): { elements: Elements; tag: number } | null => {
    const place = PLACES.get(tag);
    if (place !== undefined) {
      const inGroup = place.tag ?? tag;
      for (const item of [own, shared]) {
        const group = item(place.group);
        if (group?.has(inGroup)) return { elements: group, tag: inGroup };
      }
      for (const unassigned of [own(UNASSIGNED_PER_FRAME), shared(UNASSIGNED_SHARED)])
        if (unassigned?.has(tag)) return { elements: unassigned, tag };
    }
    // One position for all frames would put them on top of one another.
    return tag === IMAGE_POSITION_PATIENT ? null : { elements: dataSet, tag };
  };
  const read = <Value>(tag: number, absent: Value, use: (elements: Elements, tag: number) => Value): Value => {
    const found = locate(tag);
    return found === null ? absent : use(found.elements, found.tag);
  };
  const has = (tag: number): boolean => read(tag, false, (elements, at) => elements.has(at));
  return {
    transferSyntaxUid: dataSet.transferSyntaxUid,
    datasetOffset: dataSet.datasetOffset,
    bigEndian: dataSet.bigEndian,
    has,
    tags: () => [...new Set([...dataSet.tags(), ...PLACES.keys()])].filter(has),
    vr: (tag) => read(tag, null, (elements, at) => elements.vr(at)),
    bytes: (tag) => read(tag, null, (elements, at) => elements.bytes(at)),
    string: (tag) => read(tag, null, (elements, at) => elements.string(at)),
    strings: (tag) => read<string[]>(tag, [], (elements, at) => elements.strings(at)),
    numbers: (tag) =>
      read<number[] | null>(tag, null, (elements, at) => {
        const binary = at === tag ? undefined : PLACES.get(tag)?.binary;
        if (binary === undefined) return elements.numbers(at);
        const value = binary === 'US' ? elements.uint16(at) : elements.uint32(at);
        return value === null ? null : [value];
      }),
    uint16: (tag, index) => read(tag, null, (elements, at) => elements.uint16(at, index)),
    int16: (tag, index) => read(tag, null, (elements, at) => elements.int16(at, index)),
    uint32: (tag, index) => read(tag, null, (elements, at) => elements.uint32(at, index)),
    place: (tag) => read(tag, null, (elements, at) => elements.place(at)),
    items: (tag, most) => read<Elements[]>(tag, [], (elements, at) => elements.items(at, most)),
    pixelData: () => dataSet.pixelData(),
  };
}
