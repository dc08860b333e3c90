import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hex16 } from '../base/hex16.ts';
import { TriageError, messageOf } from '../base/errors.ts';
import { closeHttpServer } from '../base/closeHttpServer.ts';
import type { Log } from '../base/log.ts';
import { isReadableUid } from '../dicom/uids.ts';
import { createAssociationPolicy } from './associationPolicy.ts';
import { readMediaType } from '../base/mediaType.ts';
import { readMultipart } from './multipartRelated.ts';
import type { ReceiveConfig, ReceiveStow } from './receiveConfig.ts';
import type { Refusal } from './refusals.ts';
import { notOf, type OnlyOf } from './incomingObject.ts';
import type { Spool } from './spool.ts';
import type { StorageScpListener } from './storageScp.ts';
import { countsOf, stowAnswer, stowRefusal, type StowAnswer } from './stowAnswer.ts';
import { createStowParts, type StowOutcome } from './stowRequest.ts';

/** Headers that the agent puts on a request that it hands on, and this server on its answer. */
export const STOW_HEADERS = {
  secret: 'x-odontoid-secret',
  source: 'x-odontoid-source',
  address: 'x-odontoid-address',
  /** Only on what the agent fetches itself: Patient ID of the study, URI-encoded, empty where it is not known. */
  patient: 'x-odontoid-patient',
  stored: 'x-odontoid-stored',
  refused: 'x-odontoid-refused',
  /** How many of those were refused for their class or transfer syntax. */
  unsupported: 'x-odontoid-unsupported',
} as const;

export interface StowServer {
  port: number;
  /** Takes no more requests, lets open ones finish for at most `graceMs`, and ends. */
  close(graceMs: number): Promise<void>;
}

interface StowServerOptions {
  config: ReceiveConfig;
  stow: ReceiveStow;
  spool: Spool;
  log: Log;
  listener: Omit<StorageScpListener, 'commitmentAsked' | 'commitmentReported'>;
  idPrefix: string;
  /** Shared with the associations: a request counts as one. */
  open: Map<string, string>;
}

/**
 * STOW-RS (PS3.18 10.5) on loopback, in the process that also serves associations: one request is an association to everything behind it. The page's server
 * has let the sender in.
 */
export async function startStowServer(options: StowServerOptions): Promise<StowServer> {
  const { config, stow, log } = options;
  const secret = Buffer.from(stow.secret);
  let count = 0;
  const server = createServer((request, response) => {
    const shown = Buffer.from(header(request, STOW_HEADERS.secret));
    if (shown.length !== secret.length || !timingSafeEqual(shown, secret)) {
      request.destroy();
      return;
    }
    // A sender may stand still for as long as one of an association; an archive that the agent asks, as long as the agent waits for it.
    if (request.headers[STOW_HEADERS.patient] === undefined)
      request.socket.setTimeout(config.idleTimeoutMs, () => request.destroy());
    serve(options, `${options.idPrefix}.stow.${++count}`, request)
      .then((answer) => send(response, answer))
      .catch((error: unknown) => {
        log.error('a STOW-RS request ended because of a bug', { error });
        response.destroy();
      });
  });
  // Slow senders are ended by the idle timeout; a large study may take long.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(stow.port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: (graceMs) => closeHttpServer(server, graceMs),
  };
}

/** Null when the sender is gone, and nobody waits for an answer. */
async function serve(
  options: StowServerOptions,
  associationId: string,
  request: IncomingMessage,
): Promise<StowAnswer | null> {
  const { config, listener, open, log } = options;
  const aeTitle = header(request, STOW_HEADERS.source);
  const address = header(request, STOW_HEADERS.address);
  const accepted = acceptedRequest(request);
  if ('status' in accepted) {
    listener.refused(associationId, {
      kind: 'association',
      callingAeTitle: aeTitle,
      address,
      what: '',
      why: `STOW-RS: ${accepted.warning}`,
    });
    return accepted;
  }
  if (open.size >= config.maxAssociations) {
    const why = 'the limit of open associations is reached';
    listener.refused(associationId, { kind: 'association', callingAeTitle: aeTitle, address, what: '', why });
    return stowRefusal(503, 'association-refused', 'Too many studies are arriving at once; send it again in a minute.');
  }
  open.set(associationId, aeTitle);
  log.info('STOW-RS request opened', { associationId, aeTitle, address });
  listener.opened(associationId, aeTitle, address);
  let end: Awaited<ReturnType<typeof storeParts>> = { clean: false, answer: null };
  try {
    end = await storeParts(options, associationId, request, { ...accepted, aeTitle, address });
  } finally {
    // Whatever happens: a study waits for the end of each association that brings it.
    open.delete(associationId);
    log.info('STOW-RS request ended', { associationId, aeTitle, address, reason: end.clean ? 'released' : 'cut' });
    listener.ended(associationId, end.clean ? 'released' : 'broken');
  }
  return end.answer;
}

interface AcceptedRequest {
  boundary: string;
  only: OnlyOf;
  /** The agent asked for it: nobody sends what is refused. */
  isFetched: boolean;
}

