import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../dicom/uids.ts';
import { MAX_PDU_LENGTH_BYTES, PDU_TYPE, violation, writePdu } from './pdu.ts';

/** Requests and answers of association negotiation (PS3.8 9.3.2 to 9.3.4), for both roles; `pdu.ts` documents the layout. Pure. */

export const APPLICATION_CONTEXT_NAME = '1.2.840.10008.3.1.1.1';
/** Maximum number of contexts in one association: odd identifiers from 1 to 255 (PS3.8 9.3.2.2). */
export const MAX_CONTEXTS = 128;

/** The contents of an A-ASSOCIATE-RQ (PS3.8 9.3.2). */
export interface AssociationRequest {
  protocolVersion: number;
  applicationContextName: string;
  callingAeTitle: string;
  calledAeTitle: string;
  contexts: readonly ProposedContext[];
  /** Abstract syntaxes that the sender states to be Storage SOP classes (PS3.7 D.3.3.6): private ones, mostly. */
  statedStorageClasses?: readonly string[];
}

export interface ProposedContext {
  /** Odd, 1 to 255 (PS3.8 9.3.2.2). */
  id: number;
  abstractSyntaxUid: string;
  /** In the order of the proposal; at least one. */
  transferSyntaxUids: readonly string[];
}

/** Our answer to a context (PS3.8 9.3.3.2): 0 acceptance, 3 abstract syntax not supported, 4 transfer syntaxes not supported. */
export type AnsweredContext =
  | { id: number; result: 0; abstractSyntaxUid: string; transferSyntaxUid: string }
  | { id: number; result: 3 | 4; abstractSyntaxUid: string };

/** An acceptor's answer to one context: any result of PS3.8 9.3.3.2, and the transfer syntax if it is accepted. */
interface ContextResult {
  id: number;
  result: number;
  transferSyntaxUid: string;
}

/** The numbers of an A-ASSOCIATE-RJ (PS3.8 9.3.4): result 1 is permanent, 2 transient. */
export interface AssociationRejection {
  result: number;
  source: number;
  reason: number;
}

const ITEM = {
  applicationContext: 0x10,
  proposedContext: 0x20,
  answeredContext: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
  maximumLength: 0x51,
  implementationClassUid: 0x52,
  roleSelection: 0x54,
  implementationVersionName: 0x55,
  commonExtended: 0x57,
} as const;
/** Storage Service Class (PS3.6 A). */
const STORAGE_SERVICE_CLASS = '1.2.840.10008.4.2';
const PROTOCOL_VERSION = 1;
const AE_TITLE_BYTES = 16;
/** Protocol version, AE titles and reserved bytes; items follow. */
const FIXED_BYTES = 68;

/** A-ASSOCIATE-RQ. At most {@link MAX_CONTEXTS} contexts; for the SOP classes of `asScp` we ask to be the SCP, and not the SCU (PS3.7 D.3.3.4). */
export function writeAssociateRequest(
  callingAeTitle: string,
  calledAeTitle: string,
  contexts: readonly ProposedContext[],
  asScp: ReadonlySet<string> = new Set(),
): Buffer {
  const aeTitle = (title: string): Buffer => ascii(title.slice(0, AE_TITLE_BYTES).padEnd(AE_TITLE_BYTES));
  return writePdu(
    PDU_TYPE.associateRequest,
    Buffer.concat([
      Buffer.from([0, PROTOCOL_VERSION, 0, 0]),
      aeTitle(calledAeTitle),
      aeTitle(callingAeTitle),
      Buffer.alloc(32),
      item(ITEM.applicationContext, ascii(APPLICATION_CONTEXT_NAME)),
      ...contexts.map(({ id, abstractSyntaxUid, transferSyntaxUids }) =>
        item(
          ITEM.proposedContext,
          Buffer.from([id, 0, 0, 0]),
          item(ITEM.abstractSyntax, ascii(abstractSyntaxUid)),
          ...transferSyntaxUids.map((uid) => item(ITEM.transferSyntax, ascii(uid))),
        ),
      ),
      userInformation(
        MAX_PDU_LENGTH_BYTES,
        [...asScp].map((uid) => roleSelection(uid, { scu: 0, scp: 1 })),
      ),
    ]),
  );
}

/** The contents of an A-ASSOCIATE-AC (PS3.8 9.3.3). */
interface AssociationAcceptance {
  maxPduLengthBytes: number;
  contexts: ContextResult[];
  /** SOP classes of which the acceptor lets us be the SCP (PS3.7 D.3.3.4); whatever it does not answer for has the default roles. */
  asScp: ReadonlySet<string>;
}

