import { isReadableUid } from '../dicom/uids.ts';
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
} from './commandSet.ts';
import { violation, writePdvHeader } from './pdu.ts';

/** A C-STORE-RQ, C-ECHO-RQ, N-ACTION-RQ or N-EVENT-REPORT-RQ (PS3.7 9.3.1, 9.3.5, 10.3.4, 10.3.1): the requests that our acceptor serves. */
export type DimseRequest =
  | { kind: 'echo'; messageId: number; affectedSopClassUid: string }
  | { kind: 'store'; messageId: number; affectedSopClassUid: string; affectedSopInstanceUid: string }
  | ActionRequest
  | EventReportRequest;

export interface ActionRequest {
  kind: 'action';
  messageId: number;
  requestedSopClassUid: string;
  requestedSopInstanceUid: string;
  actionTypeId: number;
}

export interface EventReportRequest {
  kind: 'event-report';
  messageId: number;
  affectedSopClassUid: string;
  affectedSopInstanceUid: string;
  eventTypeId: number;
}

/**
 * Reads a whole command set (PS3.7 6.3.1): elements of group 0000 in ascending order that fill it exactly.
 *
 * @throws TriageError `protocol-violation`, also for commands that are not served
 */
export function readRequest(bytes: Buffer): DimseRequest {
  const elements = readElements(bytes, LAST_COMMAND_TAG);
  const tags = [...elements.keys()];
  const readBytes = [...elements.values()].reduce((sum, value) => sum + 8 + value.length, 0);
  if (bytes.length === 0 || readBytes !== bytes.length || tags.some((tag, index) => tag <= (tags[index - 1] ?? -1)))
    throw violation('a command set is broken');
  const number = (tag: number): number => uint16Of(elements, tag) ?? missing(tag);
  const uid = (tag: number): string => {
    const value = textOf(elements, tag);
    return value === '' || value.includes('\\') ? missing(tag) : value;
  };
  const commandField = number(COMMAND_TAG.commandField);
  const messageId = number(COMMAND_TAG.messageId);
  const hasDataSet = number(COMMAND_TAG.dataSetType) !== NO_DATA_SET;
  if (commandField === COMMAND_FIELD.actionRequest && hasDataSet)
    return {
      kind: 'action',
      messageId,
      requestedSopClassUid: uid(COMMAND_TAG.requestedSopClassUid),
      requestedSopInstanceUid: uid(COMMAND_TAG.requestedSopInstanceUid),
      actionTypeId: number(COMMAND_TAG.actionTypeId),
    };
  const affectedSopClassUid = uid(COMMAND_TAG.affectedSopClassUid);
  if (commandField === COMMAND_FIELD.echoRequest && !hasDataSet)
    return { kind: 'echo', messageId, affectedSopClassUid };
  if (commandField === COMMAND_FIELD.storeRequest && hasDataSet)
    return {
      kind: 'store',
      messageId,
      affectedSopClassUid,
      affectedSopInstanceUid: uid(COMMAND_TAG.affectedSopInstanceUid),
    };
  if (commandField === COMMAND_FIELD.eventReportRequest && hasDataSet)
    return {
      kind: 'event-report',
      messageId,
      affectedSopClassUid,
      affectedSopInstanceUid: uid(COMMAND_TAG.affectedSopInstanceUid),
      eventTypeId: number(COMMAND_TAG.eventTypeId),
    };
  throw violation(
    `command 0x${commandField.toString(16).padStart(4, '0')}${hasDataSet ? ' with' : ' without'} a data set is not served`,
  );
}

function missing(tag: number): never {
  throw violation(`a command set has no (0000,${tag.toString(16).padStart(4, '0')}), or not just one`);
}

const FIELD_OF = {
  echo: COMMAND_FIELD.echoRequest,
  store: COMMAND_FIELD.storeRequest,
  action: COMMAND_FIELD.actionRequest,
  'event-report': COMMAND_FIELD.eventReportRequest,
} as const;

function subjectOf(request: DimseRequest): { sopClassUid: string; sopInstanceUid: string | null } {
  if (request.kind === 'action')
    return { sopClassUid: request.requestedSopClassUid, sopInstanceUid: request.requestedSopInstanceUid };
  return {
    sopClassUid: request.affectedSopClassUid,
    sopInstanceUid: request.kind === 'echo' ? null : request.affectedSopInstanceUid,
  };
}

/** Maximum length of an LO value in characters (PS3.5 6.2). */
const ERROR_COMMENT_CHARACTERS = 64;

/** The response to a request as a whole P-DATA-TF (PS3.7 9.3.1.2, 9.3.5.2, 10.3.4.2, 10.3.1.2). `errorComment` is cut to its VR's length and must be free of PHI. */
export function writeResponse(request: DimseRequest, contextId: number, status: number, errorComment?: string): Buffer {
  const elements = new Map<number, ElementValue>([
    [COMMAND_TAG.commandField, FIELD_OF[request.kind] | COMMAND_FIELD.response],
    [COMMAND_TAG.messageIdBeingRespondedTo, request.messageId],
    [COMMAND_TAG.status, status],
  ]);
  const { sopClassUid, sopInstanceUid } = subjectOf(request);
  // An invalid UID is not echoed: it could not be encoded as a UID.
  if (isReadableUid(sopClassUid)) elements.set(COMMAND_TAG.affectedSopClassUid, sopClassUid);
  if (sopInstanceUid !== null && isReadableUid(sopInstanceUid))
    elements.set(COMMAND_TAG.affectedSopInstanceUid, sopInstanceUid);
  if (request.kind === 'action') elements.set(COMMAND_TAG.actionTypeId, request.actionTypeId);
  if (request.kind === 'event-report') elements.set(COMMAND_TAG.eventTypeId, request.eventTypeId);
  if (errorComment !== undefined)
    elements.set(COMMAND_TAG.errorComment, errorComment.replace(/[^ -[\]-~]/g, '?').slice(0, ERROR_COMMENT_CHARACTERS));
  const command = writeCommand(elements, false);
  return Buffer.concat([writePdvHeader(contextId, true, true, command.length), command]);
}
