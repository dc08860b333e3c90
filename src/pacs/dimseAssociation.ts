import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { TriageError, messageOf } from '../base/errors.ts';
import { TLS_PROFILE } from '../base/tlsProfile.ts';
import type { Clock } from '../base/clock.ts';
import {
  COMMAND_FIELD,
  COMMAND_TAG,
  LAST_COMMAND_TAG,
  NO_DATA_SET,
  readElements,
  textOf,
  uint16Of,
  writeCommand,
  type ElementValue,
} from '../dimse/commandSet.ts';
import {
  MAX_CONTEXTS,
  readAssociateAccept,
  readAssociateReject,
  writeAssociateRequest,
  type AssociationRejection,
} from '../dimse/negotiation.ts';
import {
  MAX_PDU_LENGTH_BYTES,
  maxFragmentBytes,
  PDU_HEADER_BYTES,
  PDU_TYPE,
  readPdvs,
  RELEASE_REQUEST,
  RELEASE_RESPONSE,
  USER_ABORT,
  writePdvHeader,
  type Pdv,
} from '../dimse/pdu.ts';
import { tlsOptionsTo, tlsText, type PeerTls } from './peerTls.ts';

/** Maximum length of a command set and of an identifier in a peer's answer. */
const MAX_COMMAND_BYTES = 65_536;
const MAX_IDENTIFIER_BYTES = 1_048_576;
const ABORT_LINGER_MS = 1_000;

/** Whom to call, and under which AE title. */
export interface DimsePeer {
  /** For messages and the log. */
  name: string;
  aeTitle: string;
  host: string;
  port: number;
  callingAeTitle: string;
  /** Time limit of each step: connection, negotiation, an answer, room for more bytes. */
  timeoutMs: number;
  /** DICOM TLS (PS3.15 B.12): what is shown and trusted, asked for at each connection. Absent: a plain connection. */
  tls?: (() => PeerTls) | undefined;
}

/** What is proposed together; our role is SCU unless it says otherwise (PS3.7 D.3.3.4). */
interface ProposedPair {
  abstractSyntaxUid: string;
  transferSyntaxUid: string;
  role?: 'scu' | 'scp';
}

interface DimseResponse {
  status: number;
  /** Elements of group 0000. */
  command: ReadonlyMap<number, Buffer>;
  /** Null when the response has no data set. */
  dataSet: Buffer | null;
}

/** Bytes of a data set that are sent unchanged: pieces have at most `pieceBytes`. `lengthBytes` is what they must add up to; null when nobody knows beforehand. */
export interface DataSetSource {
  lengthBytes: number | null;
  pieces(pieceBytes: number): AsyncIterable<Buffer>;
}

/** A C-STORE that the peer performs on our association while it answers a C-GET (PS3.4 C.4.3.3). */
export interface SubOperation {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  /** The data set as it comes. What the callee leaves unread is read and dropped. */
  fragments: AsyncIterable<Buffer>;
}

/** What the peer is answered: a status of PS3.4 B.2.3, and why. */
export interface SubOperationAnswer {
  status: number;
  errorComment: string;
}

/** An open association on the requestor's side. Once any of its promises rejects, it is closed. */
export interface DimseAssociation {
  /** The accepted context for this pair, or a sentence saying why there is none. */
  contextFor(abstractSyntaxUid: string, transferSyntaxUid: string): { id: number } | { refusal: string };
  /** Whether the peer lets us be the SCP of this class, as was proposed (PS3.7 D.3.3.4). */
  isScpOf(abstractSyntaxUid: string): boolean;
  /**
   * Sends one request and yields its responses up to the final one. No answer within the time limit is an error, never a success. `serve` stores what the
   * peer sends meanwhile (C-GET); without it such a peer has broken the protocol.
   * @throws TriageError `pacs-unreachable`
   */
  request(
    contextId: number,
    commandField: number,
    elements: ReadonlyMap<number, ElementValue>,
    dataSet?: DataSetSource,
    serve?: (operation: SubOperation) => Promise<SubOperationAnswer>,
  ): AsyncGenerator<DimseResponse, void, undefined>;
  /** `request` for services with a single response (PS3.7 9.1). */
  finalResponse(
    contextId: number,
    commandField: number,
    elements: ReadonlyMap<number, ElementValue>,
    dataSet?: DataSetSource,
  ): Promise<DimseResponse>;
  /** The data set of the peer's next N-EVENT-REPORT, which is answered with Success; null when none comes in time. @throws TriageError `pacs-unreachable` */
  eventReport(waitMs: number): Promise<Buffer | null>;
  /** A-RELEASE; ends quietly even when the peer is gone. */
  release(): Promise<void>;
  /** A-ABORT, at once. */
  abort(): void;
}

