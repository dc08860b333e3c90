import { pino } from 'pino';
import { systemClock } from './clock.ts';
import { TriageError } from './errors.ts';
import { fileSink, standardErrorSink, type LogFileOptions, type LogSink } from './logSink.ts';

/** Structured log; field names are an allow-list of PHI-free words. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Log;
}
/** Of the allow-list below: a name that is not on it does not compile, and where types do not reach it is dropped. */
export type LogFields = Readonly<Partial<Record<LogField | 'error', unknown>>>;
type LogField = (typeof ALLOWED)[number];

/**
 * The only field names that reach the log. An allow-list, because a patient's name can hide in any field that somebody adds later:
 * what is not here is dropped and counted in `droppedFields`. UIDs are pseudonyms that a site can resolve; they are not names.
 */
const ALLOWED = [
  'aeTitle',
  'address',
  'action',
  'associationId',
  'attempt',
  'bytes',
  'code',
  'component',
  'count',
  'destination',
  'durationMs',
  'event',
  'exitCode',
  'fault',
  'features',
  'freeBytes',
  'job',
  'limit',
  'method',
  'model',
  'pid',
  'port',
  'provider',
  'reason',
  'ref',
  'revision',
  'route',
  'seriesInstanceUid',
  'signal',
  'slices',
  'sopClassUid',
  'sopInstanceUid',
  'stage',
  'state',
  'status',
  'studyInstanceUid',
  'threads',
  'transferSyntaxUid',
  'url',
  'version',
] as const;

const ALLOWED_NAMES: ReadonlySet<string> = new Set(ALLOWED);

/** With control characters a hostile value could forge log lines or colours in a terminal. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

function clean(fields: LogFields | undefined): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (name === 'error') out['error'] = describe(value);
    else if (!ALLOWED_NAMES.has(name)) dropped.push(name);
    else out[name] = typeof value === 'string' ? value.replace(CONTROL, '?') : value;
  }
  if (dropped.length > 0) out['droppedFields'] = dropped;
  return out;
}

/** Our own errors are PHI-free by contract; of other errors only the kind and the stack frames are kept, because the message may quote data. */
function describe(error: unknown): Record<string, unknown> {
  if (error instanceof TriageError) return { code: error.code, message: error.message, context: error.context };
  if (error instanceof Error) {
    const frames = error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 6);
    return { name: error.name, code: (error as NodeJS.ErrnoException).code, frames };
  }
  return { type: typeof error };
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Writes JSON lines to `sink`, else to standard error (as text where that is a terminal), so that standard output stays free for reports. It never waits for the reader. */
export function createLog(level: LogLevel, fields: LogFields = {}, sink?: LogSink): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    sink ?? (level === 'silent' ? { write: () => undefined } : standardErrorSink(droppedLine)),
  );
  return wrap(logger.child(clean(fields)));
}

/** Opens the log of an agent: the file that its configuration names, else standard error. @throws the error of the file system */
export function openLogSink(file: LogFileOptions | undefined): LogSink {
  return file === undefined ? standardErrorSink(droppedLine) : fileSink(file, droppedLine);
}

function droppedLine(count: number): string {
  const time = new Date(systemClock.now()).toISOString();
  return `${JSON.stringify({ level: WARN, time, count, msg: 'log lines were dropped: nobody took them' })}\n`;
}

/** The number of pino's log level. */
const WARN = 40;

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => {
      logger.debug(clean(fields), message);
    },
    info: (message, fields) => {
      logger.info(clean(fields), message);
    },
    warn: (message, fields) => {
      logger.warn(clean(fields), message);
    },
    error: (message, fields) => {
      logger.error(clean(fields), message);
    },
    child: (fields) => wrap(logger.child(clean(fields))),
  };
}
