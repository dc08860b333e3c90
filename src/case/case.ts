import type { z } from 'zod';
import type { coverage, findings, keySlice, seriesVerdict, sliceCrop, vertebraScore } from '../answers/findings.ts';

/** The patient of the study, decoded to Unicode from the stored source bytes (PS3.3 C.7.1.1). */
export interface PatientIdentity {
  patientId: string;
  issuerOfPatientId: string;
  patientName: string;
  /** DICOM DA, or empty. */
  patientBirthDate: string;
  patientSex: string;
}

/** Header facts of one object that assembling and the worklist need; text decoded to Unicode. */
export interface InstanceHeader extends PatientIdentity {
  sopClassUid: string;
  sopInstanceUid: string;
  studyInstanceUid: string;
  seriesInstanceUid: string;
  frameOfReferenceUid: string;
  transferSyntaxUid: string;
  accessionNumber: string;
  studyDate: string;
  studyTime: string;
  studyDescription: string;
  /** AcquisitionDateTime, or AcquisitionDate + AcquisitionTime, with the offset from UTC that the object states; empty when absent. */
  acquisitionDateTime: string;
  /** Of all times of the object, `+0100`; absent where it states none, and they are taken for those of the site. */
  timezoneOffsetFromUtc?: string;
  patientAge: string;
  modality: string;
  manufacturer: string;
  manufacturerModelName: string;
  imageType: string[];
  seriesNumber: number | null;
  seriesDescription: string;
  protocolName: string;
  /** Where the patient is, as stated by the scanner. Each of these may be empty, and sites differ in which one they fill. */
  currentPatientLocation: string;
  institutionalDepartmentName: string;
  stationName: string;
  bodyPartExamined: string;
  /** Code meanings of AnatomicRegionSequence (0008,2218). */
  anatomicRegion: string;
  /** Requested Procedure Priority (0040,1003), where a scanner or archive copies it into the images. */
  requestedProcedurePriority?: string;
  /** Code values of ProcedureCodeSequence (0008,1032) and RequestedProcedureCodeSequence (0032,1064). */
  procedureCodes?: string[];
  convolutionKernel: string;
  instanceNumber: number | null;
  /** This and the next five distinguish the stacks of one series. */
  acquisitionNumber: number | null;
  temporalPosition: number | null;
  reconstructionDiameterMm: number | null;
  kilovoltPeak: number | null;
  /** Of virtual monoenergetic images, as ImageType or SeriesDescription state it. */
  kiloElectronvolt: number | null;
  /** The unit of rescaled values; empty when absent, which means Hounsfield units for a CT (PS3.3 C.8.2.1). */
  rescaleType: string;
  /** The number of images that the sender states: ImagesInAcquisition (0020,1002), NumberOfSeriesRelatedInstances (0020,1209). */
  imagesInAcquisition: number | null;
  numberOfSeriesRelatedInstances: number | null;
  rows: number | null;
  columns: number | null;
  numberOfFrames: number;
  /** Of a pixel, when there are more than one: a picture in colour. */
  samplesPerPixel?: number;
  /** Which of several stacks in one object; absent outside multi-frame objects. */
  stackId?: string;
  /** The frames of an Enhanced CT; absent in other objects, and when `frameFault` says why they cannot be used. */
  frames?: FrameTable;
  /** Why the frames of an Enhanced CT cannot be used, as a phrase that follows "a multi-frame CT". */
  frameFault?: string;
  /** The part that this object is of one image that was cut into several objects (PS3.3 C.7.6.16.2.2.4); `parts` is null when not stated. */
  concatenation?: { uid: string; part: number; parts: number | null };
  /** [between rows, between columns] (PS3.3 10.7.1.3). */
  pixelSpacingMm: [number, number] | null;
  sliceThicknessMm: number | null;
  spacingBetweenSlicesMm: number | null;
  gantryDetectorTiltDegrees: number | null;
  /** LPS, centre of the first voxel. */
  imagePositionPatientMm: [number, number, number] | null;
  /** Direction cosines of a row, then of a column. */
  imageOrientationPatient: [number, number, number, number, number, number] | null;
}

/** What the frames of one object may differ in, besides their position and time. */
export type FrameKind = Pick<
  InstanceHeader,
  | 'imageType'
  | 'anatomicRegion'
  | 'convolutionKernel'
  | 'acquisitionNumber'
  | 'temporalPosition'
  | 'reconstructionDiameterMm'
  | 'kilovoltPeak'
  | 'kiloElectronvolt'
  | 'rescaleType'
  | 'pixelSpacingMm'
  | 'sliceThicknessMm'
  | 'spacingBetweenSlicesMm'
  | 'gantryDetectorTiltDegrees'
  | 'imageOrientationPatient'
  | 'stackId'
>;

/** The frames of a multi-frame object, compactly (about 30 bytes a frame): what many frames share is written once. */
export interface FrameTable {
  kinds: FrameKind[];
  /** For each frame the index of its kind. */
  kindOf: number[];
  /** ImagePositionPatient: x, y, z of each frame in turn; null where a frame states none. */
  positionsMm: (number | null)[];
  /** When each frame was acquired, as milliseconds after `fromMs` (of a clock without time zone); null when the frames do not say. */
  acquired: { fromMs: number; afterMs: (number | null)[] } | null;
}