/**
 * Connects and negotiates: one presentation context per pair of SOP class and transfer syntax, so that an accepted context means exactly these bytes.
 * Written on sockets rather than dcmjs-dimse, whose client re-encodes data sets, signals a rejected context only by silence,
 * and has no absolute time limits.
 *
 * @throws TriageError `pacs-unreachable`, saying what to do about it
 */
export async function openAssociation(
  peer: DimsePeer,
  pairs: readonly ProposedPair[],
  clock: Clock,
): Promise<DimseAssociation> {
  if (pairs.length > MAX_CONTEXTS)
    throw new RangeError(`An association holds ${MAX_CONTEXTS} contexts, not ${pairs.length}.`);
  const proposed = pairs.map((pair, index) => ({ ...pair, id: 2 * index + 1 }));
  const line = await connectTo(peer, clock);
  const answer = await line.guard('negotiating', async () => {
    const contexts = proposed.map(({ id, abstractSyntaxUid, transferSyntaxUid }) => ({
      id,
      abstractSyntaxUid,
      transferSyntaxUids: [transferSyntaxUid],
    }));
    const asScp = new Set(pairs.filter(({ role }) => role === 'scp').map((pair) => pair.abstractSyntaxUid));
    await line.write(writeAssociateRequest(peer.callingAeTitle, peer.aeTitle, contexts, asScp));
    const reply = await line.within(
      'no answer to the association request (perhaps not a DICOM service)',
      line.nextPdu(),
    );
    if (reply.type === PDU_TYPE.associateReject)
      throw unreachable(peer, rejectionText(peer, readAssociateReject(reply.body)));
    if (reply.type !== PDU_TYPE.associateAccept)
      throw unreachable(peer, `it answered the association request with ${pduName(reply.type)}`);
    return readAssociateAccept(reply.body);
  });
  const fragmentBytes = maxFragmentBytes(answer.maxPduLengthBytes);
  const answered = new Map(answer.contexts.map((context) => [context.id, context]));
  let lastMessageId = 0;

  const incoming = incomingCommands(line, clock);

  /** Null when the peer performed a sub-operation instead, so that a new wait for the response begins. */
  const receive = async (messageId: number, serve: ServeSubOperation | undefined): Promise<DimseResponse | null> => {
    let message = await incoming.next();
    while (message === null) message = await incoming.next();
    const { command, contextId } = message;
    if (serve !== undefined && uint16Of(command, COMMAND_TAG.commandField) === COMMAND_FIELD.storeRequest) {
      const context = answered.get(contextId);
      const abstractSyntaxUid = proposed.find(({ id }) => id === contextId)?.abstractSyntaxUid;
      if (context?.result !== 0 || textOf(command, COMMAND_TAG.affectedSopClassUid) !== abstractSyntaxUid)
        throw unreachable(peer, 'it sent an object in a presentation context that was not agreed for it');
      await serveSubOperation(line, message, context.transferSyntaxUid, serve);
      return null;
    }
    const status = uint16Of(command, COMMAND_TAG.status);
    const commandField = uint16Of(command, COMMAND_TAG.commandField) ?? 0;
    if (
      (commandField & COMMAND_FIELD.response) === 0 ||
      status === null ||
      uint16Of(command, COMMAND_TAG.messageIdBeingRespondedTo) !== messageId
    ) {
      throw unreachable(peer, 'it answered something other than what was asked');
    }
    const hasDataSet = uint16Of(command, COMMAND_TAG.dataSetType) !== NO_DATA_SET;
    return { status, command, dataSet: hasDataSet ? (await collect(line, false, MAX_IDENTIFIER_BYTES)).bytes : null };
  };

  const request: DimseAssociation['request'] = async function* (contextId, commandField, elements, dataSet, serve) {
    lastMessageId = (lastMessageId % 0xffff) + 1;
    const messageId = lastMessageId;
    const command = writeCommand(
      new Map<number, ElementValue>([
        ...elements,
        [COMMAND_TAG.commandField, commandField],
        [COMMAND_TAG.messageId, messageId],
      ]),
      dataSet !== undefined,
    );
    await line.guard('sending', () => sendMessage(line, fragmentBytes, { contextId, command, dataSet }));
    for (;;) {
      const response = await line.guard('waiting for an answer', () =>
        line.within('no answer to the request', receive(messageId, serve)),
      );
      if (response === null) continue;
      yield response;
      // 0xFF00 and 0xFF01: pending, more to come (PS3.4 C.4.1.1.4).
      if ((response.status & 0xfffe) !== 0xff00) return;
    }
  };

  return {
    contextFor: (abstractSyntaxUid, transferSyntaxUid) => {
      const context = proposed.find(
        (candidate) =>
          candidate.abstractSyntaxUid === abstractSyntaxUid && candidate.transferSyntaxUid === transferSyntaxUid,
      );
      if (context === undefined)
        return { refusal: `SOP class ${abstractSyntaxUid} in transfer syntax ${transferSyntaxUid} was not proposed` };
      const result = answered.get(context.id);
      if (result?.result === 0 && result.transferSyntaxUid === transferSyntaxUid) return { id: context.id };
      return {
        refusal: `SOP class ${abstractSyntaxUid} in transfer syntax ${transferSyntaxUid} was not accepted: ${contextRefusal(result?.result)}`,
      };
    },
    isScpOf: (abstractSyntaxUid) => answer.asScp.has(abstractSyntaxUid),
    request,
    finalResponse: async (...message) => {
      for await (const response of request(...message)) return response;
      throw new Error('A request ended without a response and without an error.');
    },
    eventReport: incoming.eventReport,
    release: async () => {
      try {
        await line.write(RELEASE_REQUEST);
        await line.within('no answer to the release request', line.nextPdu());
      } catch {
        // Every answer that matters has arrived before the release.
      } finally {
        line.close();
      }
    },
    abort: () => {
      line.abort();
    },
  };
}

