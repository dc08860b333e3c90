import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestHandler } from 'express';

/** Serves below the base path what is served at the root, so that it does not matter whether the reverse proxy takes the path away. */
export function takesBasePathAway(basePath: string): RequestHandler {
  return (request, response, next) => {
    if (request.path === basePath && ['GET', 'HEAD'].includes(request.method)) {
      response.redirect(308, `${basePath}/`);
      return;
    }
    if (request.url.startsWith(`${basePath}/`)) request.url = request.url.slice(basePath.length);
    next();
  };
}

/** The page's HTML, read once: it names its files, and tells its scripts, where it lies. */
export function pageBelow(basePath: string, pageDir: string): () => string {
  let html: string | null = null;
  return () =>
    (html ??= readFileSync(join(pageDir, 'index.html'), 'utf8')
      .replaceAll(/(src|href)="\.\//g, `$1="${basePath}/`)
      .replace('<head>', `<head>\n    <meta name="base-path" content="${basePath}" />`));
}
