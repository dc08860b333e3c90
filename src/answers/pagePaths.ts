/**
 * Addresses of the screens. The server answers each with the page; `page/pages.tsx` must name a screen for each. None contains an identifier: a study
 * is named by its case reference.
 */
export const PAGE_PATHS = [
  '/',
  '/case/:caseRef',
  '/hand-over',
  '/thresholds',
  '/models',
  '/wall',
  '/sign-in',
  '/set-up',
  '/sessions',
  '/users',
  '/audit',
  '/proof-of-life',
  '/connections',
  '/waiting',
  '/system',
  '/settings',
] as const;

export type PagePath = (typeof PAGE_PATHS)[number];

/** The screen at an address; undefined when there is none. */
export function pagePathOf(address: string): PagePath | undefined {
  const parts = address.split('/');
  return PAGE_PATHS.find((path) => {
    const wanted = path.split('/');
    return (
      wanted.length === parts.length &&
      wanted.every((part, at) => (part.startsWith(':') ? /^[\w-]+$/.test(parts[at]!) : part === parts[at]))
    );
  });
}