/** Sends a command and its data set, in fragments of at most `fragmentBytes`. */
async function sendMessage(
  line: Line,
  fragmentBytes: number,
  { contextId, command, dataSet }: { contextId: number; command: Buffer; dataSet: DataSetSource | undefined },
): Promise<void> {
  await line.write(writePdvHeader(contextId, true, true, command.length), command);
  if (dataSet === undefined) return;
  let sent = 0;
  // Only its successor, or the end, says whether a piece is the last one.
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of dataSet.pieces(fragmentBytes)) {
    if (held.length > 0) await line.write(writePdvHeader(contextId, false, false, held.length), held);
    sent += piece.length;
    held = piece;
  }
  if (dataSet.lengthBytes !== null && sent !== dataSet.lengthBytes)
    throw new TriageError('dicom-unreadable', 'A file changed its length while it was sent.');
  await line.write(writePdvHeader(contextId, false, true, held.length), held);
}

interface IncomingCommand {
  command: ReadonlyMap<number, Buffer>;
  contextId: number;
}
type ServeSubOperation = (operation: SubOperation) => Promise<SubOperationAnswer>;

/** Hands a C-STORE of the peer on, and answers it with what became of it. */
async function serveSubOperation(
  line: Line,
  { command, contextId }: IncomingCommand,
  transferSyntaxUid: string,
  serve: ServeSubOperation,
): Promise<void> {
  const sopClassUid = textOf(command, COMMAND_TAG.affectedSopClassUid);
  const sopInstanceUid = textOf(command, COMMAND_TAG.affectedSopInstanceUid);
  if (uint16Of(command, COMMAND_TAG.dataSetType) === NO_DATA_SET)
    throw unreachable(line.peer, 'it sent an object without a data set');
  const fragments = dataSetFragments(line, contextId);
  const { status, errorComment } = await serve({ sopClassUid, sopInstanceUid, transferSyntaxUid, fragments });
  for (let rest = await fragments.next(); rest.done !== true;) rest = await fragments.next();
  const answer = writeCommand(
    new Map<number, ElementValue>([
      [COMMAND_TAG.affectedSopClassUid, sopClassUid],
      [COMMAND_TAG.commandField, COMMAND_FIELD.storeRequest | COMMAND_FIELD.response],
      [COMMAND_TAG.messageIdBeingRespondedTo, uint16Of(command, COMMAND_TAG.messageId) ?? 0],
      [COMMAND_TAG.status, status],
      ...(errorComment === '' ? [] : ([[COMMAND_TAG.errorComment, errorComment]] as const)),
      [COMMAND_TAG.affectedSopInstanceUid, sopInstanceUid],
    ]),
    false,
  );
  await line.write(writePdvHeader(contextId, true, true, answer.length), answer);
}

