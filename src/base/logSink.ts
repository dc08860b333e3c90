import { closeSync, constants, fstatSync, openSync, renameSync, truncateSync, write, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Where log lines go. Writing never waits and never fails: lines that nobody takes are dropped and counted, and the count is the next line that gets through. */
export interface LogSink {
  write(line: string): void;
  /** Lines that were dropped since the start. */
  dropped(): number;
  /** Opens the file anew, after somebody has moved it away (logrotate, SIGHUP). */
  reopen(): void;
}

/** Takes text and says when it is out, or that it never will be. Must not wait and must not throw. */
type Send = (text: string, done: (error?: Error | null) => void) => void;

/** Memory that waiting lines may take: some ten thousand lines. */
const MOST_WAITING_BYTES = 2 * 1024 * 1024;

/** Hands lines on one piece after the other and keeps a bounded number waiting. `sayDropped` makes the line that tells how many were lost. */
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
    /** Takes what still waits: for the last moment of the process. */
    takeRest(): string {
      const rest = waiting.join('');
      waiting = [];
      return rest;
    },
  };
}

let standardError: LogSink | null = null;

/** Standard error. A reader that stands still costs lines, not the agent; one that goes away costs the rest of the lines. */
export function standardErrorSink(sayDropped: (count: number) => string): LogSink {
  if (standardError !== null) return standardError;
  // Without a listener a reader that goes away would end the process.
  process.stderr.on('error', () => undefined);
  const sink = boundedSink(isatty(2) ? sendToTerminal() : sendToStream, sayDropped);
  process.on('exit', () => trySync(() => writeSync(2, sink.takeRest())));
  standardError = { ...sink, reopen: () => undefined };
  return standardError;
}

/** Pipes and sockets take what they can, and Node keeps the rest: `done` is called when all of it is taken. */
const sendToStream: Send = (text, done) => {
  if (process.stderr.destroyed) {
    done(new Error('Nobody reads standard error any more.'));
    return;
  }
  process.stderr.write(text, done);
};

/** Node writes to a terminal and waits, and Ctrl-S makes it wait for ever: so the terminal is opened once more, and what it does not take at once is dropped. */
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
  /** The file is moved to `path.1` when it has grown beyond this, `path.1` to `path.2` and so on. */
  maxBytes: number;
  /** Moved files that are kept. */
  keep: number;
}

/** A file that is turned over by size and opened anew on `reopen`. @throws the error of the file system when it cannot be opened at the start */
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
