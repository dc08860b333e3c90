import { expect, test } from 'vitest';
import { createOidcProvider } from '../../../src/web/access/oidc.ts';
import { createSignInJourneys } from '../../../src/worklist/people/signInJourneys.ts';
import { startIdentityProvider, type IdentityProvider } from './oidcProvider.ts';
import { addUser, shiftedClock, Visitor } from './visitor.ts';
import { ask, startWeb, type RawAnswer } from './webFixture.ts';

const MINUTE = 60_000;

/** A browser across both sites: cookies by site, redirects followed, SameSite kept. */
class Browser {
  readonly jars = new Map<string, Map<string, { value: string; strict: boolean }>>();

  async go(url: string, from: string | null = null): Promise<RawAnswer & { url: string }> {
    let crossSite = from !== null && from !== new URL(url).origin;
    for (let next = url; ;) {
      const { origin } = new URL(next);
      const jar = this.jars.get(origin) ?? new Map<string, { value: string; strict: boolean }>();
      this.jars.set(origin, jar);
      // A navigation that another site began brings Lax cookies only.
      const cookie = [...jar]
        .filter(([, { strict }]) => !strict || !crossSite)
        .map(([name, { value }]) => `${name}=${value}`)
        .join('; ');
      const answer = await ask(next, 'GET', {
        ...(cookie === '' ? {} : { Cookie: cookie }),
        'Sec-Fetch-Mode': 'navigate',
        'Sec-Fetch-Site': crossSite ? 'cross-site' : 'same-origin',
      });
      for (const set of answer.headers['set-cookie'] ?? []) {
        const [pair = '', ...attributes] = set.split('; ');
        const at = pair.indexOf('=');
        if (pair.slice(at + 1) === '') jar.delete(pair.slice(0, at));
        else
          jar.set(pair.slice(0, at), {
            value: pair.slice(at + 1),
            strict: attributes.some((one) => /samesite=strict/i.test(one)),
          });
      }
      if (answer.headers.location === undefined) return { ...answer, url: next };
      const following = new URL(answer.headers.location, next);
      if (following.origin !== origin) crossSite = true;
      next = following.href;
    }
  }

  /** The page's own requests to the site. */
  page(site: string): Visitor {
    const visitor = new Visitor(site);
    const kept = this.jars.get(site)?.get('odontoid');
    if (kept !== undefined) visitor.cookie = `odontoid=${kept.value}`;
    return visitor;
  }
}

async function site() {
  const clock = shiftedClock();
  let provider: IdentityProvider | null = null;
  const lateOptions = { issuer: '', redirectUri: '' };
  // Both sites name each other: the provider's client is made once the page's port is known.
  const web = await startWeb({
    clock,
    signIn: {
      signIn: 'oidc',
      get provider() {
        return {
          start: (replaces: string | null) => made().start(replaces),
          finish: (answer: URLSearchParams, binding: string | undefined) => made().finish(answer, binding),
        };
      },
    },
  });
  // Each request comes to another node, which knows nothing of the one before.
  const made = () =>
    createOidcProvider(
      {
        ...lateOptions,
        clientId: 'odontoid',
        clientSecret: 'a secret of the client',
        scope: 'openid profile',
        roleClaim: 'roles',
        adminValues: ['pacs-admins'],
        readerValues: ['radiology'],
        nameClaim: 'preferred_username',
      },
      createSignInJourneys(web.database, clock),
      clock,
    );
  lateOptions.redirectUri = `${web.url}/api/oidc/callback`;
  provider = await startIdentityProvider(lateOptions.redirectUri);
  lateOptions.issuer = provider.issuer;
  return { ...web, clock, provider, start: `${web.url}/api/oidc/start` };
}

test('a person signs in at the provider, with PKCE, state and nonce, and is who the provider says', async () => {
  const { url, provider, start, access } = await site();
  const browser = new Browser();
  const end = await browser.go(start);
  expect([end.url, end.status]).toEqual([`${url}/`, 200]);
  const asked = provider.asked[0]!;
  expect(Object.fromEntries(asked)).toMatchObject({
    response_type: 'code',
    code_challenge_method: 'S256',
    client_id: 'odontoid',
  });
  for (const name of ['state', 'nonce', 'code_challenge']) expect(asked.get(name)!.length).toBeGreaterThan(40);
  const page = browser.page(url);
  expect(await page.session()).toMatchObject({ signIn: 'oidc', user: { name: 'ann', role: 'reader' } });
  expect((await page.ask('GET', '/api/worklist')).status).toBe(200);
  expect((await access.audit.page({ action: 'sign-in' }, 5)).map(({ actor, detail }) => [actor, detail['by']])).toEqual(
    [['ann', 'provider']],
  );
  // Nothing that could be used again is left in the browser.
  expect([...browser.jars.get(url)!.keys()]).toEqual(['odontoid']);
});