/** The data set of the command that has just come. Goes on where a reader has stopped, so it is no generator, which would end there. */
function dataSetFragments(line: Line, contextId: number): AsyncIterableIterator<Buffer> {
  let isOver = false;
  const iterator: AsyncIterableIterator<Buffer> = {
    [Symbol.asyncIterator]: () => iterator,
    next: async () => {
      if (isOver) return { done: true, value: undefined };
      const pdv = await line.nextPdv();
      if (pdv.isCommand || pdv.contextId !== contextId)
        throw unreachable(line.peer, 'it mixed up command and data set fragments');
      isOver = pdv.isLast;
      return { done: false, value: pdv.value };
    },
  };
  return iterator;
}

/** Commands of the peer. It may report events at any time (PS3.7 10.1.1): those are answered and kept until somebody asks for them. */
function incomingCommands(
  line: Line,
  clock: Clock,
): {
  /** The next command, or null when it reported an event. */
  next(): Promise<IncomingCommand | null>;
  eventReport: DimseAssociation['eventReport'];
} {
  const reports: Buffer[] = [];
  const next = async (): Promise<IncomingCommand | null> => {
    const { bytes, contextId } = await collect(line, true, MAX_COMMAND_BYTES);
    const command = readElements(bytes, LAST_COMMAND_TAG);
    if (uint16Of(command, COMMAND_TAG.commandField) !== COMMAND_FIELD.eventReportRequest) return { command, contextId };
    const hasReport = uint16Of(command, COMMAND_TAG.dataSetType) !== NO_DATA_SET;
    reports.push(hasReport ? (await collect(line, false, MAX_IDENTIFIER_BYTES)).bytes : Buffer.alloc(0));
    const answer = writeCommand(
      new Map<number, ElementValue>([
        [COMMAND_TAG.affectedSopClassUid, textOf(command, COMMAND_TAG.affectedSopClassUid)],
        [COMMAND_TAG.commandField, COMMAND_FIELD.eventReportRequest | COMMAND_FIELD.response],
        [COMMAND_TAG.messageIdBeingRespondedTo, uint16Of(command, COMMAND_TAG.messageId) ?? 0],
        [COMMAND_TAG.status, 0],
        [COMMAND_TAG.affectedSopInstanceUid, textOf(command, COMMAND_TAG.affectedSopInstanceUid)],
        [COMMAND_TAG.eventTypeId, uint16Of(command, COMMAND_TAG.eventTypeId) ?? 0],
      ]),
      false,
    );
    await line.write(writePdvHeader(contextId, true, true, answer.length), answer);
    return null;
  };
  const eventReport: DimseAssociation['eventReport'] = async (waitMs) => {
    const kept = reports.shift();
    if (kept !== undefined) return kept;
    const late = new AbortController();
    const cancel = clock.after(waitMs, () => {
      late.abort();
      line.close();
    });
    try {
      if ((await next()) !== null) throw unreachable(line.peer, 'it answered something other than what was asked');
      return reports.shift()!;
    } catch (error) {
      if (late.signal.aborted) return null;
      line.abort();
      throw error instanceof TriageError && error.code !== 'protocol-violation'
        ? error
        : unreachable(line.peer, connectionText(error, 'waiting for a report'), error);
    } finally {
      cancel();
    }
  };
  return { next, eventReport };
}