/** One received object: verbatim bytes on disk and what its header says. */
export interface StoredInstance {
  header: InstanceHeader;
  /** Relative to the spool directory. */
  path: string;
  /** SHA-256 (hex) of the data set bytes as received, without the file meta information. */
  sha256: string;
  sizeBytes: number;
  receivedAtMs: number;
  /** Calling AE title, or empty when not known. */
  sourceAeTitle: string;
  /** AE title by which the sender called the agent. */
  calledAeTitle?: string;
  /** The patient in the object's bytes, where a person has said that it is the one whom `header` names; absent where the bytes name that patient. */
  cameAs?: PatientIdentity;
}

/** Names one image: an object, or one frame of it. */
export interface ImageReference {
  sopInstanceUid: string;
  /** From 1, as ReferencedFrameNumber counts; absent for an object with one image. */
  frameNumber?: number;
}

/** One image of a received object, with the header of that image. */
export interface StoredImage extends StoredInstance {
  /** From 1; absent for an object with one image. */
  frameNumber?: number;
}

/** The outcome of recording a received object. */
export type RecordOutcome =
  | 'new'
  /** This very file is already recorded. */
  | 'duplicate'
  /** Same UID and bytes as a recorded object, in another file: nothing is run again, and one of the two files is redundant. */
  | 'copy'
  /** Same UID, patient and pixels, other bytes (another transfer syntax, values that an archive filled in): both are kept, nothing is run again. */
  | 'same-image'
  /** Same UID, other pixels: both are kept; the case is quarantined if the object is of a kind that is triaged. */
  | 'conflict'
  /** Stored, but its patient differs from the study's: the case is quarantined. */
  | 'identity-conflict';

/** Why a series is or is not analysed: `code` from `assemble/seriesRules`, `reason` for people. */
export type SeriesVerdict = z.infer<typeof seriesVerdict>;

export interface ManifestSlice extends ImageReference {
  /** (0020,0013), null where the header has none; absent in manifests from before it was kept. */
  instanceNumber?: number | null;
  sopClassUid: string;
  /** Relative to the spool directory. */
  path: string;
  /** Of the object's data set. */
  sha256: string;
  /** Along the cranio-caudal normal of the series, superior is greater. */
  positionMm: number;
}

/** The assembled case: which series is analysed, in which order, and its irregularities. */
export interface CaseManifest {
  seriesInstanceUid: string;
  /** Ordered superior to inferior. */
  slices: ManifestSlice[];
  sliceSpacingMm: number;
  coverageMm: number;
  /** Angle by which the slices are sheared against their normal, from their positions; absent where they are not. */
  gantryTiltDegrees?: number;
  /** Holes between neighbouring slices: index of the slice before the hole, and how many slices are missing. */
  gaps: { afterSliceIndex: number; missingSlices: number }[];
  /** Slices at a position that is already taken; kept on disk, not analysed. */
  duplicateSopInstanceUids: string[];
  /**
   * How many images (or parts of a concatenation) the sender states and how many arrived, when fewer did; or how many of them have a position, when all
   * arrived and some have none. Absent otherwise.
   */
  cutShort?: { came: number; stated: number; of?: 'slices' | 'parts' | 'placed' };
  /** The sender's connection broke off, the study was not sent again, and nobody states how many images there are. */
  brokenOff?: true;
  /** What the slices were cut to, and why, as a phrase; absent where all were analysed. */
  cutTo?: string;
  /** Received slices that cannot be decoded: they count as missing, each with the reason. */
  unreadSlices?: (ImageReference & { reason: string })[];
  series: SeriesVerdict[];
  /** SHA-256 over the ordered slice digests: what was analysed. */
  inputSha256: string;
  /** The same before slices that cannot be decoded were left out; absent where all could be. */
  assembledSha256?: string;
  /** Better inputs (`inputSha256`) that could not be analysed, with the reason. */
  tried?: Record<string, string>;
}

/** One slice as the encoder sees it. */
export interface EncodedSlice {
  /** Its length is stated in the model's card: features, or the slice's plane of a volume. */
  feature: Float32Array;
  /** Probability of a fracture on this image alone, 0..1; 0 when the network sees only whole scans. */
  imageProbability: number;
  /** Class activation map, `[row][column]`, row-major, of the model's input square; >= 0. Empty where the network sees whole scans only. */
  cam: Float32Array;
  camRows: number;
  camColumns: number;
  /** Where the model's input square lies in the source image as stored. */
  crop: SliceCrop;
  /** Null for slices that an earlier version encoded. */
  anatomy: Anatomy | null;
  /** Null where the package has no limits for it. */
  texture: Texture | null;
}

/** The tissue composition of a slice: enough to tell a neck from a trunk, a head or a bottle of water. */
export interface Anatomy {
  /** Denser than fat: the body and the table. */
  tissueAreaCm2: number;
  boneAreaCm2: number;
}

/** How the soft tissue of a slice is reconstructed: enough to tell a blurred scan, or one whose slices are means of several. */
export interface Texture {
  /** Share of places, 0..1, at which fine detail changes its sign within two pixels; null where the slice shows too little soft tissue. */
  changeInPlane: number | null;
  /** Sign of the fine detail at fixed places, row by row: `+` or `-`, a space where there is none to compare. */
  detail: string;
}

/** The analysed field of a slice and how it maps back to the stored pixel matrix. */
export type SliceCrop = z.infer<typeof sliceCrop>;

/** A slice that shows the finding best, and where the network responded in it. */
export type KeySlice = z.infer<typeof keySlice>;

/** A side of the patient. */
export type Side = NonNullable<KeySlice['side']>;

/** What the network says of one vertebra. */
export type VertebraScore = z.infer<typeof vertebraScore>;

/** How much of the neck was seen. */
export type Coverage = z.infer<typeof coverage>;

/** The outcome of the analysis of one revision of a case. */
export type Findings = z.infer<typeof findings>;
