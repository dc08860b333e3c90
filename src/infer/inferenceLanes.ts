import type { Worker } from 'node:worker_threads';
import { startThreadBeside } from '../base/childProcess.ts';
import { fromErrorMessage } from '../base/errorMessage.ts';
import type { ChildSetup } from './inferenceMessages.ts';
import type { FromThread, ThreadSetup } from './inferenceThread.ts';
import type { ModelPackage } from './modelCard.ts';

const MB = 1024 * 1024;
/** A thread without its network: its heap, a slice in several forms, and a codec. */
const THREAD_MB = 150;
/** The copies of a network's weights that the runtime makes, and what it computes with them, as multiples of the file. */
const NETWORK_FACTOR = 4;

/**
 * Number of threads that each have a network of their own: as many as `threads`, as far as half of the memory limit allows (the other half is for what a
 * slice may need). Only slice encoders are so small that each thread can have one.
 */
export function laneCount(
  { card, graphs }: Pick<ModelPackage, 'card' | 'graphs'>,
  { threads, memoryLimitMb }: { threads: number; memoryLimitMb: number },
): number {
  if (card.kind !== 'slice-sequence') return 1;
  const graphBytes = Object.values(graphs).reduce((sum, { byteLength }) => sum + byteLength, 0);
  const eachMb = THREAD_MB + (NETWORK_FACTOR * graphBytes) / MB;
  return Math.max(1, Math.min(threads, Math.floor(memoryLimitMb / 2 / eachMb)));
}

/**
 * Starts the threads of the inference child. Each opens the network and checks its golden case. On a GPU there is one: several would need its memory
 * several times.
 *
 * @throws TriageError as `openModel`
 */
export async function startLanes(
  modelPackage: ModelPackage,
  setup: ChildSetup,
): Promise<{ lanes: Worker[]; provider: string }> {
  const count = laneCount(modelPackage, setup);
  const { provider, threads } = setup;
  const data: ThreadSetup = { modelPackage, provider, threads: count > 1 ? 1 : threads, threadsAlone: threads };
  const first = await openLane(data);
  const further = first.provider === 'cpu' ? count - 1 : 0;
  const others = await Promise.all(Array.from({ length: further }, () => openLane({ ...data, provider: 'cpu' })));
  return { lanes: [first, ...others].map(({ lane }) => lane), provider: first.provider };
}

function openLane(data: ThreadSetup): Promise<{ lane: Worker; provider: string }> {
  const lane = startThreadBeside(import.meta.url, 'inferenceThread', data);
  // A fault that the thread did not catch, or its end, is one of the process: the parent replaces it.
  lane.on('error', (error) => {
    throw error;
  });
  lane.on('exit', (code) => process.exit(code === 0 ? 1 : code));
  return new Promise((resolve, reject) => {
    lane.once('message', (message: FromThread) => {
      if (message.kind === 'open') resolve({ lane, provider: message.provider });
      else if (message.kind === 'unready') reject(fromErrorMessage(message.error, 'inference-failed'));
    });
  });
}
