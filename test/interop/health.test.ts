import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { freePort, runTool, temporaryDirectory } from './dcmtk.ts';

interface Site {
  /** `[exit code, what it printed]` of `odontoid health`. */
  health: () => Promise<[number, unknown]>;
  serve: (server: Server) => Promise<void>;
  dir: string;
  port: number;
}

async function site(web: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Site> {
  const { dir, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const port = await freePort();
  const config = join(dir, 'odontoid.yaml');
  await writeFile(config, JSON.stringify({ web: { port, ...web }, ...more }));
  return {
    dir,
    port,
    health: async () => {
      const words = [join(packageRoot, 'bin/odontoid.js'), 'health', '--config', config, '--json'];
      const { exitCode, stdout, stderr } = await runTool(process.execPath, words);
      return [exitCode, stdout === '' ? stderr : JSON.parse(stdout)];
    },
    serve: async (server) => {
      await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
      onTestFinished(() => void server.close());
    },
  };
}

const answering =
  (status: number): RequestListener =>
  (request, response) => {
    response.writeHead(request.url === '/healthz' ? status : 404).end();
  };

test('health asks the configured port, and says what is wrong', async () => {
  const { health, serve, port } = await site({});
  const url = `http://127.0.0.1:${port}/healthz`;
  expect(await health()).toEqual([1, { url, ok: false, text: 'nobody listens there: the agent is not running' }]);
  let status = 200;
  await serve(createServer((request, response) => answering(status)(request, response)));
  expect(await health()).toEqual([0, { url, ok: true, text: 'healthy' }]);
  status = 503;
  expect(await health()).toEqual([1, { url, ok: false, text: 'it answers HTTP 503' }]);
});

test('health asks an agent without a page where its own port is', async () => {
  const shared = { database: { url: 'postgres://db.example/odontoid' } };
  const node = { roles: ['deliver'], sharedDir: '/srv/odontoid' };
  const unset = await site({}, { ...shared, node });
  expect(await unset.health()).toMatchObject([1, { ok: false, text: expect.stringContaining('node.health.port') }]);
  const port = await freePort();
  const { health } = await site({}, { ...shared, node: { ...node, health: { port } } });
  const server = createServer(answering(200));
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  expect(await health()).toEqual([0, { url: `http://127.0.0.1:${port}/healthz`, ok: true, text: 'healthy' }]);
});

test('health speaks TLS where the agent does, whatever name its certificate is made out to', async () => {
  const where = await site({});
  const [certFile, keyFile] = [join(where.dir, 'cert.pem'), join(where.dir, 'key.pem')];
  const made = await runTool('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=odontoid.example',
    '-days',
    '2',
    '-keyout',
    keyFile,
    '-out',
    certFile,
  ]);
  expect(made.exitCode).toBe(0);
  const web = { port: where.port, host: '0.0.0.0', publicUrl: 'https://odontoid.example', tls: { certFile, keyFile } };
  await writeFile(join(where.dir, 'odontoid.yaml'), JSON.stringify({ web }));
  await where.serve(createTlsServer({ cert: await readFile(certFile), key: await readFile(keyFile) }, answering(200)));
  expect(await where.health()).toEqual([
    0,
    { url: `https://127.0.0.1:${where.port}/healthz`, ok: true, text: 'healthy' },
  ]);
});
