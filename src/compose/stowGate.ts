import { request as send, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Receiver } from '../receive/receiverProcess.ts';
import { STOW_HEADERS } from '../receive/stowServer.ts';
import type { StowGate } from '../web/stowGate.ts';

const PASSED_HEADERS = ['content-type', 'content-length', 'content-encoding', 'accept'] as const;
const RETRY_AFTER_SECONDS = '10';

/** Sends STOW-RS requests to the receiver's process: bytes from the network are read there, and not in the process that holds the database. */
export function createStowGate(secret: string | null, receiver: () => Pick<Receiver, 'stowPort'> | null): StowGate {
  return async (request, response, { aeTitle, address, studyInstanceUid }) => {
    if (secret === null) {
      refuse(
        response,
        404,
        'not-found',
        'STOW-RS is not switched on here: set receive.stow, on the agent that receives.',
      );
      return;
    }
    const port = receiver()?.stowPort() ?? null;
    if (port === null) {
      refuse(response, 503, 'receiver-died', 'The receiver is being started; send it again in a moment.');
      return;
    }
    const handedOn = send({
      host: '127.0.0.1',
      port,
      method: 'POST',
      path: studyInstanceUid === null ? '/studies' : `/studies/${studyInstanceUid}`,
      headers: {
        ...Object.fromEntries(
          PASSED_HEADERS.flatMap((name) =>
            request.headers[name] === undefined ? [] : [[name, request.headers[name]]],
          ),
        ),
        [STOW_HEADERS.secret]: secret,
        [STOW_HEADERS.source]: aeTitle,
        [STOW_HEADERS.address]: address,
      },
    });
    const answer = await answerOf(handedOn, request, response);
    if (answer === null) {
      if (!response.destroyed)
        refuse(response, 503, 'receiver-died', 'The receiver ended in the middle of the request; send it again.');
      return;
    }
    response.statusCode = answer.statusCode ?? 502;
    for (const name of ['content-type', 'retry-after', 'warning'] as const) {
      const value = answer.headers[name];
      if (value !== undefined) response.setHeader(name, value);
    }
    await pipeline(answer, response).catch(() => undefined);
    handedOn.destroy();
  };
}

/** The receiver's answer, which may come before the whole request has been read; null when either side is gone. */
function answerOf(
  handedOn: ClientRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<IncomingMessage | null> {
  return new Promise((resolve) => {
    handedOn.once('response', (answer) => {
      request.unpipe(handedOn);
      resolve(answer);
    });
    handedOn.on('error', () => resolve(null));
    // A sender that goes away in the middle ends its request here too.
    response.once('close', () => {
      if (!response.writableFinished) handedOn.destroy();
      resolve(null);
    });
    request.pipe(handedOn);
  });
}

function refuse(response: ServerResponse, status: number, error: string, message: string): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json');
  if (status === 503) response.setHeader('Retry-After', RETRY_AFTER_SECONDS);
  response.end(JSON.stringify({ error, message }));
}
