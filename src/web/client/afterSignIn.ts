/** Where to go after signing in: a screen of this site, whatever the address says. */
export function afterSignIn(search: string, screens: readonly string[]): string {
  const next = new URLSearchParams(search).get('next');
  return next !== null && screens.includes(next) ? next : '/';
}