/** Joins the fragments of the next command or data set. */
async function collect(
  line: Line,
  isCommand: boolean,
  maxBytes: number,
): Promise<{ bytes: Buffer; contextId: number }> {
  const fragments: Buffer[] = [];
  let total = 0;
  for (;;) {
    const pdv = await line.nextPdv();
    if (pdv.isCommand !== isCommand) throw unreachable(line.peer, 'it mixed up command and data set fragments');
    total += pdv.value.length;
    if (total > maxBytes) throw unreachable(line.peer, `its answer is longer than ${maxBytes} bytes`);
    fragments.push(pdv.value);
    if (pdv.isLast) return { bytes: Buffer.concat(fragments), contextId: pdv.contextId };
  }
}

/** The connection below an association: writes with back-pressure, reads whole PDUs, and limits every wait absolutely. */
interface Line {
  readonly peer: DimsePeer;
  write(...parts: readonly Buffer[]): Promise<void>;
  nextPdu(): Promise<{ type: number; body: Buffer }>;
  nextPdv(): Promise<Pdv>;
  /** Waits at most `timeoutMs` in total, however many bytes drip in meanwhile. */
  within<T>(what: string, wait: Promise<T>): Promise<T>;
  /** Runs a step; any failure closes the connection and is thrown as a TriageError. */
  guard<T>(step: string, run: () => Promise<T>): Promise<T>;
  close(): void;
  abort(): void;
}

async function connectTo(peer: DimsePeer, clock: Clock): Promise<Line> {
  const socket = openSocket(peer);
  let late: string | null = null;
  // An error while nobody waits would end the process; the next read or write reports it.
  socket.on('error', () => undefined);

  const within = async <T>(what: string, wait: Promise<T>): Promise<T> => {
    const cancel = clock.after(peer.timeoutMs, () => {
      late = what;
      socket.destroy(new Error(what));
    });
    try {
      return await wait;
    } finally {
      cancel();
    }
  };

  const abort = (): void => {
    if (socket.destroyed) return;
    socket.end(USER_ABORT);
    // A peer that has stopped reading must not hold the socket.
    const cancel = clock.after(ABORT_LINGER_MS, () => socket.destroy());
    socket.once('close', cancel);
  };

  const guard = async <T>(step: string, run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      abort();
      if (late !== null) throw unreachable(peer, `${late} within ${peer.timeoutMs} ms`, error);
      if (error instanceof TriageError && error.code !== 'protocol-violation') throw error;
      throw unreachable(peer, error instanceof TriageError ? error.message : connectionText(error, step), error);
    }
  };

  await guard('connecting', () =>
    within('no connection', once(socket, peer.tls === undefined ? 'connect' : 'secureConnect')),
  );
  const pdus = readPdus(socket);
  const waiting: Pdv[] = [];

  const line: Line = {
    peer,
    guard,
    write: async (...parts) => {
      if (socket.destroyed || !socket.writable) throw new Error('the connection is closed');
      socket.cork();
      let room = true;
      for (const part of parts) room = socket.write(part);
      socket.uncork();
      if (!room) await within('it took no more bytes', drained(socket));
    },
    within,
    nextPdu: async () => {
      const next = await pdus.next();
      if (next.done === true) throw new Error('the connection was closed');
      return next.value;
    },
    nextPdv: async () => {
      while (waiting.length === 0) {
        const pdu = await line.nextPdu();
        if (pdu.type === PDU_TYPE.data) {
          waiting.push(...readPdvs(pdu.body));
        } else if (pdu.type === PDU_TYPE.releaseRequest) {
          socket.write(RELEASE_RESPONSE);
          throw unreachable(peer, 'it released the association before answering');
        } else {
          throw unreachable(
            peer,
            pdu.type === PDU_TYPE.abort
              ? 'it aborted the association'
              : `it sent ${pduName(pdu.type)} in the middle of the association`,
          );
        }
      }
      return waiting.shift()!;
    },
    close: () => {
      socket.destroy();
    },
    abort,
  };
  return line;
}

