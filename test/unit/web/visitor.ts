import { createHmac } from 'node:crypto';
import { systemClock } from '../../../src/base/clock.ts';
import type { Clock } from '../../../src/base/clock.ts';
import type { Access } from '../../../src/web/access/access.ts';
import type { User, UserRole } from '../../../src/answers/accessAnswers.ts';
import { newSecret } from '../../../src/worklist/people/secrets.ts';
import { hashPassword } from '../../../src/web/access/passwords.ts';
import { ask, type RawAnswer, type WebUnderTest } from './webFixture.ts';

export const PASSWORD = 'axis and atlas, seven';
const BY = { name: 'test', address: '' };

/** Time that also passes when a test says so. */
export interface ShiftedClock extends Clock {
  advance: (ms: number) => void;
}
export function shiftedClock(): ShiftedClock {
  let offsetMs = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + offsetMs,
    advance: (ms) => {
      offsetMs += ms;
    },
  };
}

/** Hashing takes 19 MiB and some 50 ms of a core: once for all accounts of a thread. */
let hashed: Promise<string> | undefined;

/** An account whose password is `PASSWORD`. */
export async function addUser({ access }: Pick<WebUnderTest, 'access'>, name: string, role: UserRole): Promise<User> {
  const { link } = await access.accounts.add(name, role, BY);
  hashed ??= hashPassword(PASSWORD, name);
  return access.accounts.useLink(link.secret, await hashed, undefined, '');
}

/** A cookie as sign-in gives it, without the wait of a password check. */
export async function cookieFor(
  access: Access,
  user: User,
  clock: Clock,
): Promise<{ cookie: string; csrfToken: string }> {
  const secret = newSecret();
  const csrfToken = newSecret();
  const now = clock.now();
  await access.sessions.put(secret, {
    userId: user.id,
    signedInAtMs: now,
    confirmedAtMs: now,
    address: '',
    userAgent: '',
    csrfToken,
  });
  const signature = createHmac('sha256', await access.sessions.cookieKey())
    .update(secret)
    .digest('base64')
    .replace(/=+$/, '');
  return { cookie: `odontoid=${encodeURIComponent(`s:${secret}.${signature}`)}`, csrfToken };
}

export interface Asked extends RawAnswer {
  json: Record<string, unknown>;
}

/** A browser: it keeps cookies, names its origin, and sends the token that the page was given. */
export class Visitor {
  cookie = '';
  csrfToken = '';
  readonly url: string;
  readonly headers: Record<string, string>;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.url = url;
    this.headers = headers;
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Asked> {
    const sent: Record<string, string> = {
      Origin: new URL(this.url).origin,
      ...(this.cookie === '' ? {} : { Cookie: this.cookie }),
      ...(this.csrfToken === '' ? {} : { 'X-CSRF-Token': this.csrfToken }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...this.headers,
      ...headers,
    };
    for (const [name, value] of Object.entries(sent)) if (value === '') Reflect.deleteProperty(sent, name);
    const answer = await ask(this.url + path, method, sent, body === undefined ? undefined : JSON.stringify(body));
    for (const set of answer.headers['set-cookie'] ?? []) {
      const pair = set.split(';', 1)[0]!;
      if (/^(__Host-)?odontoid=/.test(pair)) this.cookie = pair;
    }
    const json = (answer.headers['content-type']?.includes('json') === true ? JSON.parse(answer.body) : {}) as Record<
      string,
      unknown
    >;
    return { ...answer, json };
  }

  async signIn(name: string, password = PASSWORD): Promise<Asked> {
    const answer = await this.ask('POST', '/api/session', { name, password });
    if (answer.status === 204) await this.session();
    return answer;
  }

  /** Who the page thinks is there; takes the token too. */
  async session(): Promise<Record<string, unknown> & { user: { name: string; role: string } | null }> {
    const { json } = await this.ask('GET', '/api/session');
    this.csrfToken = typeof json['csrfToken'] === 'string' ? json['csrfToken'] : '';
    return json as Awaited<ReturnType<Visitor['session']>>;
  }
}
