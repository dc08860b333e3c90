import { once } from 'node:events';
import os from 'node:os';
import { toErrorMessage } from '../base/errorMessage.ts';
import { startLanes } from './inferenceLanes.ts';
import type { ChildSetup, FromChild, ToChild } from './inferenceMessages.ts';
import { loadModelPackage } from './modelCard.ts';

// The inference child (see inferenceProcess.ts): passes each question to the thread that it is for (inferenceThread.ts), and the answers back. It may be killed
// at any time.
// Without its parent it has no purpose. An orderly exit would wait for a read that hangs, and there is nothing to clean up.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const send = (message: FromChild): void => {
  // If the parent died while this was being written, that is no error here: 'disconnect' ends the process.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
};

// The agent decides when to stop; a terminal's Ctrl-C, or its closing, reaches both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const [setup] = (await once(process, 'message')) as [ChildSetup];
// Before the threads start: they get it from the thread that starts them.
os.setPriority(setup.niceness);
try {
  const modelPackage = await loadModelPackage(setup.modelDir);
  const { lanes, provider } = await startLanes(modelPackage, setup);
  for (const lane of lanes) lane.on('message', send);
  process.on('message', (question: ToChild) => lanes[question.lane]?.postMessage(question));
  const { identity, defaultThreshold } = modelPackage;
  send({ kind: 'ready', identity, provider, defaultThreshold, lanes: lanes.length });
} catch (error) {
  send({ kind: 'unready', error: toErrorMessage(error, 'inference-failed', 'Inference failed') });
}
