import type { ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { EncodedSlice } from '../case/case.ts';
import { doubledMs } from '../base/backoff.ts';
import { fromErrorMessage } from '../base/errorMessage.ts';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { watchResidentMemory } from '../base/residentMemory.ts';
import type { CaseScore, ModelIdentity, SourceSlice, TriageModel } from '../case/triageModel.ts';
import { inferenceFork } from './inferenceFork.ts';
import type { Answers, ChildSetup, FromChild, Question, ToChild } from './inferenceMessages.ts';
import type { ProviderChoice } from './onnxGraphs.ts';

export interface InferenceProcessOptions {
  modelDir: string;
  provider: ProviderChoice;
  /** Threads that compute at the same time; 0 takes as many as there are cores. */
  threads: number;
  /** Resident memory beyond which the child is killed and replaced. */
  memoryLimitMb: number;
  /** Time limit for one question. */
  timeoutMs: number;
  /** 0..19. */
  niceness: number;
  clock: Clock;
  log: Log;
}

interface Request {
  id: number;
  question: Question;
  resolve: (answer: Answers[keyof Answers]) => void;
  reject: (error: TriageError) => void;
}

/** A thread of the child, and the questions that it has: it answers them in order, so it works on the first. */
interface Lane {
  inFlight: Request[];
  cancelDeadline: () => void;
}

/** Number of questions that a thread has at a time: it works on the first, and the second is already there when that is done. */
const IN_FLIGHT = 2;
const FIRST_RESTART_MS = 200;
const LONGEST_RESTART_MS = 30_000;
const CLOSE_MS = 2_000;
/** Loading may take longer than a question on a busy machine, or with a large model on a GPU. */
const LEAST_LOAD_MS = 60_000;

/**
 * Starts the inference child and resolves when it has loaded the model, checked its hashes and run its golden case. Inference blocks a thread and decoders
 * read untrusted bytes, so both live in a process that may be killed at any time: a child that dies, hangs or grows too large is replaced, and only the
 * question that caused it fails (`inference-died`, `inference-timeout`); the caller counts attempts. Of several that were being worked on, each is asked again
 * alone, so that the one that kills is found. Waiting questions are asked again.
 *
 * @throws TriageError `model-invalid`, `model-tampered`, `config-invalid`, `inference-died`, `inference-timeout`
 */
export async function startInferenceProcess(options: InferenceProcessOptions): Promise<TriageModel> {
  const supervisor = new InferenceSupervisor(options);
  const ready = await supervisor.start();
  return {
    identity: ready.identity,
    defaultThreshold: ready.defaultThreshold,
    get provider() {
      return supervisor.provider;
    },
    encodeSlice: async (slicePath, frameNumber) =>
      owned((await supervisor.ask({ kind: 'encode', path: slicePath, frameNumber })) as EncodedSlice),
    classify: async (slices, positionsMm) => {
      const length = slices[0]?.feature.length ?? 0;
      const features = new Float32Array(slices.length * length);
      for (const [index, slice] of slices.entries()) {
        if (slice.feature.length !== length)
          throw new TriageError(
            'inference-failed',
            'The features of these slices differ in length: they are not of one model.',
          );
        features.set(slice.feature, index * length);
      }
      const score = (await supervisor.ask({
        kind: 'classify',
        features,
        positionsMm,
        anatomies: slices.flatMap(({ anatomy }) => anatomy ?? []),
        textures: slices.flatMap(({ texture }) => texture ?? []),
      })) as CaseScore;
      return score.ofSlices === undefined
        ? score
        : { ...score, ofSlices: score.ofSlices.map((slice) => ({ ...slice, cam: Float32Array.from(slice.cam) })) };
    },
    decodeSlice: async (slicePath, frameNumber) =>
      (await supervisor.ask({ kind: 'decode', path: slicePath, frameNumber })) as SourceSlice,
    decodeLines: (images, line) =>
      Promise.all(
        images.map(
          async ({ path: slicePath, frameNumber }) =>
            (await supervisor.ask({ kind: 'line', path: slicePath, frameNumber, line })) as Float32Array,
        ),
      ),
    peakRssBytes: async () => (await supervisor.ask({ kind: 'peakRss' })) as number,
    close: () => supervisor.close(),
  };
}

/** Copies the arrays: those of a message are views of it, and features are kept for a long time. */
function owned(slice: EncodedSlice): EncodedSlice {
  return { ...slice, feature: Float32Array.from(slice.feature), cam: Float32Array.from(slice.cam) };
}

interface Ready {
  identity: ModelIdentity;
  defaultThreshold: number;
}

class InferenceSupervisor {
  readonly #options: InferenceProcessOptions;
  #child: ChildProcess | null = null;
  #isReady = false;
  #isClosed = false;
  #identity: ModelIdentity | null = null;
  /** Exits since the last answer. */
  #deaths = 0;
  #nextId = 1;
  #waiting: Request[] = [];
  #lanes: Lane[] = [];
  /** One of these has killed the child: each is asked alone, the first of them now. */
  #suspects: Request[] = [];
  /** Why the child is being killed, for the error that its exit causes, and the question to blame, where it is known. */
  #sentence: TriageError | null = null;
  #culprit: Request | null = null;
  #cancelLoadDeadline: () => void = () => undefined;
  #cancelRestart: () => void = () => undefined;
  provider: string = 'none';

  constructor(options: InferenceProcessOptions) {
    this.#options = options;
  }

  /** On the first start, a model that does not load is an error for the caller. */
  start(): Promise<Ready> {
    return new Promise((resolve, reject) => {
      this.#spawn(resolve, (error) => {
        this.#isClosed = true;
        reject(error);
      });
    });
  }

  ask(question: Question): Promise<Answers[keyof Answers]> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new TriageError('inference-died', 'The inference process is closed.'));
        return;
      }
      const request = { id: this.#nextId++, question, resolve, reject };
      // A person is waiting for a picture, or a flag for its report; the rest is minutes of work, where a few milliseconds do not matter.
      if (question.kind === 'decode' || question.kind === 'line') this.#waiting.unshift(request);
      else this.#waiting.push(request);
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRestart();
    const child = this.#child;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      await new Promise<void>((resolve) => {
        const cancel = this.#options.clock.after(CLOSE_MS, () => child.kill('SIGKILL'));
        child.once('exit', () => {
          cancel();
          resolve();
        });
        if (child.connected) child.disconnect();
      });
    }
    this.#rejectAll(new TriageError('inference-died', 'The inference process was closed.'));
  }

  #spawn(onReady: (ready: Ready) => void, onFailure: (error: TriageError) => void): void {
    const { modelDir, provider, threads, niceness, memoryLimitMb, timeoutMs, clock, log } = this.#options;
    const setup: ChildSetup = {
      modelDir: path.resolve(modelDir),
      provider,
      threads: threads === 0 ? availableParallelism() : threads,
      memoryLimitMb,
      niceness,
    };
    const child = inferenceFork.take(memoryLimitMb);
    // The process may die before the message is sent; its exit is handled below.
    child.send(setup, () => undefined);
    this.#child = child;
    this.#isReady = false;
    this.#sentence = null;
    this.#culprit = null;
    const loadMs = Math.max(timeoutMs, LEAST_LOAD_MS);
    this.#cancelLoadDeadline = clock.after(loadMs, () =>
      this.#kill(new TriageError('inference-timeout', `The model took longer than ${loadMs} ms to load.`)),
    );
    const stopWatching = watchResidentMemory(child, memoryLimitMb, clock, (residentMb) =>
      this.#kill(
        new TriageError(
          'inference-died',
          `The inference process took ${residentMb} MB, more than infer.memoryLimitMb (${memoryLimitMb}); it was replaced.`,
        ),
      ),
    );

    let isOver = false;
    const over = (reason: string): void => {
      if (isOver) return;
      isOver = true;
      stopWatching();
      this.#cancelLoadDeadline();
      for (const lane of this.#lanes) lane.cancelDeadline();
      child.kill('SIGKILL');
      const wasReady = this.#isReady;
      this.#isReady = false;
      const error = this.#sentence ?? new TriageError('inference-died', `The inference process ended: ${reason}.`);
      if (wasReady) this.#afterDeath(error);
      else onFailure(error);
    };
    child.on('message', (message: FromChild) => {
      if (isOver || child !== this.#child) return;
      if (message.kind === 'ready') {
        if (this.#identity !== null && this.#identity.sha256 !== message.identity.sha256) {
          this.#sentence = new TriageError(
            'model-tampered',
            'The model package has changed while the agent was running. Restart the agent to take a new model into use.',
          );
          over('the model has changed');
          return;
        }
        this.#cancelLoadDeadline();
        this.#isReady = true;
        this.#lanes = Array.from({ length: message.lanes }, () => ({ inFlight: [], cancelDeadline: () => undefined }));
        this.#identity = message.identity;
        this.provider = message.provider;
        log.info('Inference is ready.', {
          provider: message.provider,
          model: message.identity.name,
          version: message.identity.version,
          threads: message.lanes,
          ...(child.pid === undefined ? {} : { pid: child.pid }),
        });
        onReady({ identity: message.identity, defaultThreshold: message.defaultThreshold });
        this.#dispatch();
      } else if (message.kind === 'unready') {
        this.#sentence = fromErrorMessage(message.error, 'inference-failed');
        over('the model did not load');
      } else {
        this.#settle(message);
      }
    });
    child.once('error', (error) => over(error.message));
    child.once('exit', (code, signal) => over(signal === null ? `exit code ${code}` : `signal ${signal}`));
  }

  #settle(message: Extract<FromChild, { id: number }>): void {
    // A thread answers in order; anything else did not come from this child.
    const lane = this.#lanes.find(({ inFlight }) => inFlight[0]?.id === message.id);
    const request = lane?.inFlight.shift();
    if (lane === undefined || request === undefined) return;
    lane.cancelDeadline();
    this.#deaths = 0;
    this.#suspects = this.#suspects.filter((suspect) => suspect !== request);
    if (message.kind === 'answer') {
      this.provider = message.provider;
      request.resolve(message.answer);
    } else {
      request.reject(fromErrorMessage(message.error, 'inference-failed'));
    }
    this.#startDeadline(lane);
    this.#dispatch();
  }

  #dispatch(): void {
    if (!this.#isReady) return;
    const [suspect] = this.#suspects;
    if (suspect !== undefined) {
      if (this.#lanes.every(({ inFlight }) => inFlight.length === 0)) this.#send(0, suspect);
      return;
    }
    while (this.#waiting.length > 0) {
      const loads = this.#lanes.map(({ inFlight }) => inFlight.length);
      const least = Math.min(...loads);
      if (least >= IN_FLIGHT) return;
      this.#send(loads.indexOf(least), this.#waiting.shift()!);
    }
  }

  #send(index: number, request: Request): void {
    const lane = this.#lanes[index]!;
    lane.inFlight.push(request);
    const message: ToChild = { ...request.question, id: request.id, lane: index };
    // A failed send means that the child is dying: its exit is handled elsewhere.
    this.#child?.send(message, () => undefined);
    if (lane.inFlight.length === 1) this.#startDeadline(lane);
  }

  /** The time of the question that the thread works on begins. */
  #startDeadline(lane: Lane): void {
    const { clock, timeoutMs } = this.#options;
    const [request] = lane.inFlight;
    if (request === undefined) return;
    lane.cancelDeadline = clock.after(timeoutMs, () => {
      this.#culprit = request;
      this.#kill(
        new TriageError('inference-timeout', `Inference took longer than ${timeoutMs} ms; the process was replaced.`),
      );
    });
  }

  #kill(sentence: TriageError): void {
    this.#sentence = sentence;
    this.#child?.kill('SIGKILL');
  }

  /** Only a question that was being worked on is blamed, and only when there is no doubt which; the others are asked again. */
  #afterDeath(error: TriageError): void {
    this.#deaths += 1;
    const inWork = this.#lanes.flatMap(({ inFlight }) => inFlight.slice(0, 1));
    const sentAhead = this.#lanes.flatMap(({ inFlight }) => inFlight.slice(1));
    this.#lanes = [];
    const blamed = this.#culprit ?? (inWork.length === 1 ? inWork[0]! : null);
    const others = inWork.filter((request) => request !== blamed);
    this.#suspects = this.#suspects.filter((suspect) => suspect !== blamed);
    if (blamed === null) this.#suspects.push(...others);
    this.#waiting.unshift(...(blamed === null ? [] : others), ...sentAhead);
    blamed?.reject(error);
    if (this.#isClosed) return;
    this.#options.log.error('The inference process was lost.', {
      code: error.code,
      reason: error.message,
      attempt: this.#deaths,
    });
    this.#restart();
  }

  #restart(): void {
    if (this.#isClosed) return;
    const waitMs = doubledMs(this.#deaths, FIRST_RESTART_MS, LONGEST_RESTART_MS);
    this.#cancelRestart = this.#options.clock.after(waitMs, () => {
      if (this.#isClosed) return;
      this.#spawn(
        () => undefined,
        (error) => {
          // No model, no answers: waiting callers get the error, later ones find the next attempt under way.
          this.#deaths += 1;
          this.#options.log.error('The inference process could not be started again.', {
            code: error.code,
            reason: error.message,
            attempt: this.#deaths,
          });
          this.#rejectAll(
            new TriageError('inference-died', `The inference process could not be started again: ${error.message}`, {
              cause: error,
            }),
          );
          this.#restart();
        },
      );
    });
  }

  #rejectAll(error: TriageError): void {
    const inFlight = this.#lanes.flatMap((lane) => lane.inFlight);
    const requests = new Set([...inFlight, ...this.#suspects, ...this.#waiting]);
    this.#lanes = [];
    this.#suspects = [];
    this.#waiting = [];
    for (const request of requests) request.reject(error);
  }
}
