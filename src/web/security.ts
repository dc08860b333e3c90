import type { RequestHandler } from 'express';
import helmet from 'helmet';
import type { Log } from '../base/log.ts';

/** Headers of every response: nothing inline, nothing framed, no caching of what shows patients. */
export function securityHeaders({ secure }: { secure: boolean }): RequestHandler[] {
  return [
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'"],
          connectSrc: ["'self'"],
          imgSrc: ["'self'"],
          baseUri: ["'none'"],
          formAction: ["'none'"],
          frameAncestors: ["'none'"],
          requireTrustedTypesFor: ["'script'"],
        },
      },
      // Loopback speaks plain HTTP: a browser told "HTTPS only" for localhost would block other tools there.
      strictTransportSecurity: secure ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    }),
    (request, response, next) => {
      response.setHeader(
        'Cache-Control',
        request.path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-store',
      );
      next();
    },
  ];
}

/** A cross-origin form can send none of them without a preflight request. */
const BODIES = ['application/json', 'application/dicom', 'multipart/related', 'application/octet-stream'] as const;

const LOOPBACK_HOST = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?$/;

/**
 * Accepts only requests that name this machine, or the public address, and come from its own pages. A page on the internet can point its own name at
 * 127.0.0.1 (DNS rebinding) and can post forms across origins; neither may reach the worklist.
 */
export function ownPagesOnly({
  publicUrl,
  basePath,
  originNeeded,
}: {
  publicUrl: string | undefined;
  basePath: string;
  originNeeded: boolean;
}): RequestHandler {
  const open = publicUrl === undefined ? null : new URL(publicUrl);
  return (request, response, next) => {
    const { host = '', origin } = request.headers;
    const changes = !['GET', 'HEAD', 'OPTIONS'].includes(request.method);
    // Another port of this machine counts as another page ("same-site"). Following a link to the worklist is safe: nothing is changed, nothing can be read.
    const fromElsewhere = ['cross-site', 'same-site'].includes(String(request.headers['sec-fetch-site']));
    const followsLink = !changes && request.headers['sec-fetch-mode'] === 'navigate';
    const own =
      open !== null && host === open.host
        ? open.origin
        : LOOPBACK_HOST.test(host)
          ? `${request.protocol}://${host}`
          : null;
    const hasBody =
      request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
    // Browsers send the origin with every request that changes something. A token is not a cookie: no page sends it automatically. A machine without one is
    // told so by its route, which asks a session for its own token too.
    const isMachine = request.headers.authorization !== undefined || request.path.startsWith('/dicom-web/');
    const originMissing = originNeeded && changes && origin === undefined && !isMachine;
    if (own === null) {
      response.status(421).json({
        error: 'misdirected',
        message:
          open === null
            ? 'Open this page as http://127.0.0.1 or http://localhost on the machine itself.'
            : `Open this page as ${open.origin}${basePath}${basePath === '' ? '' : '/'}.`,
      });
    } else if ((origin !== undefined && origin !== own) || (fromElsewhere && !followsLink) || originMissing) {
      response.status(403).json({ error: 'cross-origin', message: 'Requests from other pages are refused.' });
    } else if (changes && hasBody && !request.is([...BODIES])) {
      response.status(415).json({ error: 'not-json', message: 'Send application/json.' });
    } else {
      next();
    }
  };
}

/** Routes that set a cookie. */
export const COOKIE_PATHS = ['/api/session', '/api/set-up', '/api/wall/open'];

/**
 * Over plain HTTP no browser accepts a cookie that is for TLS only. Whoever signs in is told so, and a one-time link is not used up in vain. The usual cause
 * is a reverse proxy that ends TLS without saying so.
 */
export function refusesCookieWithoutTls({ secure, log }: { secure: boolean; log: Pick<Log, 'warn'> }): RequestHandler {
  return (request, response, next) => {
    if (!secure || request.secure || request.method !== 'POST') {
      next();
      return;
    }
    log.warn(
      'no cookie without TLS: the reverse proxy must send X-Forwarded-Proto: https, and stand in web.trustProxy',
    );
    response.status(421).json({
      error: 'proxy-not-https',
      message:
        'Nobody can be signed in: the server is told that this page came over plain HTTP. The reverse proxy must send X-Forwarded-Proto: https. Tell your administrator; a link that you were given is not used up.',
    });
  };
}
