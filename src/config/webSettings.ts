import { z } from 'zod';
import { isLoopback } from '../base/loopback.ts';
import { bytes, port, secret } from './values.ts';

/** The page, the JSON API and the sign-in. */
export const webSettings = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe(
        'Address of the worklist page and the JSON API. Beyond loopback it needs `web.signIn`, `web.publicUrl`, and `web.tls` or `web.trustProxy`.',
      ),
    port: port.default(8080).describe('TCP port of the worklist page; 0 takes a free one.'),
    publicUrl: z
      .url({ protocol: /^https?$/ })
      .refine(
        (url) => !URL.canParse(url) || new URL(url).pathname === '/',
        'a scheme, a host and perhaps a port, no path',
      )
      .optional()
      .describe(
        'What people type, `https://odontoid.example`. Other names than this one and those of this machine are refused (421).',
      ),
    basePath: z
      .string()
      .regex(/^$|^(\/[A-Za-z0-9._~-]+)+$/, 'empty, or a path such as /odontoid without a slash at its end')
      .default('')
      .describe(
        'Path below which a reverse proxy serves the page, `/odontoid`; it may take the path away or leave it. People type `web.publicUrl` with this path behind it.',
      ),
    settings: z
      .enum(['page', 'files'])
      .default('page')
      .describe(
        'Where an admin may change what can be changed while the agent runs: `page`, on *Settings* and *Connections*, with a reason and recorded; `files`: nowhere but in the files, and the page shows what is in force.',
      ),
    secretsDir: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder whose files a destination that is set on the page may name as its secrets and certificates (PEM): those that lie directly in it, and no others. Left out: `secrets` in `dataDir`. Each agent that delivers needs it.',
      ),
    signIn: z
      .enum(['off', 'local', 'oidc'])
      .default('local')
      .describe(
        '`local`: accounts of its own. `oidc`: the identity provider of `web.oidc`. `off`: whoever is on this machine is its admin; loopback only.',
      ),
    tls: z
      .strictObject({
        certFile: z.string().min(1).describe('Certificate chain, PEM.'),
        keyFile: z.string().min(1).describe('Private key, PEM.'),
      })
      .optional()
      .describe('Serve HTTPS (TLS 1.2 or 1.3). Renewed files are used within half a minute, or at SIGHUP.'),
    trustProxy: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Addresses (or CIDR) of reverse proxies that speak TLS to browsers; their `X-Forwarded-For` and `X-Forwarded-Proto` are believed.',
      ),
    dicomWeb: z
      .boolean()
      .default(false)
      .describe(
        'Serve studies and results to viewers: QIDO-RS and WADO-RS under `/dicom-web`, for tokens and for people who are signed in.',
      ),
    modelUploadMaxBytes: bytes(0, 17_179_869_184)
      .default(536_870_912)
      .describe(
        'Largest model package that an admin may install on the page; 0: packages are installed on the command line only.',
      ),
    sessions: z
      .strictObject({
        idleMinutes: z
          .number()
          .min(1)
          .max(1_440)
          .default(30)
          .describe(
            'After this long without a key, a pointer or a change of its person’s, a session is locked: it shows the list without names, which goes on ringing, until the password is typed again.',
          ),
        absoluteHours: z
          .number()
          .min(0.1)
          .max(168)
          .default(12)
          .describe('A session ends this long after its sign-in, whatever is done.'),
        recentSignInMinutes: z
          .number()
          .min(1)
          .max(60)
          .default(10)
          .describe(
            'For this long after a sign-in, thresholds, models and accounts may be changed; later it is confirmed again.',
          ),
      })
      .prefault({}),
    oidc: z
      .strictObject({
        issuer: z
          .url({ protocol: /^https?$/ })
          .describe('Issuer of the identity provider; `/.well-known/openid-configuration` is found under it.'),
        clientId: z.string().min(1),
        clientSecret: secret.optional().describe('Leave it out for a public client.'),
        scope: z.string().default('openid profile'),
        roleClaim: z
          .string()
          .min(1)
          .default('roles')
          .describe(
            'Claim of the ID token (else of UserInfo) with roles or groups; dots step into objects (`realm_access.roles`).',
          ),
        adminValues: z.array(z.string().min(1)).min(1).describe('Any of these values makes an admin.'),
        readerValues: z
          .array(z.string().min(1))
          .min(1)
          .describe('Any of these values makes a reader. Whoever has none of either is not let in.'),
        nameClaim: z.string().min(1).default('preferred_username').describe('Claim that names the account.'),
      })
      .optional()
      .describe(
        'Sign-in at an identity provider: authorization code with PKCE. It sends back to `<publicUrl>/api/oidc/callback`.',
      ),
  })
  .prefault({});

/** Finds unsafe settings of a page with patients' names: open to others without sign-in, or to their networks without TLS. Null when it is safe. */
export function unsafeExposure({
  host,
  signIn,
  publicUrl,
  tls,
  trustProxy,
  oidc,
}: z.infer<typeof webSettings>): string | null {
  const beyond = !isLoopback(host);
  const open = publicUrl === undefined ? null : new URL(publicUrl);
  const openBeyond = open !== null && !isLoopback(open.hostname.replace(/^\[|\]$/g, ''));
  if (signIn === 'off' && (beyond || openBeyond || trustProxy.length > 0))
    return 'web.signIn: off is for this machine alone. Set web.signIn to local or oidc, or leave web.host on loopback without web.publicUrl and web.trustProxy.';
  if (beyond && tls === undefined && trustProxy.length === 0)
    return `web.host: ${host} is beyond this machine, where names would cross the network in clear. Set web.tls, or name the reverse proxy that speaks TLS in web.trustProxy.`;
  if (beyond && open === null)
    return 'web.publicUrl: set it to what people type, for example https://odontoid.example.';
  if (openBeyond && open.protocol !== 'https:') return 'web.publicUrl: beyond this machine it begins with https://';
  if (signIn === 'oidc' && oidc === undefined)
    return 'web.oidc: web.signIn is oidc, so name the identity provider here.';
  if (signIn === 'oidc' && open === null)
    return 'web.publicUrl: the identity provider sends people back to it; set it to what people type.';
  return null;
}
