import type { ChildProcess } from 'node:child_process';
import { askChild, forkBeside } from '../base/childProcess.ts';
import { seededRandom } from '../base/random.ts';
import { compareQueues } from '../thresholds/queueComparison.ts';
import type { QueueComparison } from '../thresholds/queueComparison.ts';
import type { ReadScan } from '../thresholds/queueReplay.ts';
import type { ScoreCurves, ThresholdRule } from '../answers/thresholdAnswers.ts';
import type { ScoredScan } from '../thresholds/scoredScan.ts';
import { whatIf } from '../thresholds/whatIf.ts';
import type { WhatIf } from '../thresholds/whatIf.ts';

/** A change of rule, and the site's past to try it on. */
export interface WhatIfQuestion {
  scored: readonly ScoredScan[];
  read: readonly ReadScan[];
  now: ThresholdRule;
  proposed: ThresholdRule;
  maxWaitMs: number;
}

export interface WhatIfFigures {
  whatIf: WhatIf;
  queue: QueueComparison;
}

export function figuresOf({ scored, read, now, proposed, maxWaitMs }: WhatIfQuestion): WhatIfFigures {
  return {
    whatIf: whatIf(scored, now, proposed),
    queue: compareQueues(read, { now, proposed }, maxWaitMs, seededRandom('queue-comparison').next),
  };
}

/** What the child can be asked, with its answers. */
interface FiguresByQuestion {
  whatIf: { question: WhatIfQuestion; answer: WhatIfFigures };
  curves: { question: { scored: readonly ScoredScan[] }; answer: ScoreCurves };
}
export type ToWhatIfChild = {
  [Kind in keyof FiguresByQuestion]: { kind: Kind } & FiguresByQuestion[Kind]['question'];
}[keyof FiguresByQuestion];
export type FromWhatIfChild = { answer: WhatIfFigures | ScoreCurves } | { error: string };

export interface WhatIfProcess {
  /** Answers one question at a time. Rejects when the process dies over it; the next question starts a new process. */
  ask<Kind extends keyof FiguresByQuestion>(
    kind: Kind,
    question: FiguresByQuestion[Kind]['question'],
  ): Promise<FiguresByQuestion[Kind]['answer']>;
  close(): void;
}

/** Computes in a child process: a year of scans takes about a second, which would block the agent. The process starts with the first question. */
export function startWhatIfProcess(): WhatIfProcess {
  let child: ChildProcess | null = null;
  let last: Promise<unknown> = Promise.resolve();

  function start(): ChildProcess {
    const started = forkBeside(import.meta.url, 'whatIfChild', { serialization: 'advanced' });
    // The process must not keep the agent from exiting.
    started.unref();
    started.channel?.unref();
    started.once('exit', () => {
      if (child === started) child = null;
    });
    return started;
  }

  async function answerTo(question: ToWhatIfChild) {
    const message = await askChild<FromWhatIfChild>(
      (child ??= start()),
      question,
      (how) => new Error(`The process of what-if figures ended (${how}).`),
    );
    if ('error' in message) throw new Error(message.error);
    return message.answer;
  }

  return {
    ask: <Kind extends keyof FiguresByQuestion>(kind: Kind, question: FiguresByQuestion[Kind]['question']) => {
      const answered = last.then(() => answerTo({ kind, ...question } as ToWhatIfChild));
      last = answered.catch(() => undefined);
      return answered;
    },
    close: () => void child?.kill(),
  };
}
