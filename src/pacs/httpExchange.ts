import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { tlsOptionsTo, type PeerTls } from './peerTls.ts';

/** How a service is reached; what comes from files is read at each request, so that renewed ones need no restart. */
export interface HttpVia {
  /** For https: certificates of this side, and authorities of the other. Absent: those of the operating system, and none is shown. */
  tls?: (() => PeerTls) | undefined;
  /** An HTTP proxy, with its Proxy-Authorization. */
  proxy?: (() => { url: string; authorization: string | null }) | undefined;
}

export interface HttpQuestion {
  method: 'GET' | 'POST';
  headers: Readonly<Record<string, string>>;
  body?: Uint8Array | string;
  /** Ends the request. */
  signal?: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  body: string;
}

/** An answer whose body has not been read. */
export interface HttpStreamed {
  status: number;
  contentType: string;
  contentEncoding: string;
  body: IncomingMessage;
}

interface TimeLimit {
  timeoutMs: number;
  clock: Pick<Clock, 'after'>;
}

/** Its time limit is from the start to the last byte of the answer. */
interface Limits extends TimeLimit {
  maxAnswerBytes: number;
}

/**
 * One request on a connection of its own. Redirects are not followed. Written on node:http and node:https rather than on fetch, which takes neither certificates nor a
 * proxy without a package.
 *
 * @throws Error of the network, with its code; or one that says which limit was reached
 */
export async function httpExchange(
  address: string,
  question: HttpQuestion,
  via: HttpVia,
  { maxAnswerBytes, ...limit }: Limits,
): Promise<HttpAnswer> {
  return withinTime(limit, async (overdue) => {
    const request = await requestTo(new URL(address), question, via, overdue);
    const response = await responseOf(request, question.body);
    return { status: response.statusCode ?? 0, body: await textOf(response, maxAnswerBytes) };
  });
}

/**
 * One request as {@link httpExchange}, whose answer is read as it comes. The time limit is for its head, then for each silence: the body ends with an error
 * after a longer one.
 *
 * @throws Error of the network, with its code; or one that says which limit was reached
 */
export async function httpStream(
  address: string,
  question: HttpQuestion,
  via: HttpVia,
  limit: TimeLimit,
): Promise<HttpStreamed> {
  const body = await withinTime(limit, async (overdue) => {
    const request = await requestTo(new URL(address), question, via, overdue);
    return responseOf(request, question.body);
  });
  body.setTimeout(limit.timeoutMs, () => body.destroy(new Error(`it was silent for ${limit.timeoutMs} ms`)));
  const { statusCode = 0, headers } = body;
  const { 'content-type': contentType = '', 'content-encoding': contentEncoding = '' } = headers;
  return { status: statusCode, contentType, contentEncoding, body };
}

async function withinTime<Result>(
  { timeoutMs, clock }: TimeLimit,
  work: (overdue: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const overdue = new AbortController();
  const cancel = clock.after(timeoutMs, () => overdue.abort());
  try {
    return await work(overdue.signal);
  } catch (error) {
    throw overdue.signal.aborted ? new Error(`no answer within ${timeoutMs} ms`, { cause: error }) : error;
  } finally {
    cancel();
  }
}

async function requestTo(
  url: URL,
  { method, headers, signal: stopping }: HttpQuestion,
  via: HttpVia,
  overdue: AbortSignal,
): Promise<ClientRequest> {
  const signal = stopping === undefined ? overdue : AbortSignal.any([overdue, stopping]);
  const options = { method, headers: { ...headers, 'Accept-Encoding': 'identity' }, signal };
  const alone = { ...options, agent: false } as const;
  const proxy = via.proxy?.();
  if (url.protocol === 'https:') {
    const tls = tlsOptionsTo(hostOf(url), via.tls?.() ?? {});
    if (proxy === undefined) return httpsRequest(url, { ...alone, ...tls });
    const socket = await tunnel(url, proxy, signal);
    // Without an agent, which would connect by itself.
    return httpsRequest(url, { ...options, createConnection: () => connectTls({ ...tls, socket }) });
  }
  if (proxy === undefined) return httpRequest(url, alone);
  return toProxy(proxy, { ...alone, path: url.href, headers: { ...options.headers, Host: url.host } });
}

/** A connection through the proxy to the host of `url` (RFC 9110 9.3.6). */
async function tunnel(
  url: URL,
  proxy: { url: string; authorization: string | null },
  signal: AbortSignal,
): Promise<Socket> {
  const path = `${url.hostname}:${url.port === '' ? '443' : url.port}`;
  const request = toProxy(proxy, { method: 'CONNECT', path, headers: { Host: path }, agent: false, signal });
  return new Promise((resolve, reject) => {
    request.once('error', (error) => reject(new Error(`the proxy ${proxy.url} cannot be reached: ${error.message}`)));
    request.once('connect', ({ statusCode = 0 }: IncomingMessage, socket: Socket) => {
      if (statusCode === 200) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new Error(`the proxy ${proxy.url} answered HTTP ${statusCode}: check proxy`));
    });
    request.end();
  });
}

function toProxy(
  { url, authorization }: { url: string; authorization: string | null },
  options: RequestOptions,
): ClientRequest {
  const headers = {
    ...(options.headers as Record<string, string>),
    ...(authorization === null ? {} : { 'Proxy-Authorization': authorization }),
  };
  return (new URL(url).protocol === 'https:' ? httpsRequest : httpRequest)(url, { ...options, headers });
}

function responseOf(request: ClientRequest, body: HttpQuestion['body']): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Also after the response, when a peer that has answered reads no more.
    request.on('error', reject);
    request.end(body);
  });
}

async function textOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > maxBytes) throw new Error(`its answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Without the brackets of an IPv6 address. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}
