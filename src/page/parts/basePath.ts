import { options } from 'preact';

/** Path below which a reverse proxy serves this page (`web.basePath`): empty, or `/odontoid`. The server writes it into the page. */
export const BASE_PATH = document.querySelector<HTMLMetaElement>('meta[name="base-path"]')?.content ?? '';

/** The address, below the base path, of what the code names from its own root (`/api/session`). */
export const below = (path: string): string => BASE_PATH + path;

/** The other way: what the code calls the place that the browser is at. */
export const withoutBase = (path: string): string =>
  path.startsWith(`${BASE_PATH}/`) ? path.slice(BASE_PATH.length) : path === BASE_PATH ? '/' : path;

/** From here on every link that begins with a slash leads below the base path, so that no screen can forget to say so. */
export function keepLinksBelowBase(): void {
  if (BASE_PATH === '') return;
  const before = options.vnode?.bind(options);
  options.vnode = (vnode) => {
    const props = vnode.props as { href?: unknown };
    if (vnode.type === 'a' && typeof props.href === 'string' && props.href.startsWith('/'))
      props.href = below(props.href);
    before?.(vnode);
  };
}