test('the role comes anew with each sign-in, and nobody without one gets in', async () => {
  const { url, provider, start } = await site();
  await new Browser().go(start);
  provider.person = { ...provider.person, roles: ['pacs-admins', 'radiology'] };
  const admin = new Browser();
  await admin.go(start);
  expect((await admin.page(url).session()).user).toEqual({ name: 'ann', role: 'admin' });
  provider.person = { ...provider.person, roles: ['kitchen'] };
  const none = new Browser();
  expect((await none.go(start)).url).toBe(`${url}/sign-in?failed=no-role`);
  expect((await none.page(url).session()).user).toBeNull();
});

test('another person with the name of an account gets an account of their own', async () => {
  const web = await site();
  await addUser(web, 'ann', 'admin');
  const browser = new Browser();
  await browser.go(web.start);
  const { user } = await browser.page(web.url).session();
  expect(user?.role).toBe('reader');
  expect(user?.name).toMatch(/^oidc-[0-9a-f]{12}$/);
});

test('a disabled account stays out, whatever the provider says', async () => {
  const { url, start, access } = await site();
  await new Browser().go(start);
  const { id } = (await access.accounts.byName('ann'))!;
  await access.accounts.setDisabled(id, true, { name: 'test', address: '' });
  const browser = new Browser();
  expect((await browser.go(start)).url).toBe(`${url}/sign-in?failed=provider`);
  expect((await browser.page(url).session()).user).toBeNull();
});

test('an answer works once, in the browser that began, in time, and unchanged', async () => {
  const { url, provider, start, clock } = await site();
  /** Begins in one browser and stops before the answer reaches the page. */
  const begin = async () => {
    const browser = new Browser();
    const first = await ask(start, 'GET', {});
    const cookie = first.headers['set-cookie']![0]!;
    const jar = new Map([
      ['odontoid-oidc', { value: cookie.slice(cookie.indexOf('=') + 1, cookie.indexOf(';')), strict: false }],
    ]);
    browser.jars.set(url, jar);
    let next = first.headers.location!;
    const providers = new Map<string, string>();
    while (!next.startsWith(`${url}/api/oidc/callback`)) {
      const answer = await ask(next, 'GET', {
        Cookie: [...providers].map(([name, value]) => `${name}=${value}`).join('; '),
      });
      for (const set of answer.headers['set-cookie'] ?? [])
        providers.set(set.slice(0, set.indexOf('=')), set.slice(set.indexOf('=') + 1, set.indexOf(';')));
      next = new URL(answer.headers.location!, next).href;
    }
    return { browser, answer: next };
  };
  const failed = `${url}/sign-in?failed=provider`;
  const one = await begin();
  // Somebody else's browser: they would be signed in as ann.
  expect((await new Browser().go(one.answer, provider.issuer)).url).toBe(failed);
  // That ended it for its own browser too.
  expect((await one.browser.go(one.answer, provider.issuer)).url).toBe(failed);
  // Nor in a browser that is on a journey of its own.
  const mine = await begin();
  const theirs = await begin();
  expect((await theirs.browser.go(mine.answer, provider.issuer)).url).toBe(failed);
  const two = await begin();
  expect((await two.browser.go(two.answer, provider.issuer)).url).toBe(`${url}/`);
  expect((await two.browser.go(two.answer, provider.issuer)).url).toBe(failed);
  const three = await begin();
  expect((await three.browser.go(three.answer.replace(/state=[^&]+/, 'state=made-up'), provider.issuer)).url).toBe(
    failed,
  );
  const four = await begin();
  expect((await four.browser.go(four.answer.replace(/code=[^&]+/, 'code=made-up'), provider.issuer)).url).toBe(failed);
  const five = await begin();
  clock.advance(11 * MINUTE);
  expect((await five.browser.go(five.answer, provider.issuer)).url).toBe(failed);
});

test('confirming asks the provider for a fresh sign-in and replaces the session', async () => {
  const { url, provider, start, access } = await site();
  provider.person = { ...provider.person, roles: ['pacs-admins'] };
  const browser = new Browser();
  await browser.go(start);
  const before = browser.page(url).cookie;
  await browser.go(`${start}?again=1`, url);
  expect(provider.asked.at(-1)?.get('prompt')).toBe('login');
  expect(browser.page(url).cookie).not.toBe(before);
  expect((await browser.page(url).session()).user).toEqual({ name: 'ann', role: 'admin' });
  expect(await access.sessions.ofUser((await access.accounts.byName('ann'))!.id)).toHaveLength(1);
});

test('a password opens nothing where the provider signs people in, and a provider that is down is said so', async () => {
  const web = await site();
  await addUser(web, 'root', 'admin');
  expect((await new Visitor(web.url).signIn('root')).status).toBe(400);
  const down = createOidcProvider(
    {
      issuer: 'http://127.0.0.1:1',
      clientId: 'x',
      clientSecret: undefined,
      scope: 'openid',
      roleClaim: 'roles',
      adminValues: ['a'],
      readerValues: ['r'],
      nameClaim: 'sub',
      redirectUri: 'http://127.0.0.1/api/oidc/callback',
    },
    createSignInJourneys(web.database, web.clock),
    web.clock,
  );
  await expect(down.start(null)).rejects.toMatchObject({ code: 'provider-unreachable' });
});
