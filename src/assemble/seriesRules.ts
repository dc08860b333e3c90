import type { InstanceHeader, StoredImage } from '../case/case.ts';
import { axialTiltDegrees, superiorNormal, toTrainedOrientation } from '../dicom/geometry.ts';
import { CT_IMAGE_STORAGE, MULTI_FRAME_CT_SOP_CLASSES } from '../dicom/sopClasses.ts';
import { alternatingSteps, missingSlices } from './sliceOrder.ts';
import type { SliceStack } from './sliceOrder.ts';
import { virtualRefusal } from './virtualImage.ts';

/** Limits on what is analysed; the site's `assemble` section. */
export interface SeriesRules {
  /** Minimum and maximum number of slices in a series. */
  minSlices: number;
  maxSlices: number;
  /** For SliceThickness and for the distance between neighbouring slices. */
  maxSliceThicknessMm: number;
  minCoverageMm: number;
  /** Largest angle between the slice normal and the cranio-caudal axis, and between rows or columns and their axes. */
  axialToleranceDegrees: number;
  /** 0..1, as a share of the slices that a series without gaps would have. */
  maxMissingShare: number;
}

export const DEFAULT_SERIES_RULES: SeriesRules = {
  minSlices: 20,
  maxSlices: 3_000,
  maxSliceThicknessMm: 4.5,
  minCoverageMm: 80,
  axialToleranceDegrees: 30,
  maxMissingShare: 0.05,
};

/** Why something is not analysed: `code` for machines; `reason` is a phrase for people that completes "only ...". */
export interface Refusal {
  code: string;
  reason: string;
}

/** A rule as data: `refuse` returns the phrase when the rule is broken, otherwise null. */
interface Rule<Subject> {
  code: string;
  refuse: (subject: Subject, rules: SeriesRules) => string | null;
  /** Applies only to a series of a few images. */
  onlyFew?: true;
}

/** A series as its rules see it: the slices that passed the per-image rules, and their geometry. */
export interface SeriesFacts {
  instances: readonly StoredImage[];
  stack: SliceStack;
}

const SECONDARY_CAPTURE = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.7(\.[1-4])?$/;
const LOCALIZER_WORDS = /\b(localizer|localiser|scout|topogram|surview|scanogram|scanoscope)\b/i;
/** ImageType values (PS3.3 C.8.2.1.1.1 and vendor-specific ones) of images computed from slices. */
const REFORMAT_WORDS =
  /\b(MPR|REFORMATTED|MIP|MINIP|PROJECTION IMAGE|VRT|VOLUME RENDERING|CURVED|RADIAL|CSA MPR|MPR THICK|SCREEN SAVE|DOSE_INFO)\b/i;
/** If more than this share of the slices lie on top of one another, they are two stacks in one series rather than a few slices sent twice. */
const MAX_DUPLICATE_SHARE = 0.05;

