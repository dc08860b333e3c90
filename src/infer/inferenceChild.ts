import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import os from 'node:os';
import { toErrorMessage } from '../base/errorMessage.ts';
import type { EncodedSlice } from '../case/case.ts';
import { measureAnatomy, outsideAnatomy } from '../preprocess/anatomy.ts';
import { openCtFile } from './decodePixels.ts';
import type { CtImages, CtSlice } from './decodePixels.ts';
import type { Answers, ChildSetup, FromChild, ToChild } from './inferenceMessages.ts';
import { loadModelPackage } from './modelCard.ts';
import type { ModelPackage } from './modelCard.ts';
import { openModel } from './openModel.ts';
import type { LoadedModel } from './loadedModel.ts';

// The inference child (see inferenceProcess.ts): answers one question at a time, in the order asked. It may be killed at any time.
// Without its parent it has no purpose. An orderly exit would wait for a read that hangs, and there is nothing to clean up.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const send = (message: FromChild): void => {
  // If the parent died while this was being written, that is no error here: 'disconnect' ends the process.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
};

async function answer(question: ToChild, model: LoadedModel, { card }: ModelPackage): Promise<Answers[keyof Answers]> {
  switch (question.kind) {
    case 'encode':
      return encode(await (await imagesAt(question.path)).slice(question.frameNumber), model);
    case 'classify': {
      const score = await model.classify(question.features, question.positionsMm);
      const { anatomy } = card.domain;
      // Said first: a reader sees at once whether it is true.
      return {
        ...score,
        outsideDomain: (anatomy && outsideAnatomy(question.anatomies, anatomy)) ?? score.outsideDomain,
      };
    }
    case 'decode':
      return (await imagesAt(question.path)).stored(question.frameNumber);
    case 'peakRss':
      return process.resourceUsage().maxRSS * 1024;
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

async function encode(slice: CtSlice, model: LoadedModel): Promise<EncodedSlice> {
  return { ...(await model.encodeSlice(slice)), anatomy: measureAnatomy(slice.hu, slice.pixelSpacingMm) };
}

// The agent decides when to stop; a terminal's Ctrl-C, or its closing, reaches both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const [setup] = (await once(process, 'message')) as [ChildSetup];
os.setPriority(setup.niceness);
try {
  const modelPackage = await loadModelPackage(setup.modelDir);
  const model = await openModel(modelPackage, setup);
  let previous: Promise<void> = Promise.resolve();
  process.on('message', (question: ToChild) => {
    previous = previous.then(async () => {
      try {
        send({
          kind: 'answer',
          id: question.id,
          answer: await answer(question, model, modelPackage),
          provider: model.provider,
        });
      } catch (error) {
        send({ kind: 'error', id: question.id, error: toErrorMessage(error, 'inference-failed', 'Inference failed') });
      }
    });
  });
  send({
    kind: 'ready',
    identity: modelPackage.identity,
    provider: model.provider,
    defaultThreshold: modelPackage.defaultThreshold,
  });
} catch (error) {
  send({ kind: 'unready', error: toErrorMessage(error, 'inference-failed', 'Inference failed') });
}
