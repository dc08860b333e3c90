import type { FrameKind, InstanceHeader } from '../case/case.ts';
import { parseHeaderElements } from './elements.ts';
import { sliceNormal } from './geometry.ts';
import { fileHeaderOf, framesIn } from './header.ts';
import { CT_IMAGE_STORAGE, LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE } from './sopClasses.ts';

const PER_FRAME_FUNCTIONAL_GROUPS = 0x52009230;

/**
 * The header of an image that is known to be a CT, whatever its class says: tools that merge a series into one object write Secondary Capture, or a CT
 * Image of many frames. It is read as what the object would be if it had been converted by the standard (PS3.3 A.70). Frames are placed by their functional
 * groups or, as such tools write volumes, from ImagePositionPatient of the first in steps of SpacingBetweenSlices (else SliceThickness) along the normal.
 * @throws TriageError as `readFileHeader`
 */
export function readVolumeHeader(bytes: Uint8Array, fileBytes?: number): InstanceHeader {
  const elements = parseHeaderElements(bytes, fileBytes ?? bytes.length);
  const header = fileHeaderOf(elements);
  if (header.frames !== undefined || header.frameFault !== undefined) return header;
  if (header.numberOfFrames === 1) return { ...header, modality: 'CT', sopClassUid: CT_IMAGE_STORAGE };
  return {
    ...header,
    modality: 'CT',
    sopClassUid: LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE,
    ...(elements.has(PER_FRAME_FUNCTIONAL_GROUPS)
      ? framesIn(elements, header.seriesDescription)
      : mergedFrames(header)),
  };
}

/** Where the frames of a merged volume lie, or why that is not known. */
export function mergedFrames(header: InstanceHeader): Pick<InstanceHeader, 'frames' | 'frameFault'> {
  const { imagePositionPatientMm: first, imageOrientationPatient: direction, numberOfFrames } = header;
  const spacingMm = header.spacingBetweenSlicesMm ?? header.sliceThicknessMm;
  if (first === null || direction === null || spacingMm === null || !(spacingMm > 0))
    return {
      frameFault:
        'that does not say where its frames lie (ImagePositionPatient, ImageOrientationPatient and SpacingBetweenSlices are wanted)',
    };
  const normal = sliceNormal(direction);
  return {
    frames: {
      kinds: [kindOf(header)],
      kindOf: new Array<number>(numberOfFrames).fill(0),
      positionsMm: Array.from({ length: numberOfFrames }, (_, frame) =>
        first.map((mm, axis) => mm + frame * spacingMm * normal[axis]!),
      ).flat(),
      acquired: null,
    },
  };
}

/** All frames are of the kind that the data set describes. */
function kindOf(header: InstanceHeader): FrameKind {
  return {
    imageType: header.imageType,
    anatomicRegion: header.anatomicRegion,
    convolutionKernel: header.convolutionKernel,
    acquisitionNumber: header.acquisitionNumber,
    temporalPosition: header.temporalPosition,
    reconstructionDiameterMm: header.reconstructionDiameterMm,
    kilovoltPeak: header.kilovoltPeak,
    kiloElectronvolt: header.kiloElectronvolt,
    rescaleType: header.rescaleType,
    pixelSpacingMm: header.pixelSpacingMm,
    sliceThicknessMm: header.sliceThicknessMm,
    spacingBetweenSlicesMm: header.spacingBetweenSlicesMm,
    gantryDetectorTiltDegrees: header.gantryDetectorTiltDegrees,
    imageOrientationPatient: header.imageOrientationPatient,
    stackId: '',
  };
}
