import { closeSync, constants, fstatSync, openSync, renameSync, truncateSync, write, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { readableLine } from './readableLine.ts';

/** Where log lines go. Writing never waits and never fails: lines that nobody reads are dropped and counted, and the count is the next line that gets through. */
export interface LogSink {
  write(line: string): void;
  /** Lines dropped since the start. */
  dropped(): number;
  /** Reopens the file after it has been moved away (logrotate, SIGHUP). */
  reopen(): void;
}

/** Writes text and reports when it is written, or that it never will be. Must not wait and must not throw. */
type Send = (text: string, done: (error?: Error | null) => void) => void;

/** Memory limit of waiting lines: some ten thousand lines. */
const MOST_WAITING_BYTES = 2 * 1024 * 1024;

/** Passes lines on one chunk at a time and keeps a limited number waiting. `sayDropped` makes the line that tells how many were lost. */
export function boundedSink(send: Send, sayDropped: (count: number) => string, mostBytes = MOST_WAITING_BYTES) {
  let waiting: string[] = [];
  let waitingBytes = 0;
  let isBusy = false;
  let dropped = 0;
  let said = 0;

  const pump = (): void => {
    if (isBusy || waiting.length === 0) return;
    const lines = waiting;
    const bytes = waitingBytes;
    waiting = [];
    isBusy = true;
    send(lines.join(''), (error) => {
      isBusy = false;
      waitingBytes -= bytes;
      if (error) dropped += lines.length;
      else if (dropped > said) {
        const line = sayDropped(dropped - said);
        said = dropped;
        waiting.unshift(line);
        waitingBytes += line.length;
      }
      pump();
    });
  };
  return {
    write(line: string): void {
      if (waitingBytes + line.length > mostBytes) {
        dropped += 1;
        return;
      }
      waiting.push(line);
      waitingBytes += line.length;
      pump();
    },
    dropped: () => dropped,
    /** Returns what is still waiting: for the last moment of the process. */
    takeRest(): string {
      const rest = waiting.join('');
      waiting = [];
      return rest;
    },
  };
}

let standardError: LogSink | null = null;

/** Standard error. A stalled reader costs log lines, not the agent; one that disconnects costs the remaining lines. */
export function standardErrorSink(sayDropped: (count: number) => string): LogSink {
  if (standardError !== null) return standardError;
  // Without a listener, a reader that disconnects would end the process.
  process.stderr.on('error', () => undefined);
  const sink = isatty(2)
    ? forReaders(boundedSink(sendToTerminal(), sayDropped))
    : boundedSink(sendToStream, sayDropped);
  process.on('exit', () => trySync(() => writeSync(2, sink.takeRest())));
  standardError = { ...sink, reopen: () => undefined };
  return standardError;
}

/** Machines get JSON lines; whoever sits at a terminal gets them as text. */
function forReaders(sink: ReturnType<typeof boundedSink>): ReturnType<typeof boundedSink> {
  return {
    ...sink,
    write: (line) => {
      sink.write(readableLine(line));
    },
  };
}

/** Pipes and sockets accept what they can, and Node buffers the rest: `done` is called when all of it is written. */
const sendToStream: Send = (text, done) => {
  if (process.stderr.destroyed) {
    done(new Error('Nobody reads standard error any more.'));
    return;
  }
  unblockStandardError();
  process.stderr.write(text, done);
};

/**
 * Makes writes to standard error return at once again. A child that inherits it shares its file status flags, and libuv sets them to blocking when it
 * starts one: then a reader that stands still would stop this process at its next line. Node has no public way to set them.
 */
export function unblockStandardError(): void {
  const { _handle: handle } = process.stderr as { _handle?: { setBlocking?: (isBlocking: boolean) => number } };
  if (!isatty(2)) handle?.setBlocking?.(false);
}

/** Node writes to a terminal synchronously, and Ctrl-S would block it for ever: so the terminal is opened again, and what it does not accept at once is dropped. */
function sendToTerminal(): Send {
  let terminal: number;
  try {
    terminal = openSync('/dev/stderr', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return sendToStream;
  }
  return (text, done) => {
    const error = trySync(() => writeSync(terminal, text));
    queueMicrotask(() => done(error));
  };
}

export interface LogFileOptions {
  path: string;
  /** Above this size, bytes, the file is moved to `path.1`, `path.1` to `path.2` and so on. */
  maxBytes: number;
  /** Number of moved files that are kept. */
  keep: number;
}

/** A file that is rotated by size and reopened on `reopen`. @throws the error of the file system when it cannot be opened at the start */
export function fileSink({ path, maxBytes, keep }: LogFileOptions, sayDropped: (count: number) => string): LogSink {
  let file: number | null = openSync(path, 'a', 0o640);
  let size = fstatSync(file).size;
  let isStale = false;

  const open = (): number => {
    if (file !== null && isStale) {
      const old = file;
      file = null;
      trySync(() => closeSync(old));
    }
    isStale = false;
    if (file !== null) return file;
    const opened = openSync(path, 'a', 0o640);
    size = fstatSync(opened).size;
    file = opened;
    return opened;
  };
  const turnOver = (): void => {
    if (keep === 0) trySync(() => truncateSync(path));
    for (let number = keep; number > 0; number--)
      trySync(() => renameSync(number === 1 ? path : `${path}.${number - 1}`, `${path}.${number}`));
    isStale = true;
  };
  const send: Send = (text, done) => {
    let opened: number;
    try {
      if (size > 0 && size + text.length > maxBytes) turnOver();
      opened = open();
    } catch (error) {
      queueMicrotask(() => done(error as Error));
      return;
    }
    const bytes = Buffer.from(text);
    write(opened, bytes, (error, written) => {
      size += written;
      done(error);
    });
  };
  const sink = boundedSink(send, sayDropped);
  process.on('exit', () => {
    trySync(() => writeSync(open(), sink.takeRest()));
  });
  return {
    ...sink,
    reopen: () => {
      isStale = true;
    },
  };
}

function trySync(run: () => unknown): Error | null {
  try {
    run();
    return null;
  } catch (error) {
    return error as Error;
  }
}
