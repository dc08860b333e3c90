import type { Request } from 'express';

/** Where a request came from: an IPv4 address that came in IPv6 form is that address. */
export function addressOf(request: Request): string {
  return (request.ip ?? '').replace(/^::ffff:/, '');
}
