import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { newSecret } from '../../worklist/people/secrets.ts';

/** Browsers keep a cookie for this long at the most (RFC 6265bis 4.1.2.2). */
const KEPT_MS = 400 * 86_400_000;

const nameOf = (secure: boolean): string => (secure ? '__Host-odontoid-device' : 'odontoid-device');

/** Ties a known browser to the account and its password: after a change of password no browser is known any more. */
interface Owner {
  userId: string;
  passwordHash: string;
}

/**
 * Browsers in which somebody has signed in to an account before (OWASP, device cookies). The cookie gives no access; it only gives the browser its own count
 * of wrong passwords, so that strangers who guess cannot lock the owner out.
 */
export interface KnownDevices {
  /** Identifies the browser if it is known for this account; null for a stranger. */
  find(request: Request, owner: Owner): string | null;
  /** From now on the browser is known for this account. */
  remember(request: Request, owner: Owner): void;
}

export function createKnownDevices(key: string, secure: boolean): KnownDevices {
  const sign = (device: string, { userId, passwordHash }: Owner): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify(['device', device, userId, passwordHash]))
      .digest();
  return {
    find: (request, owner) => {
      const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
      const own = pairs.find((pair) => pair.startsWith(`${nameOf(secure)}=`));
      const [device = '', signature = ''] = (own ?? '').slice(nameOf(secure).length + 1).split('.');
      const expected = sign(device, owner);
      const given = Buffer.from(signature, 'base64url');
      return given.length === expected.length && timingSafeEqual(given, expected) ? device : null;
    },
    remember: (request, owner) => {
      // As with the session cookie: none is set over plain HTTP where the site has TLS.
      if (secure && !request.secure) return;
      const device = newSecret();
      const value = `${device}.${sign(device, owner).toString('base64url')}`;
      request.res!.cookie(nameOf(secure), value, {
        httpOnly: true,
        sameSite: 'strict',
        secure,
        path: '/',
        maxAge: KEPT_MS,
      });
    },
  };
}
