import type { ChildProcess } from 'node:child_process';
import { forkBeside } from '../base/childProcess.ts';
import type { Clock } from '../base/clock.ts';
import { fromErrorMessage, toErrorMessage } from '../base/errorMessage.ts';
import { TriageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { watchResidentMemory } from '../base/residentMemory.ts';
import type { Findings } from '../case/case.ts';
import type { ResultObject } from '../case/delivery.ts';
import type { DecodeLines, DecodeSlice } from '../case/triageModel.ts';
import { fontFiles } from './drawing.ts';
import type { FromReportChild, ReportChildSetup, ToReportChild } from './reportMessages.ts';
import { partOfReport, type ReportedCase, type ResultWriter } from './writeResults.ts';

/** A busy machine may take long to start a process; the limit of a report counts from then. */
const LEAST_START_MS = 60_000;

export interface ReportProcessOptions {
  writer: ReportChildSetup;
  /** Decodes a slice outside this process and outside the child. */
  renderSource: DecodeSlice;
  renderLines: DecodeLines;
  /** Resident memory beyond which the child is killed and replaced. */
  memoryLimitMb: number;
  /** Longest time for one report, without the time that the decoding of its slices takes. */
  timeoutMs: number;
  clock: Clock;
  log: Log;
}

export interface ReportProcess extends ResultWriter {
  /** Of the child that runs now. */
  pid(): number | null;
  close(): Promise<void>;
}

/**
 * A result writer in a process of its own. What goes into a report comes from stored objects, which anybody who may send has shaped: however long one takes
 * and however much memory it wants, the agent's event loop goes on. A child that dies, takes too long or grows too large fails the report that it was
 * writing (`report-died`, `report-timeout`), and the next report gets a new child; the caller counts attempts. If
 * the child does not even start, no report is to blame (`report-unready`). Everything else is as in
 * `createResultWriter`.
 *
 * @throws TriageError `report-failed` at once when the fonts are missing
 */
export function createReportProcess(options: ReportProcessOptions): ReportProcess {
  fontFiles();
  return new ReportSupervisor(options);
}

class ReportSupervisor implements ReportProcess {
  readonly #options: ReportProcessOptions;
  #child: ChildProcess | null = null;
  readonly #ready = new WeakSet<ChildProcess>();
  #isClosed = false;
  /** One report at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ReportProcessOptions) {
    this.#options = options;
    // The first report should not wait for a process to start.
    this.#start();
  }

  pid(): number | null {
    return this.#child?.pid ?? null;
  }

  write(reported: ReportedCase, findings: Findings, signal?: AbortSignal): Promise<ResultObject[]> {
    const written = this.#last.then(() => this.#write(reported, findings, signal));
    this.#last = written.catch(() => undefined);
    return written;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#child?.kill('SIGKILL');
    await this.#last;
  }

  #start(): ChildProcess {
    const { writer, memoryLimitMb } = this.#options;
    const child = forkBeside(import.meta.url, 'reportChild', {
      args: [JSON.stringify(writer)],
      execArgv: [`--max-old-space-size=${memoryLimitMb}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    const over = (): void => {
      if (this.#child === child) this.#child = null;
    };
    child.once('message', () => this.#ready.add(child));
    child.once('exit', over);
    // A child that could not be started: whoever asks it hears of that by a listener of its own.
    child.once('error', over);
    return child;
  }

  async #write(reported: ReportedCase, findings: Findings, signal?: AbortSignal): Promise<ResultObject[]> {
    if (this.#isClosed || signal?.aborted === true)
      throw new TriageError('report-died', 'The report was not begun: the work is being stopped.');
    const objects = await this.#ask(
      this.#child?.connected === true ? this.#child : this.#start(),
      partOfReport(reported),
      findings,
      signal,
    );
    this.#options.log.info('Report written.', {
      studyInstanceUid: reported.record.studyInstanceUid,
      seriesInstanceUid: objects[0]?.seriesInstanceUid,
      count: objects.length,
      revision: reported.record.revision,
    });
    return objects;
  }

  #ask(
    child: ChildProcess,
    reported: ReportedCase,
    findings: Findings,
    signal: AbortSignal | undefined,
  ): Promise<ResultObject[]> {
    const { clock, log, memoryLimitMb, timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      let stopTimer = (): void => undefined;
      const isOver = (): void => {
        stopTimer();
        stopWatching();
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
        signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: TriageError): void => {
        isOver();
        const told = this.#ready.has(child)
          ? error
          : new TriageError('report-unready', `The process that writes reports does not start: ${error.message}`, {
              cause: error,
            });
        log.error('The process that writes reports was lost.', { code: told.code, reason: told.message });
        // Not awaited: a child that waits for a disk that hangs cannot even be killed.
        child.kill('SIGKILL');
        if (this.#child === child) this.#child = null;
        reject(told);
      };
      const startTimer = (): void => {
        stopTimer();
        stopTimer = clock.after(this.#ready.has(child) ? timeoutMs : Math.max(timeoutMs, LEAST_START_MS), () =>
          fail(
            new TriageError(
              'report-timeout',
              `Writing the report took longer than report.timeoutMs (${timeoutMs} ms), and its process was ended.`,
            ),
          ),
        );
      };
      const onMessage = (message: FromReportChild): void => {
        if (message.kind === 'ready') {
          this.#ready.add(child);
          startTimer();
          return;
        }
        if (message.kind === 'decode' || message.kind === 'decodeLines') {
          stopTimer();
          // It never rejects: a failure is an answer too.
          this.#decode(message).then(
            (answer) => {
              if (!child.connected) return;
              startTimer();
              child.send(answer, () => undefined);
            },
            () => undefined,
          );
          return;
        }
        isOver();
        if (message.kind === 'written') resolve(message.objects);
        else reject(fromErrorMessage(message.error, 'report-failed'));
      };
      const onExit = (code: number | null, ending: string | null): void =>
        fail(
          new TriageError(
            'report-died',
            `The process that writes the report ended (${ending ?? `exit code ${code}`}).`,
          ),
        );
      const onError = (error: Error): void =>
        fail(new TriageError('report-died', 'The process that writes reports cannot be started.', { cause: error }));
      const onAbort = (): void => fail(new TriageError('report-died', 'The report was stopped.'));
      const stopWatching = watchResidentMemory(child, memoryLimitMb, clock, (residentMb) =>
        fail(
          new TriageError(
            'report-died',
            `Writing the report took ${residentMb} MB, more than report.memoryLimitMb (${memoryLimitMb}), and its process was ended.`,
          ),
        ),
      );
      child.on('message', onMessage).once('exit', onExit).once('error', onError);
      signal?.addEventListener('abort', onAbort);
      startTimer();
      const { keySlices = false } = this.#options.writer.options;
      child.send({ kind: 'write', reported, findings, keySlices } satisfies ToReportChild, () => undefined);
    });
  }

  async #decode(question: Extract<FromReportChild, { kind: 'decode' | 'decodeLines' }>): Promise<ToReportChild> {
    const { renderSource, renderLines } = this.#options;
    try {
      return question.kind === 'decode'
        ? { kind: 'slice', slice: await renderSource(question.path, question.frameNumber) }
        : { kind: 'lines', lines: await renderLines(question.images, question.line) };
    } catch (error) {
      return { kind: 'noSlice', error: toErrorMessage(error, 'report-failed', 'A slice could not be drawn') };
    }
  }
}
