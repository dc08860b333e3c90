import { fileSource } from '../../base/byteSource.ts';
import { toErrorMessage } from '../../base/errorMessage.ts';
import { TriageError } from '../../base/errors.ts';
import { encodePng } from '../../base/png.ts';
import type { InstanceHeader } from '../../case/case.ts';
import { dicomJson, tagName } from '../../dicom/dicomJson.ts';
import type { Elements } from '../../dicom/elements.ts';
import { readHead } from '../../dicom/fileHead.ts';
import { headerOf } from '../../dicom/header.ts';
import { pixelFrames, type FilePlace, type PixelFrames } from '../../dicom/pixelFrames.ts';
import { DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN } from '../../dicom/transferSyntaxes.ts';
import { goneFile } from '../goneFile.ts';
import { greyPicture } from './greyPicture.ts';
import type { FromObjectsChild, ToObjectsChild } from './storedObjects.ts';

// The child process of storedObjects.ts: answers one question at a time.
process.on('message', (question: ToObjectsChild) => {
  answerTo(question).then((answer) => process.send!(answer), fail);
});
// Ends with its parent.
process.on('disconnect', () => process.exit());

const TAG = {
  availableTransferSyntaxUid: 0x00083002,
  samplesPerPixel: 0x00280002,
  photometricInterpretation: 0x00280004,
  planarConfiguration: 0x00280006,
  numberOfFrames: 0x00280008,
  rows: 0x00280010,
  columns: 0x00280011,
  bitsAllocated: 0x00280100,
  windowCenter: 0x00281050,
  windowWidth: 0x00281051,
} as const;

/** A bug: the parent sees the process end. */
function fail(error: unknown): never {
  throw error;
}

async function answerTo(question: ToObjectsChild): Promise<FromObjectsChild> {
  try {
    switch (question.kind) {
      case 'metadata': {
        const answer: string[] = [];
        for (const { path, address } of question.files) answer.push(await metadataOf(path, address));
        return { answer };
      }
      case 'headers':
        return { answer: await Promise.all(question.paths.map(headerIn)) };
      case 'frames':
        return { answer: await framePlaces(question.path, question.frameNumbers) };
      case 'value':
        return { answer: await valuePlace(question.path, question.tag) };
      case 'picture':
        return { answer: await pictureOf(question) };
    }
  } catch (error) {
    if (isGone(error)) return { error: toErrorMessage(goneFile(error), 'slice-gone', '') };
    return { error: toErrorMessage(error, 'dicom-unreadable', 'The object cannot be read') };
  }
}

const headOf = async (path: string): Promise<Elements> => readHead(await fileSource(path));

const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

async function headerIn(path: string): Promise<InstanceHeader | null> {
  try {
    return headerOf(await headOf(path));
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

async function metadataOf(path: string, address: string): Promise<string> {
  const elements = await headOf(path);
  return JSON.stringify({
    ...dicomJson(elements, (tag) => `${address}/bulkdata/${tagName(tag)}`),
    [tagName(TAG.availableTransferSyntaxUid)]: { vr: 'UI', Value: [elements.transferSyntaxUid] },
  });
}

async function framePlaces(path: string, frameNumbers: readonly number[] | null): Promise<FilePlace[][]> {
  const { frames, count } = await framesOf(path);
  const wanted = frameNumbers ?? Array.from({ length: count }, (_, index) => index + 1);
  if (wanted.some((frame) => frame > count))
    throw new TriageError('not-found', `The object has ${count === 1 ? 'one frame' : `${count} frames`}.`);
  return wanted.map((frame) => frames.places(frame));
}

async function framesOf(path: string): Promise<{ elements: Elements; frames: PixelFrames; count: number }> {
  const file = await fileSource(path);
  const elements = await readHead(file);
  if (elements.transferSyntaxUid === DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN) throw deflated();
  const [rows, columns] = [elements.uint16(TAG.rows), elements.uint16(TAG.columns)];
  const bits = elements.uint16(TAG.bitsAllocated);
  if (rows === null || columns === null || bits === null || bits % 8 !== 0)
    throw new TriageError('not-found', 'The object has no pixel data in whole bytes.');
  const count = Math.max(1, elements.numbers(TAG.numberOfFrames)?.[0] ?? 1);
  const bytesPerPixel = (bits / 8) * (elements.uint16(TAG.samplesPerPixel) ?? 1);
  return {
    elements,
    count,
    frames: await pixelFrames(elements, file, { rows, columns, frames: count, bytesPerPixel }),
  };
}

async function valuePlace(path: string, tag: number): Promise<FilePlace> {
  const elements = await headOf(path);
  if (elements.transferSyntaxUid === DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN) throw deflated();
  const place = elements.place(tag);
  if (place === null) throw new TriageError('not-found', `The object has no element ${tagName(tag)}.`);
  return { offset: place.dataOffset, length: place.length };
}

async function pictureOf({
  path,
  frameNumber,
  slice,
  window,
}: Extract<ToObjectsChild, { kind: 'picture' }>): Promise<Uint8Array> {
  if (slice !== null) {
    const elements = await headOf(path);
    const [center, width] = [elements.numbers(TAG.windowCenter)?.[0], elements.numbers(TAG.windowWidth)?.[0]];
    return greyPicture(slice, window ?? (center === undefined || width === undefined ? null : { center, width }));
  }
  const { elements, frames, count } = await framesOf(path);
  if (frameNumber > count) throw new TriageError('not-found', `The object has ${count} frames.`);
  const samples = elements.uint16(TAG.samplesPerPixel);
  const isPlain =
    !frames.isCompressed &&
    elements.uint16(TAG.bitsAllocated) === 8 &&
    ((samples === 1 && elements.string(TAG.photometricInterpretation) === 'MONOCHROME2') ||
      (samples === 3 &&
        elements.string(TAG.photometricInterpretation) === 'RGB' &&
        elements.uint16(TAG.planarConfiguration) !== 1));
  if (!isPlain)
    throw new TriageError('pixel-data-undecodable', 'Pictures are drawn of CT images and of plain eight-bit pixels.');
  const pixels = await frames.read(frameNumber);
  return encodePng(pixels, elements.uint16(TAG.rows)!, elements.uint16(TAG.columns)!, samples === 3 ? 3 : 1);
}

function deflated(): TriageError {
  return new TriageError('not-acceptable', 'The object is stored deflated as a whole: retrieve the instance.');
}