/** Parses an A-ASSOCIATE-AC from the bytes after its PDU header. @throws TriageError `protocol-violation` */
export function readAssociateAccept(body: Buffer): AssociationAcceptance {
  let maxPduLengthBytes = 0;
  let asScp: ReadonlySet<string> = new Set();
  const contexts: ContextResult[] = [];
  for (const { type, value } of readItems(body.subarray(FIXED_BYTES))) {
    if (type === ITEM.answeredContext) {
      if (value.length < 4) throw violation('a presentation context item is too short');
      const syntax =
        value[2] === 0 ? readItems(value.subarray(4)).find((inner) => inner.type === ITEM.transferSyntax) : undefined;
      contexts.push({
        id: value[0]!,
        result: value[2]!,
        transferSyntaxUid: syntax === undefined ? '' : textIn(syntax.value),
      });
    } else if (type === ITEM.userInformation) {
      const length = readItems(value).find((inner) => inner.type === ITEM.maximumLength);
      if (length?.value.length === 4) maxPduLengthBytes = length.value.readUInt32BE();
      asScp = new Set([...rolesIn(value)].filter(([, { scp }]) => scp === 1).map(([uid]) => uid));
    }
  }
  return { maxPduLengthBytes, contexts, asScp };
}

/** The numbers of an A-ASSOCIATE-RJ, from the bytes after the PDU header. */
export function readAssociateReject(body: Buffer): AssociationRejection {
  return { result: body[1] ?? 0, source: body[2] ?? 0, reason: body[3] ?? 0 };
}

/** A-ASSOCIATE-RJ. */
export function writeAssociateReject({ result, source, reason }: AssociationRejection): Buffer {
  return writePdu(PDU_TYPE.associateReject, Buffer.from([0, result, source, reason]));
}

/** A request as it was read, and the terms on which it is accepted. */
export interface ReceivedRequest {
  request: AssociationRequest;
  /** A-ASSOCIATE-AC with one answer for each context. For the SOP classes of `asScu` the sender may be the SCP (PS3.7 D.3.3.4), if it asks for that. */
  accept: (answers: readonly AnsweredContext[], maxPduLengthBytes: number, asScu?: ReadonlySet<string>) => Buffer;
}

/**
 * Reads an A-ASSOCIATE-RQ from the bytes after its PDU header: items must fill it exactly, context identifiers must be odd and used once.
 *
 * @throws TriageError `protocol-violation`
 */
export function readAssociateRequest(body: Buffer): ReceivedRequest {
  if (body.length < FIXED_BYTES) throw violation('an association request is too short');
  const contexts = new Map<number, ProposedContext>();
  let roles = new Map<string, Roles>();
  let statedStorageClasses: string[] = [];
  let applicationContextName = '';
  for (const { type, value } of readItems(body.subarray(FIXED_BYTES))) {
    if (type === ITEM.applicationContext) applicationContextName = textIn(value);
    if (type === ITEM.userInformation) {
      roles = rolesIn(value);
      statedStorageClasses = storageClassesIn(value);
    }
    if (type === ITEM.proposedContext) {
      const context = readContext(value);
      if (contexts.has(context.id) || contexts.size === MAX_CONTEXTS)
        throw violation('a presentation context has no identifier of its own');
      contexts.set(context.id, context);
    }
  }
  return {
    request: {
      protocolVersion: body.readUInt16BE(0),
      applicationContextName,
      calledAeTitle: textIn(body.subarray(4, 4 + AE_TITLE_BYTES)).trim(),
      callingAeTitle: textIn(body.subarray(20, 20 + AE_TITLE_BYTES)).trim(),
      contexts: [...contexts.values()],
      statedStorageClasses,
    },
    accept: (answers, maxPduLengthBytes, asScu = new Set()) => {
      const accepted = new Set(answers.filter(({ result }) => result === 0).map((answer) => answer.abstractSyntaxUid));
      const answeredRoles = [...roles]
        .filter(([uid]) => accepted.has(uid))
        // We never send objects back on a sender's association: there it is the SCU, or nothing.
        .map(([uid, { scu, scp }]) => roleSelection(uid, { scu, scp: asScu.has(uid) ? scp : 0 }));
      return writePdu(
        PDU_TYPE.associateAccept,
        Buffer.concat([
          // Returned as received; the requestor does not check these bytes (PS3.8 9.3.3), except for the version.
          Buffer.from([0, PROTOCOL_VERSION]),
          body.subarray(2, FIXED_BYTES),
          item(ITEM.applicationContext, ascii(APPLICATION_CONTEXT_NAME)),
          ...answers.map((answer) => answeredContext(answer, contexts.get(answer.id))),
          userInformation(maxPduLengthBytes, answeredRoles),
        ]),
      );
    },
  };
}

