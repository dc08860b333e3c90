import { resolve } from 'node:path';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  // Files name each other relatively; where the page lies, the server says in its HTML.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // No inline scripts and no data: URLs, so that the page's content security policy can forbid both.
  build: {
    outDir: resolve(import.meta.dirname, '../../dist/web'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
