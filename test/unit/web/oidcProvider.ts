import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { onTestFinished } from 'vitest';

export interface Person {
  sub: string;
  preferred_username: string;
  roles: string[];
}

export interface IdentityProvider {
  issuer: string;
  /** Who signs in next. */
  person: Person;
  /** Authorization requests as they came. */
  asked: URLSearchParams[];
}

/** A certified provider on loopback, whose people sign in by being named. */
export async function startIdentityProvider(redirectUri: string): Promise<IdentityProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const state: IdentityProvider = {
    issuer,
    person: { sub: '1', preferred_username: 'ann', roles: ['radiology'] },
    asked: [],
  };
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'odontoid',
        client_secret: 'a secret of the client',
        redirect_uris: [redirectUri],
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub'], profile: ['preferred_username', 'roles'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['of the test'] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_context, sub) => {
      const person = state.person.sub === sub ? state.person : { ...state.person, sub };
      return { accountId: sub, claims: () => ({ ...person }) };
    },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  });
  const serve = provider.callback();
  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '/', issuer);
    if (url.pathname === '/auth') state.asked.push(url.searchParams);
    if (!url.pathname.startsWith('/interaction/')) {
      serve(request, response).catch(() => response.destroy());
      return;
    }
    const answer = async (): Promise<void> => {
      const { prompt, params, grantId } = await provider.interactionDetails(request, response);
      if (prompt.name === 'login') {
        await provider.interactionFinished(
          request,
          response,
          { login: { accountId: state.person.sub } },
          { mergeWithLastSubmission: false },
        );
        return;
      }
      const grant =
        grantId === undefined
          ? new provider.Grant({ accountId: state.person.sub, clientId: String(params['client_id']) })
          : (await provider.Grant.find(grantId))!;
      grant.addOIDCScope('openid profile');
      await provider.interactionFinished(
        request,
        response,
        { consent: { grantId: await grant.save() } },
        { mergeWithLastSubmission: true },
      );
    };
    answer().catch(() => response.destroy());
  });
  return state;
}