/** A refused context also carries a transfer syntax, which has no meaning (PS3.8 9.3.3.2). */
function answeredContext(answer: AnsweredContext, proposed: ProposedContext | undefined): Buffer {
  const transferSyntaxUid = answer.result === 0 ? answer.transferSyntaxUid : (proposed?.transferSyntaxUids[0] ?? '');
  return item(
    ITEM.answeredContext,
    Buffer.from([answer.id, 0, answer.result, 0]),
    item(ITEM.transferSyntax, ascii(transferSyntaxUid)),
  );
}

function readContext(value: Buffer): ProposedContext {
  const id = value[0] ?? 0;
  if (value.length < 4 || id % 2 === 0) throw violation('a presentation context has no identifier of its own');
  const [abstractSyntax, ...transferSyntaxes] = readItems(value.subarray(4));
  if (
    abstractSyntax?.type !== ITEM.abstractSyntax ||
    transferSyntaxes.length === 0 ||
    transferSyntaxes.some((inner) => inner.type !== ITEM.transferSyntax)
  )
    throw violation('a presentation context is not one abstract syntax and its transfer syntaxes');
  return {
    id,
    abstractSyntaxUid: textIn(abstractSyntax.value),
    transferSyntaxUids: transferSyntaxes.map((inner) => textIn(inner.value)),
  };
}

/** Whether the requestor has each role: 0 or 1. */
interface Roles {
  scu: number;
  scp: number;
}

/** The roles proposed or accepted for each SOP class: UID length, UID, SCU role, SCP role (PS3.7 D.3.3.4). */
function rolesIn(userInformationItems: Buffer): Map<string, Roles> {
  const roles = new Map<string, Roles>();
  for (const { type, value } of readItems(userInformationItems)) {
    if (type !== ITEM.roleSelection || value.length < 4) continue;
    const uidBytes = value.readUInt16BE();
    if (uidBytes === value.length - 4 && uidBytes <= 64)
      roles.set(textIn(value.subarray(2, -2)), { scu: value.at(-2)! & 1, scp: value.at(-1)! & 1 });
  }
  return roles;
}

/** SOP classes that the sender says are of the Storage Service Class: UID length, UID, service class (the same), related classes (PS3.7 D.3.3.6). */
function storageClassesIn(userInformationItems: Buffer): string[] {
  return readItems(userInformationItems).flatMap(({ type, value }) => {
    if (type !== ITEM.commonExtended || value.length < 4) return [];
    const serviceAt = 2 + value.readUInt16BE();
    if (serviceAt + 2 > value.length) return [];
    const service = value.subarray(serviceAt + 2, serviceAt + 2 + value.readUInt16BE(serviceAt));
    return textIn(service) === STORAGE_SERVICE_CLASS ? [textIn(value.subarray(2, serviceAt))] : [];
  });
}

function roleSelection(sopClassUid: string, { scu, scp }: Roles): Buffer {
  return item(ITEM.roleSelection, Buffer.from([0, sopClassUid.length]), ascii(sopClassUid), Buffer.from([scu, scp]));
}

/** One operation at a time: asynchronous operations are not negotiated (PS3.7 D.3.3.3). */
function userInformation(maxPduLengthBytes: number, more: readonly Buffer[] = []): Buffer {
  const maximumLength = Buffer.alloc(4);
  maximumLength.writeUInt32BE(maxPduLengthBytes);
  return item(
    ITEM.userInformation,
    item(ITEM.maximumLength, maximumLength),
    item(ITEM.implementationClassUid, ascii(IMPLEMENTATION_CLASS_UID)),
    item(ITEM.implementationVersionName, ascii(IMPLEMENTATION_VERSION_NAME)),
    ...more,
  );
}

function item(type: number, ...content: readonly Buffer[]): Buffer {
  const value = Buffer.concat(content);
  const head = Buffer.alloc(4);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value]);
}

function readItems(bytes: Buffer): { type: number; value: Buffer }[] {
  const items: { type: number; value: Buffer }[] = [];
  for (let position = 0; position < bytes.length;) {
    if (position + 4 > bytes.length) throw violation('an item has no length');
    const end = position + 4 + bytes.readUInt16BE(position + 2);
    if (end > bytes.length) throw violation('an item is longer than what holds it');
    items.push({ type: bytes[position]!, value: bytes.subarray(position + 4, end) });
    position = end;
  }
  return items;
}

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
const textIn = (bytes: Buffer): string => bytes.toString('latin1').replace(/[\0 ]+$/, '');
