import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import { configProblems } from '../../../src/compose/checkConfig.ts';
import { createPacs } from '../../../src/compose/destinations.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { authority, type Authority, type Identity } from '../../interop/authority.ts';
import { temporaryDirectory } from '../../interop/dcmtk.ts';

/** How a DICOMweb destination is reached: real TLS servers, a token endpoint and proxies. */

let hospital: Authority;
let serverIdentity: Identity;
let agentIdentity: Identity;
let folder: string;

beforeAll(async () => {
  const temporary = await temporaryDirectory();
  folder = temporary.dir;
  hospital = await authority(folder, 'hospital');
  [serverIdentity, agentIdentity] = await Promise.all([hospital.issue('pacs'), hospital.issue('agent')]);
  return temporary.remove;
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
const tlsService = async (handler: Handler, requestCert = false): Promise<string> => {
  const [cert, key] = [serverIdentity.certFile, serverIdentity.keyFile].map((file) => readFileSync(file));
  const ca = readFileSync(hospital.caFile);
  const port = await listening(
    createHttps({ cert, key, ca, requestCert, rejectUnauthorized: requestCert } as object, handler),
  );
  return `https://localhost:${port}`;
};
const plainService = async (handler: Handler): Promise<string> =>
  `http://127.0.0.1:${await listening(createHttp(handler))}`;
const answering: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/dicom+json' }).end('[]');
};
const destination = (settings: object) =>
  createPacs(
    configFrom({ destinations: [{ name: 'web', kind: 'dicomweb', timeoutMs: 5_000, ...settings } as never] })
      .destinations[0]!,
    { clock: systemClock, log: createLog('silent'), environment: { SECRET: 'open sesame', PROXY: 'let me out' } },
  );

test('a service of an own authority is trusted by caFile only, and one that wants a certificate gets it', async () => {
  const url = await tlsService(answering);
  await expect(destination({ url }).echo()).rejects.toThrow('of no authority that is trusted: set tls.caFile');
  const { caFile } = hospital;
  expect(await destination({ url, tls: { caFile } }).echo()).toBeGreaterThan(0);

  const names: string[] = [];
  const mutual = await tlsService((request, response) => {
    const { subject } = (
      request.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }
    ).getPeerCertificate();
    names.push(subject.CN);
    answering(request, response);
  }, true);
  await expect(destination({ url: mutual, tls: { caFile } }).echo()).rejects.toMatchObject({
    code: 'pacs-unreachable',
  });
  expect(await destination({ url: mutual, tls: { caFile, ...agentIdentity } }).echo()).toBeGreaterThan(0);
  expect(names).toEqual(['agent']);
});

test('a certificate for another name is refused, unless serverName says that it is right', async () => {
  const url = (await tlsService(answering)).replace('localhost', 'ip6-localhost.invalid');
  await expect(destination({ url, tls: { caFile: hospital.caFile } }).echo()).rejects.toThrow('host name');
  const here = (await tlsService(answering)).replace('localhost', '127.0.0.1');
  const tls = { caFile: hospital.caFile, serverName: 'elsewhere' };
  await expect(destination({ url: here, tls }).echo()).rejects.toThrow('its certificate is not for this host');
  expect(await destination({ url: here, tls: { ...tls, serverName: 'localhost' } }).echo()).toBeGreaterThan(0);
});

/** An authorization server whose tokens are `t1`, `t2` and so on. */
async function tokenServer(lifeSeconds: number) {
  const asked: { authorization: string | undefined; form: string }[] = [];
  const tokenUrl = await tlsService((request, response) => {
    let form = '';
    request.on('data', (chunk: Buffer) => (form += chunk.toString()));
    request.on('end', () => {
      asked.push({ authorization: request.headers.authorization, form });
      if (form.includes('scope=broken')) response.writeHead(400).end('{"error":"invalid_scope","seen":"open sesame"}');
      else
        response
          .writeHead(200)
          .end(JSON.stringify({ access_token: `t${asked.length}`, token_type: 'Bearer', expires_in: lifeSeconds }));
    });
  });
  return { asked, tokenUrl };
}
/** A service that takes one token. */
async function guarded(wanted: () => string) {
  const shown: string[] = [];
  const url = await tlsService((request, response) => {
    shown.push(request.headers.authorization ?? '');
    if (request.headers.authorization === `Bearer ${wanted()}`) answering(request, response);
    else response.writeHead(401).end();
  });
  return { shown, url };
}

