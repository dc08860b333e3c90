import type { Request } from 'express';

/** Where a request came from; an IPv4 address in IPv6 form is returned as IPv4. */
export function addressOf(request: Request): string {
  return (request.ip ?? '').replace(/^::ffff:/, '');
}