/** What an object must be to count as a slice of an analysed series. In this order: the first broken rule is the reason. */
const INSTANCE_RULES: readonly Rule<InstanceHeader>[] = [
  {
    code: 'secondary-capture',
    refuse: (header) => (SECONDARY_CAPTURE.test(header.sopClassUid) ? 'a secondary capture' : null),
  },
  {
    code: 'multi-frame',
    // Every frame has a StackID, if only an empty one: an object without is judged as a whole, because its frames are not known.
    refuse: (header) =>
      MULTI_FRAME_CT_SOP_CLASSES.has(header.sopClassUid) && header.stackId === undefined
        ? `a multi-frame CT ${header.frameFault ?? 'that came before this version could read its frames'}`
        : null,
  },
  {
    code: 'multi-frame',
    refuse: ({ sopClassUid, numberOfFrames }) =>
      sopClassUid === CT_IMAGE_STORAGE && numberOfFrames > 1
        ? `a CT image of ${numberOfFrames} frames, which do not say where each lies (send it as Enhanced CT, or slice by slice)`
        : null,
  },
  {
    code: 'not-ct',
    refuse: ({ sopClassUid, modality }) => {
      if (modality.toUpperCase() !== 'CT' && modality !== '') return `${modality} objects`;
      return sopClassUid === CT_IMAGE_STORAGE || MULTI_FRAME_CT_SOP_CLASSES.has(sopClassUid)
        ? null
        : 'objects that are no CT images';
    },
  },
  {
    code: 'colour',
    refuse: ({ samplesPerPixel = 1 }) => (samplesPerPixel > 1 ? 'a picture in colour' : null),
  },
  {
    code: 'localizer',
    refuse: ({ imageType }) =>
      imageType.slice(2).some((value) => value.toUpperCase() === 'LOCALIZER') ? 'a localizer' : null,
  },
  {
    code: 'localizer',
    // What the image says about itself outranks what somebody wrote about the series ("bone (scout 1 of 2)"), and nobody makes a stack of localizers.
    onlyFew: true,
    refuse: ({ imageType, seriesDescription }) =>
      imageType.slice(2).every((value) => value === '') && LOCALIZER_WORDS.test(seriesDescription)
        ? 'a localizer'
        : null,
  },
  {
    code: 'derived',
    refuse: (header) => {
      // SECONDARY alone means "made after the examination", which is also true of a later reconstruction.
      return header.imageType.slice(2).some((value) => REFORMAT_WORDS.test(value))
        ? `a ${thicknessOf(header)}reformat`
        : null;
    },
  },
  { code: 'virtual-image', refuse: virtualRefusal },
  {
    code: 'no-geometry',
    refuse: (header) => {
      const absent = [
        header.imagePositionPatientMm === null ? 'position' : '',
        header.imageOrientationPatient === null || superiorNormal(header.imageOrientationPatient) === null
          ? 'orientation'
          : '',
        header.pixelSpacingMm === null ? 'pixel spacing' : '',
        header.rows === null || header.columns === null || header.rows === 0 || header.columns === 0 ? 'matrix' : '',
      ].filter((word) => word !== '');
      return absent.length === 0 ? null : `images without a usable ${absent.join(' and ')}`;
    },
  },
  {
    code: 'not-axial',
    refuse: (header, rules) => {
      const tilt = axialTiltDegrees(header.imageOrientationPatient!)!;
      return tilt <= rules.axialToleranceDegrees ? null : `a ${thicknessOf(header)}${planeOf(header)} series`;
    },
  },
  {
    code: 'rotated',
    refuse: (header, rules) =>
      toTrainedOrientation(header.imageOrientationPatient!, rules.axialToleranceDegrees) === null
        ? `slices turned in their plane by more than ${mm(rules.axialToleranceDegrees)} degrees`
        : null,
  },
  {
    code: 'too-thick',
    refuse: (header, rules) =>
      (header.sliceThicknessMm ?? 0) > rules.maxSliceThicknessMm
        ? `slices ${mm(header.sliceThicknessMm!)} mm thick (at most ${mm(rules.maxSliceThicknessMm)} mm)`
        : null,
  },
];

