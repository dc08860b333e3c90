import { messageOf, TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import {
  httpExchange,
  httpStream,
  type HttpAnswer,
  type HttpQuestion,
  type HttpStreamed,
  type HttpVia,
} from './httpExchange.ts';
import { tlsText } from './peerTls.ts';

/** A service reached by DICOMweb (PS3.18). */
export interface DicomWebService {
  name: string;
  /** Base of the service: `<url>/studies`. */
  url: string;
  /** Asked for at each request and sent with it, for example Authorization: a renewed token is used at once. */
  headers?: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** Called when the service does not take the credentials; true when others are worth one more attempt. */
  renewCredentials?: () => boolean;
  /** Certificates and proxy. */
  via?: HttpVia;
  /** Time limit for one request, from its start to the last byte of its answer; of an answer that is streamed, its longest silence. */
  timeoutMs: number;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Asks the service over HTTP. Redirects are not followed: results go only where the site configured. */
export interface Asker {
  /** @throws TriageError `pacs-unreachable` */
  ask(path: string, question: HttpQuestion): Promise<HttpAnswer>;
  /** An answer whose body is read as it comes; the caller must read or destroy it. @throws TriageError `pacs-unreachable` */
  stream(path: string, headers: Readonly<Record<string, string>>): Promise<HttpStreamed>;
  /** Data sets that answer a query. @throws TriageError `pacs-unreachable` */
  query(path: string, emptyStatuses: readonly number[]): Promise<JsonDataset[]>;
}

export function unreachableBy(service: DicomWebService): (what: string, cause?: unknown) => TriageError {
  const base = service.url.replace(/\/+$/, '');
  return (what, cause) =>
    new TriageError('pacs-unreachable', `${base}: ${what}.`, { cause, context: { destination: service.name } });
}

export function createAsker(service: DicomWebService, clock: Clock): Asker {
  const base = service.url.replace(/\/+$/, '');
  const unreachable = unreachableBy(service);
  const { timeoutMs, via = {} } = service;

  /** Tries once more with renewed credentials where those at hand are not taken. */
  const withCredentials = async <Answer extends { status: number }>(
    headers: Readonly<Record<string, string>>,
    send: (headers: Readonly<Record<string, string>>) => Promise<Answer>,
  ): Promise<Answer> => {
    const attempt = async () => send({ ...(await service.headers?.()), ...headers });
    try {
      const answer = await attempt();
      return answer.status === 401 && service.renewCredentials?.() === true ? await attempt() : answer;
    } catch (error) {
      if (error instanceof TriageError)
        throw error.code === 'pacs-unreachable' ? error : unreachable(error.message.replace(/\.$/, ''), error);
      throw unreachable(networkText(error), error);
    }
  };
  const ask: Asker['ask'] = (path, question) =>
    withCredentials(question.headers, (headers) =>
      httpExchange(`${base}${path}`, { ...question, headers }, via, {
        timeoutMs,
        maxAnswerBytes: MAX_ANSWER_BYTES,
        clock,
      }),
    );

  return {
    ask,
    stream: (path, wanted) =>
      withCredentials(wanted, async (headers) => {
        const answer = await httpStream(`${base}${path}`, { method: 'GET', headers }, via, { timeoutMs, clock });
        if (answer.status === 401) answer.body.destroy();
        return answer;
      }),
    query: async (path, emptyStatuses) => {
      const answer = await ask(path, { method: 'GET', headers: { Accept: 'application/dicom+json' } });
      if (emptyStatuses.includes(answer.status) || (answer.status === 200 && answer.body.trim() === '')) return [];
      if (answer.status !== 200) throw unreachable(httpText(answer.status));
      return (
        datasetsOf(answer.body) ??
        Promise.reject(unreachable('it answered the query with something other than DICOM JSON'))
      );
    },
  };
}

export type JsonDataset = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonDataset =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Data sets of a DICOM JSON text, or null when it is not one. A store response may stand alone, without an array. */
export function datasetsOf(text: string): JsonDataset[] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    const list: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    return list.every(isObject) ? list : null;
  } catch {
    return null;
  }
}

export function valuesOf(dataset: JsonDataset | undefined, tag: string): unknown[] {
  const element = dataset?.[tag];
  return isObject(element) && Array.isArray(element['Value']) ? (element['Value'] as unknown[]) : [];
}

export function itemsOf(dataset: JsonDataset | undefined, tag: string): JsonDataset[] {
  return valuesOf(dataset, tag).filter(isObject);
}

export function firstValue(dataset: JsonDataset, tag: string): string {
  const [value] = valuesOf(dataset, tag);
  return typeof value === 'string' ? value : '';
}

export function numberOf(dataset: JsonDataset, tag: string): number | null {
  const value = Number(valuesOf(dataset, tag)[0] ?? Number.NaN);
  return Number.isInteger(value) ? value : null;
}

const HTTP_TEXTS: Readonly<Record<number, string>> = {
  401: 'it wants other credentials: check auth',
  403: 'these credentials may not do this: allow the agent in the PACS',
  404: 'there is no such service at this address: check url',
  409: 'it stored none of the instances',
  413: 'the object is larger than it takes',
  415: 'it does not take this kind of object',
  429: 'it asks for fewer requests',
};

export function httpText(status: number): string {
  const text =
    HTTP_TEXTS[status] ??
    (status >= 300 && status < 400
      ? 'it redirects, which is not followed: set url to where it points'
      : status >= 500
        ? 'the service failed'
        : 'unexpected answer');
  return `HTTP ${status}: ${text}`;
}

const NETWORK_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused): check that the PACS runs, and the port in url',
  ENOTFOUND: 'the host name is not known: check url',
  EAI_AGAIN: 'the host name cannot be looked up: check url',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
};

export function networkText(error: unknown): string {
  const code = (error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined) ?? '';
  return NETWORK_TEXTS[code] ?? tlsText(code) ?? messageOf(error);
}
