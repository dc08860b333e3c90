import type { StoredInstance } from '../case/case.ts';
import type { CommitmentReported, CommitmentRequest } from '../case/commitment.ts';
import { ERROR_KINDS, TriageError, type ErrorCode } from '../base/errors.ts';
import type { Log, LogFields } from '../base/log.ts';
import type { CommitmentAnswer } from './commitmentService.ts';
import type { ServerTls } from '../base/tlsAcceptor.ts';
import type { AllowedCallers, ReceiveConfig } from './receiveConfig.ts';
import type { Refusal } from './refusals.ts';

/**
 * How a sender ended: it said that it had sent all it wanted to; it closed the connection between two messages, as careless senders do at their end; or
 * it aborted, or the connection broke, so that something may be missing.
 */
export type EndOfSending = 'released' | 'closed' | 'broken';

/** From the agent to the receiver. */
export type ReceiverOrder =
  | { type: 'start'; config: ReceiveConfig; spoolDir: string; node: string | undefined; idPrefix: string }
  | { type: 'describe'; id: number; paths: string[] }
  | { type: 'renew-tls'; tls: ServerTls }
  | { type: 'allow'; callers: AllowedCallers }
  | { type: 'commitment'; id: number; answer: CommitmentAnswer }
  | { type: 'usage'; id: number }
  | { type: 'close' };

/** From the receiver to the agent, in arrays, in the order in which things happened. */
export type ReceiverEvent =
  | { type: 'listening'; port: number; tlsPort: number | null; stowPort: number | null }
  | { type: 'failed'; error: CarriedError }
  | { type: 'opened'; associationId: string; callingAeTitle: string; address: string }
  | { type: 'stored'; associationId: string; instance: StoredInstance }
  | { type: 'commitment-asked'; id: number; request: CommitmentRequest }
  | { type: 'commitment-reported'; id: number; reported: CommitmentReported }
  | { type: 'refused'; associationId: string; refusal: Refusal }
  | { type: 'ended'; associationId: string; how: EndOfSending }
  | { type: 'described'; id: number; unreadable: string[] }
  | { type: 'usage'; id: number; peakRssBytes: number }
  | { type: 'log'; level: keyof Omit<Log, 'child'>; message: string; fields: LogFields; error?: CarriedError };

/** Association of an object that was found on disk rather than received. */
export const recoveredAssociationId = (describeId: number): string => `recovered-${describeId}`;

/** An error as JSON. */
export interface CarriedError {
  name: string;
  message: string;
  code: string | undefined;
  context?: Readonly<Record<string, unknown>>;
  stack: string | undefined;
}

export function carryError(error: unknown): CarriedError {
  if (error instanceof TriageError)
    return { name: error.name, message: error.message, code: error.code, context: error.context, stack: undefined };
  if (error instanceof Error)
    return {
      name: error.name,
      message: error.message,
      code: (error as NodeJS.ErrnoException).code,
      stack: error.stack,
    };
  return { name: 'Error', message: String(error), code: undefined, stack: undefined };
}

export function reviveError(carried: CarriedError): Error {
  if (carried.code !== undefined && carried.code in ERROR_KINDS)
    return new TriageError(
      carried.code as ErrorCode,
      carried.message,
      carried.context === undefined ? {} : { context: carried.context },
    );
  const error = new Error(carried.message);
  return Object.assign(error, { name: carried.name, code: carried.code, stack: carried.stack ?? '' });
}
