import { defineConfig } from 'vite';

/** Where `vite console` (for work on the pages) finds the api. */
const API = process.env['STOWAGE_CONSOLE_API'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy forbids data: and inline scripts; small files stay files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/v1', '/auth', '/docs', '/queues', '/problems', '/openapi.json'].map((path) => [path, API]),
    ),
  },
});
