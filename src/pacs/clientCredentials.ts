import { messageOf, TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { httpExchange, type HttpVia } from './httpExchange.ts';

/** A client of an authorization server (RFC 6749 4.4). */
export interface OAuthClient {
  tokenUrl: string;
  clientId: string;
  /** Asked for at each request for a token. */
  clientSecret: () => string;
  /** Left out of the request when empty. */
  scope: string;
  /** `basic`: in the Authorization header; `body`: as parameters (RFC 6749 2.3.1). */
  clientAuth: 'basic' | 'body';
  timeoutMs: number;
}

/** Access tokens of a client: one is used until shortly before it expires, or until it is refused. */
export interface ClientCredentials {
  /** @throws TriageError `pacs-unreachable` when the server gives none */
  token(): Promise<string>;
  /** The next token is a new one. */
  forget(): void;
}

const MAX_ANSWER_BYTES = 65_536;
/** Of a token whose server does not say how long it is good. */
const UNSTATED_LIFE_MS = 300_000;
/** A token may expire on its way. */
const MARGIN_MS = 30_000;
const MARGIN_SHARE = 0.1;

export function createClientCredentials(client: OAuthClient, via: HttpVia, clock: Clock): ClientCredentials {
  let held: { token: string; untilMs: number } | null = null;
  let asking: Promise<string> | null = null;
  const ask = async (): Promise<string> => {
    const askedAtMs = clock.monotonicMs();
    const { token, lifeMs } = await newToken(client, via, clock);
    held = { token, untilMs: askedAtMs + lifeMs - Math.min(MARGIN_MS, lifeMs * MARGIN_SHARE) };
    return token;
  };
  return {
    token: () => {
      if (held !== null && clock.monotonicMs() < held.untilMs) return Promise.resolve(held.token);
      // Requests at the same time share one.
      asking ??= ask().finally(() => {
        asking = null;
      });
      return asking;
    },
    forget: () => {
      held = null;
    },
  };
}

async function newToken(
  { tokenUrl, clientId, clientSecret, scope, clientAuth, timeoutMs }: OAuthClient,
  via: HttpVia,
  clock: Clock,
): Promise<{ token: string; lifeMs: number }> {
  const failed = (what: string, cause?: unknown): TriageError =>
    new TriageError('pacs-unreachable', `No access token from ${tokenUrl}: ${what}.`, { cause });
  const secret = clientSecret();
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...(scope === '' ? {} : { scope }) });
  const headers: Record<string, string> = {
    'Content-Type': 'application/x-www-form-urlencoded',
    Accept: 'application/json',
  };
  if (clientAuth === 'basic') headers['Authorization'] = basicAuthorization(formEncoded(clientId), formEncoded(secret));
  else {
    form.set('client_id', clientId);
    form.set('client_secret', secret);
  }
  const answer = await httpExchange(tokenUrl, { method: 'POST', headers, body: form.toString() }, via, {
    timeoutMs,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    clock,
  }).catch((error: unknown) => Promise.reject(failed(messageOf(error), error)));
  const told = jsonObject(answer.body);
  if (answer.status !== 200) {
    // The code of RFC 6749 5.2; other texts might quote what was sent.
    const code = typeof told['error'] === 'string' && /^[a-z_]{1,40}$/.test(told['error']) ? ` (${told['error']})` : '';
    throw failed(`HTTP ${answer.status}${code}: check auth.clientId, clientSecret and scope`);
  }
  const { access_token: token, token_type: type, expires_in: seconds } = told;
  if (typeof token !== 'string' || !/^[!-~]+$/.test(token)) throw failed('its answer holds no access_token');
  if (typeof type === 'string' && type.toLowerCase() !== 'bearer') throw failed('its token is no Bearer token');
  const life = Number(seconds);
  return { token, lifeMs: Number.isFinite(life) && life > 0 ? life * 1_000 : UNSTATED_LIFE_MS };
}

/** Value of an Authorization or Proxy-Authorization header (RFC 7617). */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** RFC 6749 2.3.1 wants both parts encoded as in a form. */
function formEncoded(text: string): string {
  return new URLSearchParams({ text }).toString().slice('text='.length);
}

function jsonObject(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
