import { stat } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { peakRssBytes } from '../base/peakRss.ts';
import { toErrorMessage } from '../base/errorMessage.ts';
import type { EncodedSlice } from '../case/case.ts';
import { measureAnatomy, outsideAnatomy } from '../preprocess/anatomy.ts';
import { measureTexture, outsideTexture } from '../preprocess/texture.ts';
import { openCtFile } from './decodePixels.ts';
import type { CtImages, CtSlice } from './decodePixels.ts';
import type { Answers, FromChild, ToChild } from './inferenceMessages.ts';
import type { LoadedModel } from './loadedModel.ts';
import type { ModelCard, ModelPackage } from './modelCard.ts';
import type { OnnxModelOptions } from './onnxGraphs.ts';
import { openModel } from './openModel.ts';

export interface ThreadSetup extends OnnxModelOptions {
  modelPackage: ModelPackage;
}

/** The first message says whether the network is open; all others are for the parent of the process. */
export type FromThread = { kind: 'open'; provider: string } | FromChild;

// A thread of the inference child: answers one question at a time, in the order asked. The network's runtime blocks the thread that calls it, so reading,
// decoding and preprocessing go on beside it only in another thread.

const send = (message: FromThread): void => parentPort?.postMessage(message);

async function answer(question: ToChild, model: LoadedModel, { card }: ModelPackage): Promise<Answers[keyof Answers]> {
  switch (question.kind) {
    case 'encode':
      return encode(await (await imagesAt(question.path)).slice(question.frameNumber), model, card);
    case 'classify': {
      const score = await model.classify(question.features, question.positionsMm);
      const { anatomy, texture } = card.domain;
      // What the pixels show is said first: a reader sees at once whether it is true.
      const outsideDomain =
        (anatomy && outsideAnatomy(question.anatomies, anatomy)) ??
        (texture && outsideTexture(question.textures, texture)) ??
        score.outsideDomain;
      return { ...score, outsideDomain };
    }
    case 'decode':
      return (await imagesAt(question.path)).stored(question.frameNumber);
    case 'line':
      return (await imagesAt(question.path)).line(question.line, question.frameNumber);
    case 'peakRss':
      return peakRssBytes();
  }
}

let opened: { file: string; images: CtImages } | null = null;

/** The images in a file. Those of the last one are kept: a multi-frame object has a long header and is asked for frame by frame. */
async function imagesAt(path: string): Promise<CtImages> {
  const { dev, ino, size, mtimeMs } = await stat(path);
  const file = JSON.stringify([path, dev, ino, size, mtimeMs]);
  if (opened?.file !== file) {
    opened = null;
    opened = { file, images: await openCtFile(path) };
  }
  return opened.images;
}

async function encode(slice: CtSlice, model: LoadedModel, { domain }: ModelCard): Promise<EncodedSlice> {
  return {
    ...(await model.encodeSlice(slice)),
    anatomy: measureAnatomy(slice.hu, slice.pixelSpacingMm),
    texture: domain.texture === undefined ? null : measureTexture(slice.hu, slice.rows, slice.columns),
  };
}

const { modelPackage, ...options } = workerData as ThreadSetup;
try {
  const model = await openModel(modelPackage, options);
  let previous: Promise<void> = Promise.resolve();
  parentPort?.on('message', (question: ToChild) => {
    previous = previous.then(async () => {
      const { id } = question;
      try {
        const given = await answer(question, model, modelPackage);
        send({ kind: 'answer', id, answer: given, provider: model.provider });
      } catch (error) {
        send({ kind: 'error', id, error: toErrorMessage(error, 'inference-failed', 'Inference failed') });
      }
    });
  });
  send({ kind: 'open', provider: model.provider });
} catch (error) {
  send({ kind: 'unready', error: toErrorMessage(error, 'inference-failed', 'Inference failed') });
}
