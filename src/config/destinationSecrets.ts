import type { Destination, SecretSource } from './config.ts';

/** The secrets that a destination names, each with its key. */
export function secretsOfDestination(destination: Destination): [key: string, SecretSource][] {
  if (destination.kind === 'dimse') return [];
  const { auth, proxy } = destination;
  const found: [string, SecretSource | undefined][] = [
    ['auth.password', auth.kind === 'basic' ? auth.password : undefined],
    ['auth.token', auth.kind === 'bearer' ? auth.token : undefined],
    ['auth.clientSecret', auth.kind === 'oauth2' ? auth.clientSecret : undefined],
    ['proxy.password', proxy?.password],
  ];
  return found.flatMap(([key, source]) => (source === undefined ? [] : [[key, source]]));
}
