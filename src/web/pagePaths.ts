/** Addresses of the screens: the server answers each with the page, which finds out by the address which one it is. No identifiers. */
export const PAGE_PATHS = ['/', '/sign-in', '/set-up', '/sessions', '/users', '/audit'] as const;
export type PagePath = (typeof PAGE_PATHS)[number];