/** What the slices of a series must satisfy together. In this order. */
const SERIES_RULES: readonly Rule<SeriesFacts>[] = [
  {
    code: 'content-conflict',
    refuse: ({ instances }) => {
      const digests = new Map<string, string>();
      for (const { header, sha256 } of instances) {
        if ((digests.get(header.sopInstanceUid) ?? sha256) !== sha256)
          return 'different images under one SOP Instance UID';
        digests.set(header.sopInstanceUid, sha256);
      }
      return null;
    },
  },
  {
    code: 'same-positions',
    refuse: ({ instances, stack }, rules) =>
      stack.slices.length < rules.minSlices && instances.length >= rules.minSlices
        ? `${instances.length} slices at ${count(stack.slices.length, 'position')}: their ImagePositionPatient is the same, so nothing says where they lie`
        : null,
  },
  {
    code: 'too-few-slices',
    refuse: ({ stack }, rules) =>
      stack.slices.length < rules.minSlices
        ? `${count(stack.slices.length, 'axial slice')} (at least ${rules.minSlices} needed)`
        : null,
  },
  {
    code: 'too-many-slices',
    refuse: ({ instances }, rules) =>
      instances.length > rules.maxSlices ? `${instances.length} slices (at most ${rules.maxSlices})` : null,
  },
  {
    code: 'overlapping-stacks',
    refuse: ({ instances, stack }) =>
      stack.duplicates.length > MAX_DUPLICATE_SHARE * instances.length
        ? `more than one stack of slices in one series: ${stack.duplicates.length} of ${instances.length} slices lie where another one does`
        : null,
  },
  {
    code: 'overlapping-stacks',
    refuse: ({ stack }) => {
      const steps = alternatingSteps(stack);
      return steps === null
        ? null
        : `more than one stack of slices in one series: they lie alternately ${mm(steps[0])} and ${mm(steps[1])} mm apart`;
    },
  },
  {
    code: 'too-thick',
    refuse: ({ stack }, rules) =>
      stack.spacingMm > rules.maxSliceThicknessMm
        ? `slices ${mm(stack.spacingMm)} mm apart (at most ${mm(rules.maxSliceThicknessMm)} mm)`
        : null,
  },
  {
    code: 'irregular-spacing',
    refuse: ({ stack }, rules) =>
      stack.irregularSteps > rules.maxMissingShare * (stack.slices.length - 1)
        ? `slices unevenly spaced: ${stack.irregularSteps} of ${stack.slices.length - 1} steps are not ${mm(stack.spacingMm)} mm`
        : null,
  },
  {
    code: 'slices-missing',
    refuse: ({ stack }, rules) => {
      const missing = missingSlices(stack);
      const whole = stack.slices.length + missing;
      return missing > rules.maxMissingShare * whole
        ? `slices missing: ${missing} of ${whole}, in ${count(stack.gaps.length, 'gap')}`
        : null;
    },
  },
  {
    code: 'short-coverage',
    refuse: ({ stack }, rules) =>
      stack.coverageMm < rules.minCoverageMm
        ? `${mm(stack.coverageMm)} mm of coverage (at least ${mm(rules.minCoverageMm)} mm needed)`
        : null,
  },
];

/**
 * Why this object cannot be a slice of an analysed series, or null when it can. Cheap enough to run on every object as it arrives. `isOneOfMany`: its
 * series has enough images for a stack of slices.
 */
export function instanceRefusal(header: InstanceHeader, rules: SeriesRules, isOneOfMany = false): Refusal | null {
  const table = isOneOfMany ? INSTANCE_RULES.filter(({ onlyFew }) => onlyFew !== true) : INSTANCE_RULES;
  return firstBroken(table, header, rules);
}

/** Why these slices do not form a series that can be analysed, or null when they do. */
export function seriesRefusal(facts: SeriesFacts, rules: SeriesRules): Refusal | null {
  return firstBroken(SERIES_RULES, facts, rules);
}

/** A length for people: two decimals at most. */
export function mm(value: number): string {
  return String(Number(value.toFixed(2)));
}

/** `1 slice`, `2 slices`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}

function firstBroken<Subject>(table: readonly Rule<Subject>[], subject: Subject, rules: SeriesRules): Refusal | null {
  for (const rule of table) {
    const reason = rule.refuse(subject, rules);
    if (reason !== null) return { code: rule.code, reason };
  }
  return null;
}

function thicknessOf(header: InstanceHeader): string {
  return header.sliceThicknessMm === null || header.sliceThicknessMm <= 0 ? '' : `${mm(header.sliceThicknessMm)} mm `;
}

function planeOf(header: InstanceHeader): string {
  const normal = superiorNormal(header.imageOrientationPatient!)!.map(Math.abs);
  const steepest = Math.cos(Math.PI / 6);
  if (normal[0]! >= steepest) return 'sagittal';
  return normal[1]! >= steepest ? 'coronal' : 'oblique';
}
