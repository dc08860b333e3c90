import { ERROR_KINDS, TriageError, messageOf, type ErrorCode } from './errors.ts';
import { installationFault } from './installationFault.ts';

/** An error as it crosses a process boundary. */
export interface ErrorMessage {
  code: ErrorCode;
  message: string;
  context: Record<string, unknown>;
  /** Code of the installation fault that caused it (a full disk, a failing device); null when there is none. */
  fault: string | null;
}

/** Anything but a TriageError gets the code `otherwise`, and its message begins with the words `label`. */
export function toErrorMessage(error: unknown, otherwise: ErrorCode, label: string): ErrorMessage {
  const fault = installationFault(error);
  if (error instanceof TriageError)
    return { code: error.code, message: error.message, context: { ...error.context }, fault };
  return { code: otherwise, message: `${label}: ${messageOf(error)}`, context: {}, fault };
}

/** The error again, with its installation fault as cause. A code that this build does not know becomes `otherwise`. */
export function fromErrorMessage({ code, message, context, fault }: ErrorMessage, otherwise: ErrorCode): TriageError {
  const cause = fault === null ? undefined : Object.assign(new Error(fault), { code: fault });
  return new TriageError(code in ERROR_KINDS ? code : otherwise, message, { context, cause });
}
