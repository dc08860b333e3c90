import { createHash } from 'node:crypto';
import { TriageError } from '../base/errors.ts';
import type { MessageIdentity, MessageOutcome, OrderNotice, ReportNotice } from '../case/hospitalMessage.ts';
import type { Answer } from './answer.ts';
import { first, type Message } from './message.ts';
import { ordersIn, type OrderRules } from './orderMessage.ts';
import { reportsIn, type ReportRules } from './reportMessage.ts';

/** What taking messages needs from the worklist. A promise that resolves says that what changed is on disk. */
export interface MessageStore {
  /** @throws TriageError `message-unusable` when nothing may be set */
  takeReports(message: MessageIdentity, reports: readonly ReportNotice[]): Promise<MessageOutcome>;
  /** @throws TriageError `message-unusable` when nothing may be set */
  takeOrders(message: MessageIdentity, orders: readonly OrderNotice[]): Promise<MessageOutcome>;
}

export interface MessageRules extends ReportRules, OrderRules {
  /** Result Status (OBR-25) that makes a scan read. */
  readStatuses: readonly string[];
}

/** What came of a message, and the studies that it changed. */
export interface TakenMessage extends Answer {
  changed: readonly string[];
}

/**
 * Takes a message: `AA` when what it says is on record or is nothing to this agent.
 *
 * @throws TriageError `message-unusable`, `message-unsupported` with a sentence for its sender
 */
export async function takeMessage(
  message: Message,
  bytes: Uint8Array,
  rules: MessageRules,
  store: MessageStore,
): Promise<TakenMessage> {
  const identity = identityOf(message, bytes);
  const type = `${first(message, message.fields[9])}^${first(message, message.fields[9], 2)}`;
  if (type === 'ORU^R01') return takeReports(message, identity, rules, store);
  if (ORDERS.has(type)) return takeOrders(message, identity, rules, store);
  throw new TriageError(
    'message-unsupported',
    'Messages of this type are not taken: ORU R01, ORM O01, OMG O19 and OMI O23 are.',
  );
}

const ORDERS = new Set(['ORM^O01', 'OMG^O19', 'OMI^O23']);

async function takeOrders(
  message: Message,
  identity: MessageIdentity,
  rules: MessageRules,
  store: MessageStore,
): Promise<TakenMessage> {
  const orders = rules.urgentPriorities.length === 0 ? [] : ordersIn(message, rules);
  if (orders.length === 0) return nothing('It has no order that counts here: nothing is set.');
  const { kind, changed } = await store.takeOrders(identity, orders);
  if (kind === 'known') return nothing('This message was taken before.');
  if (kind === 'kept') return nothing('It is on record for when the images come.');
  if (changed.length === 0) return nothing('Nothing changes here.');
  return { code: 'AA', text: 'Whether its study is urgent is set.', changed };
}

async function takeReports(
  message: Message,
  identity: MessageIdentity,
  rules: MessageRules,
  store: MessageStore,
): Promise<TakenMessage> {
  const reports = reportsIn(message, rules);
  if (reports.length === 0) return nothing('It has no report of a person: nothing is marked.');
  if (reports.some(({ status }) => status === ''))
    throw new TriageError('message-unusable', 'OBR-25 does not say whether the report is final.');
  const counting = reports.filter(({ status }) => rules.readStatuses.includes(status));
  if (counting.length === 0) return nothing('It has no report that counts as read here: nothing is marked.');
  const { kind, changed } = await store.takeReports(identity, counting);
  if (kind === 'known') return nothing('This message was taken before.');
  if (kind === 'no-study') return nothing('No such study is here: nothing is marked.');
  const text = changed.length === 0 ? 'It was marked as read before.' : 'It is marked as read.';
  return { code: 'AA', text, changed };
}

function nothing(text: string): TakenMessage {
  return { code: 'AA', text, changed: [] };
}

/** Senders begin their numbers anew now and then, so the number alone does not tell a message from an earlier one. The header is left out: a repetition has its own time. */
function identityOf(message: Message, bytes: Uint8Array): MessageIdentity {
  const controlId = message.fields[10]?.trim() ?? '';
  if (controlId === '') throw new TriageError('message-unusable', 'MSH-10 does not name the message.');
  const body = bytes.subarray(bytes.findIndex((byte) => byte === 0x0d || byte === 0x0a));
  return {
    sender: `${message.fields[3] ?? ''} ${message.fields[4] ?? ''}`,
    controlId,
    sha256: createHash('sha256').update(body).digest('hex'),
  };
}
