import type { Request, Response } from 'express';

/** Browsers keep a cookie for this long at the most (RFC 6265bis 4.1.2.2); it is renewed whenever the screen reads. */
const KEPT_MS = 400 * 86_400_000;

const nameOf = (secure: boolean): string => (secure ? '__Host-odontoid-wall' : 'odontoid-wall');

/** The secret of the screen that sent the request; null without one. */
export function wallSecretOf(request: Request, secure: boolean): string | null {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const own = pairs.find((pair) => pair.startsWith(`${nameOf(secure)}=`));
  return own === undefined ? null : own.slice(own.indexOf('=') + 1);
}

/** Stores the secret in the screen's browser, out of reach of scripts and of other sites. */
export function keepWallSecret(response: Response, secret: string, secure: boolean): void {
  response.cookie(nameOf(secure), secret, { httpOnly: true, sameSite: 'strict', secure, path: '/', maxAge: KEPT_MS });
}
