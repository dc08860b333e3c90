import * as client from 'openid-client';
import { messageOf, TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { SignInJourneys } from '../../worklist/people/signInJourneys.ts';
import type { UserRole } from '../../answers/accessAnswers.ts';

export interface OidcOptions {
  issuer: string;
  clientId: string;
  /** Undefined for a public client, which PKCE alone protects. */
  clientSecret: string | undefined;
  scope: string;
  /** Claim that names the roles or groups of a person; dots step into objects (`realm_access.roles`). */
  roleClaim: string;
  adminValues: readonly string[];
  readerValues: readonly string[];
  nameClaim: string;
  /** The redirect URI to which the provider sends people back. */
  redirectUri: string;
}

/** A person whom the provider has authenticated. */
interface OidcPerson {
  issuer: string;
  subject: string;
  name: string;
  /** Null when none of the person's roles or groups is mapped to a role here. */
  role: UserRole | null;
  /** The session that the new one replaces, when the person was asked to confirm who they are. */
  replaces: string | null;
}

/** Sign-in at the site's identity provider: authorization code with PKCE, state and nonce (OpenID Connect Core 3.1, RFC 7636). */
export interface OidcProvider {
  /**
   * Where to send a browser, and the secret that it must bring back in a cookie of its own. With a session to replace, the provider asks for the password again.
   *
   * @throws TriageError `provider-unreachable`
   */
  start(replaces: string | null): Promise<{ url: string; binding: string }>;
  /** What the provider's answer says; each answer works once. @throws TriageError `sign-in-failed`, `provider-unreachable` */
  finish(answer: URLSearchParams, binding: string | undefined): Promise<OidcPerson>;
}

const JOURNEY_MS = 10 * 60_000;
/** How old the provider's sign-in may be when it was told to ask again. */
const FRESH_SECONDS = 60;
const LOOPBACK_HTTP = /^http:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:|\/|$)/;

export function createOidcProvider(
  options: OidcOptions,
  journeys: SignInJourneys,
  clock: Pick<Clock, 'now'>,
): OidcProvider {
  let discovered: Promise<client.Configuration> | null = null;

  /** Provider metadata, fetched when first needed and retried until it answers: a provider that is down must not keep the agent from starting. */
  const provider = async (): Promise<client.Configuration> => {
    discovered ??= client.discovery(
      new URL(options.issuer),
      options.clientId,
      {},
      options.clientSecret === undefined ? client.None() : client.ClientSecretBasic(options.clientSecret),
      // Plain HTTP is for a provider on this machine, in tests.
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so that it stands out; only ever for loopback
      LOOPBACK_HTTP.test(options.issuer) ? { execute: [client.allowInsecureRequests] } : {},
    );
    try {
      return await discovered;
    } catch (error) {
      discovered = null;
      throw new TriageError(
        'provider-unreachable',
        'The identity provider cannot be reached. Try again; tell your administrator if it stays so.',
        { cause: error, context: { reason: messageOf(error) } },
      );
    }
  };

  return {
    start: async (replaces) => {
      const configuration = await provider();
      const state = client.randomState();
      const journey = {
        binding: client.randomState(),
        verifier: client.randomPKCECodeVerifier(),
        nonce: client.randomNonce(),
        replaces,
      };
      await journeys.begin(state, journey, clock.now() + JOURNEY_MS);
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: options.redirectUri,
        scope: options.scope,
        code_challenge: await client.calculatePKCECodeChallenge(journey.verifier),
        code_challenge_method: 'S256',
        state,
        nonce: journey.nonce,
        ...(replaces !== null ? { prompt: 'login', max_age: String(FRESH_SECONDS) } : {}),
      });
      return { url: url.href, binding: journey.binding };
    },
    finish: async (answer, binding) => {
      const state = answer.get('state') ?? '';
      // The answer must come to the browser that began: otherwise somebody could be signed in as another person.
      const journey = await journeys.finish(state, binding ?? '');
      if (journey === null)
        throw new TriageError('sign-in-failed', 'This sign-in was not begun here, or took too long. Sign in again.');
      const configuration = await provider();
      const url = new URL(options.redirectUri);
      url.search = answer.toString();
      let claims: Record<string, unknown>;
      try {
        const tokens = await client.authorizationCodeGrant(configuration, url, {
          pkceCodeVerifier: journey.verifier,
          expectedState: state,
          expectedNonce: journey.nonce,
          idTokenExpected: true,
          ...(journey.replaces !== null ? { maxAge: FRESH_SECONDS } : {}),
        });
        claims = { ...tokens.claims() };
        if (
          valuesOf(claims, options.roleClaim).length === 0 &&
          configuration.serverMetadata().userinfo_endpoint !== undefined
        )
          claims = {
            ...(await client.fetchUserInfo(configuration, tokens.access_token, String(claims['sub']))),
            ...claims,
          };
      } catch (error) {
        throw new TriageError('sign-in-failed', 'The identity provider did not sign you in.', {
          cause: error,
          context: { reason: messageOf(error) },
        });
      }
      const values = valuesOf(claims, options.roleClaim);
      const has = (wanted: readonly string[]) => wanted.some((value) => values.includes(value));
      const name = claims[options.nameClaim];
      return {
        issuer: configuration.serverMetadata().issuer,
        subject: String(claims['sub']),
        name: typeof name === 'string' ? name : '',
        role: has(options.adminValues) ? 'admin' : has(options.readerValues) ? 'reader' : null,
        replaces: journey.replaces,
      };
    },
  };
}

/** The text values of a claim, whether it is a single value or a list. */
function valuesOf(claims: Record<string, unknown>, name: string): string[] {
  const direct = claims[name];
  const value =
    direct ??
    name
      .split('.')
      .reduce<unknown>(
        (inner, step) =>
          typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[step] : undefined,
        claims,
      );
  return (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string');
}
