import { readSecret } from '../config/configFile.ts';
import { createAccess, type Access } from '../web/access/access.ts';
import { createOidcProvider } from '../web/access/oidc.ts';
import { createAccounts } from '../worklist/people/accounts.ts';
import { createServiceTokens } from '../worklist/people/serviceTokens.ts';
import { createSignInCounts } from '../worklist/people/signInCounts.ts';
import { createSignInJourneys } from '../worklist/people/signInJourneys.ts';
import { createSessions } from '../worklist/people/sessions.ts';
import type { Foundation } from './agentPorts.ts';

/** How people and machines get access. @throws TriageError `config-invalid` when the client's secret cannot be read */
export async function openAccess({
  config: { web },
  database,
  audit,
  ports: { clock, environment },
}: Foundation): Promise<Access> {
  const limits = { idleMs: web.sessions.idleMinutes * 60_000, absoluteMs: web.sessions.absoluteHours * 3_600_000 };
  const { oidc, publicUrl, basePath } = web;
  return createAccess(
    {
      signIn: web.signIn,
      accounts: createAccounts(database, clock),
      sessions: createSessions(database, clock, limits),
      tokens: createServiceTokens(database, clock),
      audit,
      signInCounts: createSignInCounts(database, clock),
      ...(web.signIn === 'oidc' && oidc !== undefined && publicUrl !== undefined
        ? {
            provider: createOidcProvider(
              {
                ...oidc,
                clientSecret: oidc.clientSecret === undefined ? undefined : readSecret(oidc.clientSecret, environment),
                redirectUri: new URL(`${basePath}/api/oidc/callback`, publicUrl).href,
              },
              createSignInJourneys(database, clock),
              clock,
            ),
          }
        : {}),
      secure: web.tls !== undefined || publicUrl?.startsWith('https:') === true,
      absoluteMs: limits.absoluteMs,
      recentMs: web.sessions.recentSignInMinutes * 60_000,
    },
    clock,
  );
}