/** What the head of the request asks for, or why it is refused. */
function acceptedRequest(request: IncomingMessage): AcceptedRequest | StowAnswer {
  const study = /^\/studies(?:\/([^/?]+))?$/.exec(request.url ?? '');
  if (request.method !== 'POST' || study === null)
    return stowRefusal(404, 'not-found', 'Post to /studies or /studies/{study}.');
  const studyInstanceUid = study[1] ?? null;
  if (studyInstanceUid !== null && !isReadableUid(studyInstanceUid))
    return stowRefusal(400, 'command-invalid', 'The address names a study whose UID is none.');
  const accept = header(request, 'accept');
  if (accept !== '' && !/application\/(dicom\+json|\*|json)|\*\/\*/i.test(accept))
    return stowRefusal(406, 'not-acceptable', 'Answers are application/dicom+json: accept that.');
  const media = readMediaType(header(request, 'content-type'));
  const parts = media?.parameters.get('type')?.toLowerCase() ?? 'application/dicom';
  if (
    media?.type !== 'multipart/related' ||
    parts !== 'application/dicom' ||
    header(request, 'content-encoding') !== ''
  )
    return stowRefusal(
      415,
      'unsupported-media-type',
      'Send multipart/related; type="application/dicom", with whole DICOM files as parts and without a content encoding.',
    );
  const boundary = media.parameters.get('boundary') ?? '';
  // RFC 2046 5.1.1.
  if (!/^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary))
    return stowRefusal(400, 'protocol-violation', 'The Content-Type names no boundary of 1 to 70 characters.');
  const patientId = decodeURIComponent(header(request, STOW_HEADERS.patient));
  const isFetched = request.headers[STOW_HEADERS.patient] !== undefined;
  return { boundary, isFetched, only: { studyInstanceUid, patientId: patientId === '' ? null : patientId } };
}

/** Stores part after part; `clean` when the body came to its end, so that the sender has sent all it wanted to. */
async function storeParts(
  { config, stow, spool, listener, log }: StowServerOptions,
  associationId: string,
  request: IncomingMessage,
  { boundary, only, isFetched, aeTitle, address }: AcceptedRequest & { aeTitle: string; address: string },
): Promise<{ clean: boolean; answer: StowAnswer | null }> {
  const outcomes: StowOutcome[] = [];
  const tell = (
    kind: 'object' | 'abort',
    why: string,
    what = '',
    known: Pick<Refusal, 'studyInstanceUid' | 'header'> = {},
  ): void => listener.refused(associationId, { kind, callingAeTitle: aeTitle, address, what, why, ...known });
  const parts = createStowParts({
    spool,
    policy: createAssociationPolicy(config),
    sourceAeTitle: aeTitle,
    receivingAeTitle: config.aeTitle,
    only,
    stored: (instance) => listener.stored(associationId, instance),
    done: (outcome) => {
      outcomes.push(outcome);
      if (outcome.failure === null) return;
      const { status, error, header } = outcome.failure;
      // What was not asked for is on no list: its archive has it, and would never send it.
      const isForeign = isFetched && header !== null && notOf(header, only) !== null;
      const known = header === null || isForeign ? {} : { studyInstanceUid: header.studyInstanceUid, header };
      const statusText = hex16(status);
      log.warn('object refused', {
        associationId,
        aeTitle,
        sopInstanceUid: outcome.sopInstanceUid,
        status: statusText,
        error,
      });
      tell('object', `${statusText}: ${error.message}`, outcome.sopClassUid, known);
    },
  });
  try {
    await readMultipart(request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>, boundary, parts, {
      maxParts: stow.maxParts,
      maxBytes: stow.maxRequestBytes,
    });
    if (outcomes.length === 0)
      return { clean: true, answer: stowRefusal(400, 'protocol-violation', 'The request has no parts.') };
    return { clean: true, answer: stowAnswer(outcomes) };
  } catch (error) {
    await parts.discard();
    if (!(error instanceof TriageError)) {
      // The connection was cut, or stood still for too long.
      if (!request.destroyed) throw error;
      tell('abort', 'the sender closed the connection in the middle of a STOW-RS request');
      return { clean: false, answer: null };
    }
    tell('abort', messageOf(error));
    const status = error.code === 'object-too-large' ? 413 : 400;
    const already = outcomes.filter(({ failure }) => failure === null).length;
    const message = already === 0 ? error.message : `${error.message} ${already} instances before it are stored.`;
    return { clean: false, answer: { ...stowRefusal(status, error.code, message), counts: countsOf(outcomes) } };
  }
}

function send(response: ServerResponse, answer: StowAnswer | null): void {
  if (answer === null) {
    response.destroy();
    return;
  }
  response.statusCode = answer.status;
  response.setHeader('Content-Type', answer.contentType);
  for (const count of ['stored', 'refused', 'unsupported'] as const)
    response.setHeader(STOW_HEADERS[count], answer.counts[count]);
  if (answer.retryAfterSeconds !== null) response.setHeader('Retry-After', answer.retryAfterSeconds);
  // 299: a warning of no other kind (RFC 7234 5.5.7); the data set has no place for a sentence.
  if (answer.warning !== null)
    response.setHeader('Warning', `299 odontoid "${answer.warning.replace(/[^ !#-[\]-~]/g, '?')}"`);
  response.end(answer.body);
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}