test('client credentials: a token is used until it is refused; then a new one goes on in the same request', async () => {
  const { asked, tokenUrl } = await tokenServer(3_600);
  let wanted = 't1';
  const { shown, url } = await guarded(() => wanted);
  const auth = {
    kind: 'oauth2',
    tokenUrl,
    clientId: 'odontoid',
    clientSecret: { env: 'SECRET' },
    scope: 'dicom.write',
  };
  const pacs = destination({ url, auth, tls: { caFile: hospital.caFile } });
  await Promise.all([pacs.echo(), pacs.echo()]);
  await pacs.echo();
  expect(asked).toEqual([
    {
      authorization: `Basic ${Buffer.from('odontoid:open+sesame').toString('base64')}`,
      form: 'grant_type=client_credentials&scope=dicom.write',
    },
  ]);
  wanted = 't2';
  await pacs.echo();
  expect([asked.length, shown.at(-2), shown.at(-1)]).toEqual([2, 'Bearer t1', 'Bearer t2']);
  // What a new token does not mend is told, after one attempt.
  wanted = 'of somebody else';
  await expect(pacs.echo()).rejects.toThrow('HTTP 401');
  expect(asked).toHaveLength(3);
});

test('a token that expires is renewed before it is refused, and a server that gives none is told without the secret', async () => {
  const { asked, tokenUrl } = await tokenServer(0.2);
  const { shown, url } = await guarded(() => `t${asked.length}`);
  const auth = { kind: 'oauth2', tokenUrl, clientId: 'odontoid', clientSecret: { env: 'SECRET' }, clientAuth: 'body' };
  const tls = { caFile: hospital.caFile };
  const pacs = destination({ url, auth, tls });
  await pacs.echo();
  await systemClock.sleep(250);
  await pacs.echo();
  expect(shown).toEqual(['Bearer t1', 'Bearer t2']);
  expect(asked[0]).toEqual({
    authorization: undefined,
    form: 'grant_type=client_credentials&client_id=odontoid&client_secret=open+sesame',
  });
  const refused = await destination({ url, auth: { ...auth, scope: 'broken' }, tls })
    .echo()
    .catch((error: unknown) => error as Error);
  expect(refused).toMatchObject({ code: 'pacs-unreachable' });
  expect(String(refused)).toContain('HTTP 400 (invalid_scope): check auth.clientId');
  expect(String(refused)).not.toContain('sesame');
});

test.each(['https', 'http'] as const)('%s goes by the proxy, with its credentials', async (kind) => {
  const seen: string[] = [];
  const isLetOut = ({ headers }: IncomingMessage) =>
    headers['proxy-authorization'] === `Basic ${Buffer.from('agent:let me out').toString('base64')}`;
  const server = createHttp((request, response) => {
    seen.push(`${request.method} ${new URL(request.url!).pathname}`);
    if (isLetOut(request)) answering(request, response);
    else response.writeHead(407).end();
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    seen.push(`CONNECT ${request.url!.replace(/\d+/, 'port')}`);
    if (!isLetOut(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const to = connect(Number(request.url!.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      to.pipe(socket).pipe(to);
    });
    to.on('error', () => socket.destroy());
    socket.on('error', () => to.destroy());
  });
  const proxyUrl = `http://127.0.0.1:${await listening(server)}`;
  const url = kind === 'https' ? await tlsService(answering) : await plainService(answering);
  const tls = kind === 'https' ? { tls: { caFile: hospital.caFile } } : {};
  await expect(destination({ url, ...tls, proxy: { url: proxyUrl } }).echo()).rejects.toThrow('HTTP 407');
  const proxy = { url: proxyUrl, username: 'agent', password: { env: 'PROXY' } };
  expect(await destination({ url, ...tls, proxy }).echo()).toBeGreaterThan(0);
  expect(seen).toEqual(Array(2).fill(kind === 'https' ? 'CONNECT localhost:port' : 'GET /studies'));
});

test('secrets that cannot be read are named before the start, and later only what needs them fails', async () => {
  const url = await plainService(answering);
  const missing = { file: join(folder, 'nothing') };
  const auth = { kind: 'oauth2', tokenUrl: url, clientId: 'odontoid', clientSecret: missing };
  const proxy = { url: 'http://127.0.0.1:1', username: 'agent', password: missing };
  const problems = (settings: object) =>
    configProblems(
      configFrom({
        dataDir: folder,
        receive: { port: 0 },
        web: { port: 0 },
        destinations: [{ name: 'web', kind: 'dicomweb', url, ...settings } as never],
      }),
      {},
    );
  for (const settings of [{ auth }, { proxy }]) {
    const named = expect.stringMatching(
      /^destinations web: The secret is to come from the file .*cannot be read/,
    ) as string;
    expect(await problems(settings)).toContainEqual(named);
    await expect(destination({ url, ...settings }).echo()).rejects.toThrow('cannot be read');
  }
  await writeFile(missing.file, 'now');
  expect((await problems({ auth, proxy })).join()).not.toContain('destinations web');
  await expect(destination({ url, proxy }).echo()).rejects.not.toThrow('cannot be read');
  expect(() => destination({ url, proxy: { url: 'http://agent:secret@proxy.example' } })).toThrow(
    /username and password/,
  );
});
