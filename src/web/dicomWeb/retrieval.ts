import { stat } from 'node:fs/promises';
import { TriageError } from '../../base/errors.ts';
import type { DecodeSlice } from '../../case/triageModel.ts';
import { tagName } from '../../dicom/dicomJson.ts';
import { NATIVE_TRANSFER_SYNTAXES } from '../../dicom/transferSyntaxes.ts';
import type { HeldObject } from '../../worklist/list/heldObjects.ts';
import { goneFile } from '../goneFile.ts';
import { takenType, takesParts } from './accepted.ts';
import { acceptedBy, DICOM_JSON, mustTakeJson, rootOf, type Exchange } from './exchange.ts';
import type { Holdings, Target } from './holdings.ts';
import { sendBytes, sendParts, type FilePart } from './multipartAnswer.ts';
import type { PictureWindow } from './storedObjects.ts';

/** WADO-RS (PS3.18 10.4). */
export interface Retrieval {
  metadata(target: Target, exchange: Exchange): Promise<void>;
  instances(target: Target, exchange: Exchange): Promise<void>;
  frames(target: Target, frameNumbers: readonly number[], exchange: Exchange): Promise<void>;
  bulkData(target: Target, tag: number, exchange: Exchange): Promise<void>;
  /** A frame (from 1) as a picture; `window` null: that of the image. */
  rendered(
    target: Target,
    picture: { frameNumber: number; window: PictureWindow | null },
    exchange: Exchange,
  ): Promise<void>;
}

const PIXEL_DATA = 0x7fe00010;
const OCTETS = 'application/octet-stream';
/** Instances whose metadata are read and held at a time. */
const METADATA_AT_ONCE = 50;

/** Media type of one compressed frame, by transfer syntax (PS3.18 table 8.7.3-5). */
const FRAME_TYPES: readonly [transferSyntaxes: RegExp, mediaType: string][] = [
  [/\.4\.(50|51|57|70)$/, 'image/jpeg'],
  [/\.4\.8[01]$/, 'image/jls'],
  [/\.4\.9[01]$/, 'image/jp2'],
  [/\.4\.20[123]$/, 'image/jphc'],
  [/^1\.2\.840\.10008\.1\.2\.5$/, 'image/dicom-rle'],
];

export function createRetrieval({ objectsOf, pathOf, stored }: Holdings, decodeSlice: DecodeSlice): Retrieval {
  const objectOf = async (target: Target): Promise<HeldObject> => (await objectsOf(target))[0]!;

  /** `frameNumbers` null: all of them. */
  const sendFrames = async (
    object: HeldObject,
    frameNumbers: readonly number[] | null,
    { request, response }: Exchange,
  ): Promise<void> => {
    const { transferSyntaxUid } = object;
    const type = FRAME_TYPES.find(([pattern]) => pattern.test(transferSyntaxUid))?.[1] ?? OCTETS;
    const accepted = acceptedBy(request);
    // One frame by itself is taken by those who do not read multipart bodies.
    const isOne = frameNumbers?.length === 1 && accepted[0]?.type === type;
    if (!isOne && !takesParts(accepted, type, transferSyntaxUid))
      throw new TriageError(
        'not-acceptable',
        `The frames are stored as ${type} in ${transferSyntaxUid}, and given so: ask for multipart/related; type="${type}"; transfer-syntax=*.`,
      );
    const path = pathOf(object);
    const contentType = `${type}; transfer-syntax=${transferSyntaxUid}`;
    const places = await stored.ask('frames', { path, frameNumbers });
    const parts = places.map((frame): FilePart => ({ contentType, path, places: frame }));
    if (isOne) await sendBytes(response, parts[0]!);
    else await sendParts(response, type, parts);
  };

  return {
    metadata: async (target, { request, response }) => {
      mustTakeJson(request);
      const root = `${rootOf(request)}/studies/${target.studyInstanceUid}`;
      const files = (await objectsOf(target)).map((object) => ({
        path: pathOf(object),
        address: `${root}/series/${object.seriesInstanceUid}/instances/${object.sopInstanceUid}`,
      }));
      for (let from = 0; from < files.length; from += METADATA_AT_ONCE) {
        const some = await stored.ask('metadata', { files: files.slice(from, from + METADATA_AT_ONCE) });
        if (response.destroyed) return;
        if (from === 0) response.type(DICOM_JSON);
        response.write(`${from === 0 ? '[' : ','}${some.join(',')}`);
      }
      response.end(']');
    },
    instances: async (target, { request, response }) => {
      const objects = await objectsOf(target);
      const accepted = acceptedBy(request);
      const isOne = target.sopInstanceUid !== undefined && accepted[0]?.type === 'application/dicom';
      const other = objects.find(
        ({ transferSyntaxUid }) => !takesParts(accepted, 'application/dicom', transferSyntaxUid),
      );
      if (!isOne && other !== undefined)
        throw new TriageError(
          'not-acceptable',
          `Objects are given as they are stored, some in ${other.transferSyntaxUid}: ask for multipart/related; type="application/dicom"; transfer-syntax=*.`,
        );
      const parts = await Promise.all(objects.map((object) => filePart(pathOf(object))));
      if (isOne) await sendBytes(response, parts[0]!);
      else await sendParts(response, 'application/dicom', parts);
    },
    frames: async (target, frameNumbers, exchange) => sendFrames(await objectOf(target), frameNumbers, exchange),
    bulkData: async (target, tag, exchange) => {
      const object = await objectOf(target);
      if (tag === PIXEL_DATA && !NATIVE_TRANSFER_SYNTAXES.has(object.transferSyntaxUid)) {
        await sendFrames(object, null, exchange);
        return;
      }
      const { request, response } = exchange;
      const accepted = acceptedBy(request);
      const isOne = accepted[0]?.type === OCTETS;
      if (!isOne && !takesParts(accepted, OCTETS, object.transferSyntaxUid))
        throw new TriageError('not-acceptable', `The value of ${tagName(tag)} is given as ${OCTETS}.`);
      const path = pathOf(object);
      const part: FilePart = { contentType: OCTETS, path, places: [await stored.ask('value', { path, tag })] };
      if (isOne) await sendBytes(response, part);
      else await sendParts(response, OCTETS, [part]);
    },
    rendered: async (target, { frameNumber, window }, { request, response }) => {
      if (takenType(acceptedBy(request), ['image/png']) === null)
        throw new TriageError('not-acceptable', 'Pictures are drawn as image/png.');
      const object = await objectOf(target);
      const isCt = object.header?.modality === 'CT';
      const isMultiFrame = (object.header?.numberOfFrames ?? 1) > 1;
      const slice = isCt ? await decodeSlice(object.path, isMultiFrame ? frameNumber : undefined) : null;
      const png = await stored.ask('picture', { path: pathOf(object), frameNumber, slice, window });
      response.type('image/png').end(png);
    },
  };
}

/** @throws TriageError `slice-gone` */
async function filePart(path: string): Promise<FilePart> {
  try {
    const { size } = await stat(path);
    return { contentType: 'application/dicom', path, places: [{ offset: 0, length: size }] };
  } catch (error) {
    throw goneFile(error);
  }
}
