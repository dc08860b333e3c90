import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import dimse from 'dcmjs-dimse';
import { isValidUid, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dicom/uids.ts';
import { ABORT_REASON, PDU_TYPE, violation } from './associationGuard.ts';
import type { AnsweredContext, AssociationRequest, ProposedContext, Rejection } from './associationPolicy.ts';

/**
 * What dcmjs-dimse encodes and decodes for us: association PDUs and command sets, each as whole bytes that were checked first. The library never sees the
 * connection, a second request, or a data set.
 */

// It prints command sets and associations.
dimse.log.setLevel('silent');
dimse.Implementation.setImplementationClassUid(IMPLEMENTATION_CLASS_UID);
dimse.Implementation.setImplementationVersion(IMPLEMENTATION_VERSION_NAME);

type Association = InstanceType<typeof dimse.association.Association>;

/** A C-STORE-RQ or C-ECHO-RQ (PS3.7 9.3.1, 9.3.5). */
export type DimseRequest =
  | { kind: 'echo'; messageId: number; affectedSopClassUid: string }
  | { kind: 'store'; messageId: number; affectedSopClassUid: string; affectedSopInstanceUid: string };

export interface Negotiation {
  request: AssociationRequest;
  /** A-ASSOCIATE-AC with these answers (PS3.8 9.3.3). */
  accept: (contexts: readonly AnsweredContext[], maxPduLengthBytes: number) => Buffer;
  /** A-ASSOCIATE-RJ (PS3.8 9.3.4). */
  reject: (rejection: Pick<Rejection, 'result' | 'source' | 'reason'>) => Buffer;
}

/** Reads an A-ASSOCIATE-RQ from the bytes behind its PDU header. @throws TriageError `protocol-violation` */
export function readAssociateRequest(body: Buffer): Negotiation {
  const { protocolVersion, applicationContextName, ordered } = checkedRequest(body);
  const line = new CodecLine();
  const scp = new CodecScp(line as unknown as Socket);
  // Its timer of one second per connection would keep on running.
  line.emit('close');
  line.emit('data', pdu(PDU_TYPE.associateRequest, ordered));
  const association = scp.requested;
  if (association === null) throw violation('the association request cannot be read', ABORT_REASON.invalidParameter);
  const proposed: ProposedContext[] = association.getPresentationContexts().map(({ id, context }) => ({
    id,
    abstractSyntaxUid: context.getAbstractSyntaxUid(),
    transferSyntaxUids: [...context.getTransferSyntaxUids()],
  }));
  return {
    request: {
      protocolVersion,
      applicationContextName,
      callingAeTitle: association.getCallingAeTitle(),
      calledAeTitle: association.getCalledAeTitle(),
      contexts: proposed,
    },
    accept: (answers, maxPduLengthBytes) => {
      for (const answer of answers) {
        const context = association.getPresentationContext(answer.id);
        // Only storing towards us is offered, whatever roles were proposed (PS3.7 D.3.3.4).
        const roleProposed = context.getUserRole() as boolean | undefined;
        if (roleProposed !== undefined) context.setProviderRole(false);
        context.setResult(answer.result, answer.result === 0 ? answer.transferSyntaxUid : undefined);
      }
      // One operation at a time (PS3.7 D.3.3.3), and our own limit instead of the lesser of both: our answers are short.
      association.setMaxAsyncOpsInvoked(1);
      association.setMaxAsyncOpsPerformed(1);
      association.setMaxPduLength(maxPduLengthBytes);
      dimse.Implementation.setMaxPduLength(maxPduLengthBytes);
      return line.sentBy(() => {
        scp.sendAssociationAccept();
      });
    },
    reject: ({ result, source, reason }) =>
      line.sentBy(() => {
        scp.sendAssociationReject(result, source, reason);
      }),
  };
}

/** A-RELEASE-RP (PS3.8 9.3.7). */
export const RELEASE_RESPONSE: Buffer = pdu(PDU_TYPE.releaseResponse, Buffer.alloc(4));

/** Reads a whole command set, Implicit VR Little Endian (PS3.7 6.3.1). @throws TriageError `protocol-violation` also for commands that no accepted context allows */
export function readCommand(bytes: Buffer): DimseRequest {
  checkCommandSet(bytes);
  let elements: Record<string, unknown>;
  try {
    elements = new dimse.Dataset(bytes).getElements();
  } catch {
    throw violation('a command set cannot be read', ABORT_REASON.invalidParameter);
  }
  const number = (keyword: string): number => {
    const value = elements[keyword];
    if (typeof value !== 'number') throw violation(`a command set has no ${keyword}`, ABORT_REASON.invalidParameter);
    return value;
  };
  const uid = (keyword: string): string => {
    const value = elements[keyword];
    if (typeof value !== 'string') throw violation(`a command set has no ${keyword}`, ABORT_REASON.invalidParameter);
    return value;
  };
  const commandField = number('CommandField');
  const messageId = number('MessageID');
  const hasDataSet = number('CommandDataSetType') !== NO_DATA_SET;
  const affectedSopClassUid = uid('AffectedSOPClassUID');
  if (commandField === COMMAND_FIELD.echo && !hasDataSet) return { kind: 'echo', messageId, affectedSopClassUid };
  if (commandField === COMMAND_FIELD.store && hasDataSet)
    return { kind: 'store', messageId, affectedSopClassUid, affectedSopInstanceUid: uid('AffectedSOPInstanceUID') };
  throw violation(
    `command 0x${commandField.toString(16).padStart(4, '0')}${hasDataSet ? ' with' : ' without'} a data set is not served`,
    ABORT_REASON.invalidParameter,
  );
}

/** The response to a request as a whole P-DATA-TF (PS3.8 9.3.5, PS3.7 9.3.1.2, 9.3.5.2); `errorComment` is cut to what LO holds and must be free of PHI. */
export function writeResponse(request: DimseRequest, contextId: number, status: number, errorComment?: string): Buffer {
  // An invalid UID is not echoed: it could not be encoded as one.
  const uid = (keyword: string, value: string) => (isValidUid(value) ? { [keyword]: value } : {});
  const command = new dimse.Dataset({
    ...uid('AffectedSOPClassUID', request.affectedSopClassUid),
    CommandField: COMMAND_FIELD[request.kind] | RESPONSE_BIT,
    MessageIDBeingRespondedTo: request.messageId,
    CommandDataSetType: NO_DATA_SET,
    Status: status,
    ...(errorComment === undefined ? {} : { ErrorComment: errorComment.replace(/[^ -[\]-~]/g, '?').slice(0, 64) }),
    ...(request.kind === 'store' ? uid('AffectedSOPInstanceUID', request.affectedSopInstanceUid) : {}),
  }).getDenaturalizedCommandDataset();
  const head = Buffer.alloc(6);
  head.writeUInt32BE(command.length + 2, 0);
  head.writeUInt8(contextId, 4);
  head.writeUInt8(COMMAND_LAST, 5);
  return pdu(PDU_TYPE.data, Buffer.concat([head, command]));
}

/** Message control header of a command's last fragment (PS3.8 E.2). */
const COMMAND_LAST = 0b11;
/** CommandField (0000,0100) of the requests (PS3.7 E.1). */
const COMMAND_FIELD = { store: 0x0001, echo: 0x0030 } as const;
const RESPONSE_BIT = 0x8000;
/** CommandDataSetType (0000,0800) of a message without a data set (PS3.7 E.1). */
const NO_DATA_SET = 0x0101;

function pdu(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt8(type, 0);
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
}

const ITEM = {
  applicationContext: 0x10,
  presentationContext: 0x20,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
} as const;
const FIXED_REQUEST_BYTES = 68;
const MAX_CONTEXTS = 128;

/**
 * Checks what the library takes on trust: items that fill their PDU exactly, odd and unique identifiers, one abstract syntax per context. It also numbers
 * contexts anew that do not come in ascending order, so they are put into it.
 */
function checkedRequest(body: Buffer): { protocolVersion: number; applicationContextName: string; ordered: Buffer } {
  if (body.length < FIXED_REQUEST_BYTES)
    throw violation('an association request is too short', ABORT_REASON.invalidParameter);
  const contexts = new Map<number, Buffer>();
  const others: Buffer[] = [];
  let applicationContextName = '';
  for (const { type, value, whole } of readItems(body.subarray(FIXED_REQUEST_BYTES))) {
    if (type !== ITEM.presentationContext) {
      if (type === ITEM.applicationContext) applicationContextName = value.toString('latin1').replace(/\0+$/, '');
      others.push(whole);
      continue;
    }
    const id = value[0] ?? 0;
    if (value.length < 4 || id % 2 === 0 || contexts.has(id) || contexts.size === MAX_CONTEXTS)
      throw violation('a presentation context has no identifier of its own', ABORT_REASON.invalidParameter);
    const [abstractSyntax, ...transferSyntaxes] = readItems(value.subarray(4));
    if (
      abstractSyntax?.type !== ITEM.abstractSyntax ||
      transferSyntaxes.length === 0 ||
      transferSyntaxes.some((item) => item.type !== ITEM.transferSyntax)
    ) {
      throw violation(
        'a presentation context is not one abstract syntax and its transfer syntaxes',
        ABORT_REASON.invalidParameter,
      );
    }
    contexts.set(id, whole);
  }
  const ascending = [...contexts].sort(([a], [b]) => a - b).map(([, whole]) => whole);
  return {
    protocolVersion: body.readUInt16BE(0),
    applicationContextName,
    ordered: Buffer.concat([body.subarray(0, FIXED_REQUEST_BYTES), ...ascending, ...others]),
  };
}

function readItems(bytes: Buffer): { type: number; value: Buffer; whole: Buffer }[] {
  const items: { type: number; value: Buffer; whole: Buffer }[] = [];
  for (let position = 0; position < bytes.length;) {
    const end =
      position + 4 <= bytes.length ? position + 4 + bytes.readUInt16BE(position + 2) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw violation('an item is longer than what holds it', ABORT_REASON.invalidParameter);
    items.push({
      type: bytes[position]!,
      value: bytes.subarray(position + 4, end),
      whole: bytes.subarray(position, end),
    });
    position = end;
  }
  return items;
}

/** The library believes any length and allocates it: elements must be of group 0000, ascending, and fill the command set exactly. */
function checkCommandSet(bytes: Buffer): void {
  let lastElement = -1;
  let position = 0;
  while (position + 8 <= bytes.length) {
    const element = bytes.readUInt16LE(position + 2);
    if (bytes.readUInt16LE(position) !== 0 || element <= lastElement) break;
    lastElement = element;
    position += 8 + bytes.readUInt32LE(position + 4);
  }
  if (position !== bytes.length || bytes.length === 0)
    throw violation('a command set is broken', ABORT_REASON.invalidParameter);
}

/** The library's way in and out: it reads what is emitted as `data`, and what it writes is kept instead of sent. */
class CodecLine extends EventEmitter {
  private written: Buffer[] = [];

  setTimeout(): this {
    return this;
  }

  write(bytes: Buffer): boolean {
    this.written.push(bytes);
    return true;
  }

  sentBy(act: () => void): Buffer {
    this.written = [];
    act();
    return Buffer.concat(this.written);
  }
}

class CodecScp extends dimse.Scp {
  requested: Association | null = null;

  override associationRequested(association: Association): void {
    this.requested = association;
  }
}
