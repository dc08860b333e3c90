import { pagePathOf } from '../../answers/pagePaths.ts';

/** Where to go after signing in: always a screen of this site, whatever the address says. */
export function afterSignIn(search: string): string {
  const next = new URLSearchParams(search).get('next');
  return next !== null && pagePathOf(next) !== undefined ? next : '/';
}
