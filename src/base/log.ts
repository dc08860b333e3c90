import { pino } from 'pino';
import { TriageError } from './errors.ts';

/** Structured log; field names are an allow-list of PHI-free words. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Log;
}
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * The only field names that reach the log. An allow-list, because a patient's name can hide in any field that somebody adds later:
 * what is not here is dropped and counted in `droppedFields`. UIDs are pseudonyms that a site can resolve; they are not names.
 */
const ALLOWED = new Set([
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
  'transferSyntaxUid',
  'url',
  'version',
]);

/** Control characters would let a hostile value forge lines or colours in a terminal. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

function clean(fields: LogFields | undefined): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (name === 'error') out['error'] = describe(value);
    else if (!ALLOWED.has(name)) dropped.push(name);
    else out[name] = typeof value === 'string' ? value.replace(CONTROL, '?') : value;
  }
  if (dropped.length > 0) out['droppedFields'] = dropped;
  return out;
}

/** Our own errors are written PHI-free by contract; of a foreign error only its kind and stack frames are kept, for its message may quote data. */
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

/** Writes JSON lines to standard error, so that standard output stays free for reports. */
export function createLog(level: 'debug' | 'info' | 'warn' | 'error' | 'silent', fields: LogFields = {}): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  return wrap(logger.child(clean(fields)));
}

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