/** @throws TriageError `config-invalid` when a certificate cannot be read or used */
function openSocket({ host, port, tls }: DimsePeer): Socket {
  // Small messages in both directions: without TCP_NODELAY each one waits for a delayed acknowledgement.
  const where = { host, port, noDelay: true };
  if (tls === undefined) return connect(where);
  const material = tls();
  try {
    return connectTls({
      ...where,
      ...TLS_PROFILE,
      ...tlsOptionsTo(host, material),
    });
  } catch (error) {
    throw new TriageError(
      'config-invalid',
      `The certificate for ${host}:${port} cannot be used: ${messageOf(error)}.`,
      {
        cause: error,
      },
    );
  }
}

async function drained(socket: Socket): Promise<void> {
  const stop = new AbortController();
  try {
    await Promise.race([
      once(socket, 'drain', { signal: stop.signal }),
      once(socket, 'close', { signal: stop.signal }),
    ]);
  } finally {
    stop.abort();
  }
}

async function* readPdus(socket: Socket): AsyncGenerator<{ type: number; body: Buffer }, void, undefined> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= PDU_HEADER_BYTES) {
      const length = held.readUInt32BE(2);
      if (length > MAX_PDU_LENGTH_BYTES)
        throw new TriageError(
          'protocol-violation',
          `The peer sent a PDU of ${length} bytes; ${MAX_PDU_LENGTH_BYTES} were agreed.`,
        );
      if (held.length < PDU_HEADER_BYTES + length) break;
      yield { type: held[0]!, body: held.subarray(PDU_HEADER_BYTES, PDU_HEADER_BYTES + length) };
      held = held.subarray(PDU_HEADER_BYTES + length);
    }
  }
}

function unreachable(peer: DimsePeer, what: string, cause?: unknown): TriageError {
  return new TriageError('pacs-unreachable', `${peer.aeTitle} at ${peer.host}:${peer.port}: ${what}.`, {
    cause,
    context: { destination: peer.name },
  });
}

const CONNECTION_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused): check that the PACS runs, and its port',
  ENOTFOUND: 'the host name is not known: check it, or give the address',
  EAI_AGAIN: 'the host name cannot be looked up: check it, or give the address',
  EHOSTUNREACH: 'the host cannot be reached: check the address and the firewall',
  ENETUNREACH: 'the network cannot be reached: check the address and the firewall',
  ETIMEDOUT: 'the host does not answer: check the address and the firewall',
};
const CUT_CODES = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'];

function connectionText(error: unknown, step: string): string {
  const code = (error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined) ?? '';
  if (CUT_CODES.includes(code)) return `the connection was cut while ${step}`;
  return CONNECTION_TEXTS[code] ?? tlsText(code) ?? `${messageOf(error)} while ${step}`;
}

/** PS3.8 table 9-21, and what the operator can do about each reason. */
function rejectionText(peer: DimsePeer, { result, source, reason }: AssociationRejection): string {
  const because = (): string => {
    if (source === 1 && reason === 3)
      return `it does not know the calling AE title "${peer.callingAeTitle}"; register it in the PACS, or set another callingAeTitle`;
    if (source === 1 && reason === 7) return `it is not called "${peer.aeTitle}"; check the AE title of the PACS`;
    if (source === 1 && reason === 2) return 'it does not support the application context';
    if (source === 2 && reason === 2) return 'it does not support the protocol version';
    if (source === 3 && reason === 1) return 'temporary congestion; it is tried again later';
    if (source === 3 && reason === 2) return 'it has reached its limit of associations; it is tried again later';
    return 'it gave no reason; check the AE titles on both sides';
  };
  return `it rejected the association (${result === 2 ? 'transient' : 'permanent'}, source ${source}, reason ${reason}): ${because()}`;
}

/** PS3.8 table 9-18. */
const CONTEXT_REFUSALS: Readonly<Record<number, string>> = {
  0: 'the PACS chose another transfer syntax than the one proposed',
  1: 'rejected by the user of the PACS service',
  3: 'the PACS does not support the SOP class',
  4: 'the PACS does not support the transfer syntax',
};

function contextRefusal(result: number | undefined): string {
  return result === undefined
    ? 'the PACS did not answer for it'
    : (CONTEXT_REFUSALS[result] ?? 'the PACS gave no reason');
}

function pduName(type: number): string {
  const found = Object.entries(PDU_TYPE).find(([, value]) => value === type);
  return type === PDU_TYPE.abort ? 'an abort' : `PDU type ${type}${found === undefined ? '' : ` (${found[0]})`}`;
}
