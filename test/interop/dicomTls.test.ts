import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusalAdvice } from '../../src/admin/refusalAdvice.ts';
import { systemClock } from '../../src/base/clock.ts';
import { messageOf } from '../../src/base/errors.ts';
import { createLog } from '../../src/base/log.ts';
import type { StoredInstance } from '../../src/case/case.ts';
import { createDimseScu } from '../../src/pacs/dimseScu.ts';
import type { ServerTls } from '../../src/base/tlsAcceptor.ts';
import { DEFAULT_RECEIVE_CONFIG } from '../../src/receive/receiveConfig.ts';
import { startReceiver, type Receiver } from '../../src/receive/receiverProcess.ts';
import type { Refusal } from '../../src/receive/refusals.ts';
import { writeSampleResults } from '../unit/pacs/sampleObjects.ts';
import { authority, type Authority, type Identity } from './authority.ts';
import { freePort, runTool, startServer, temporaryDirectory } from './dcmtk.ts';
import { startOrthanc } from './orthanc.ts';

/** DICOM TLS (PS3.15 B.12) with DCMTK and Orthanc, both ways (promise 15). */

let dir: string;
let remove: () => Promise<void>;
let ca: Authority;
let otherCa: Authority;
let agent: Identity;
let receiver: Receiver;
let stored: StoredInstance[];
let refusals: Refusal[];
let file: string;
const log = createLog('silent');

const material = async ({ certFile, keyFile }: Identity, more: Partial<ServerTls> = {}): Promise<ServerTls> => ({
  host: '127.0.0.1',
  port: 0,
  cert: await readFile(certFile, 'utf8'),
  key: await readFile(keyFile, 'utf8'),
  ca: await readFile(ca.caFile, 'utf8'),
  clientCertificates: 'required',
  ...more,
});

beforeAll(async () => {
  ({ dir, remove } = await temporaryDirectory());
  ca = await authority(dir, 'hospital');
  otherCa = await authority(dir, 'elsewhere');
  agent = await ca.issue('odontoid');
  stored = [];
  refusals = [];
  // storescu proposes no Comprehensive 3D SR.
  const [, capture] = await writeSampleResults(join(dir, 'files'), 'by TLS', 1);
  file = capture!.path;
  receiver = await startReceiver({
    config: {
      ...DEFAULT_RECEIVE_CONFIG,
      port: 0,
      minFreeBytes: 0,
      sources: [
        { aeTitle: 'CT1', addresses: ['127.0.0.1'], certificates: ['ct1'] },
        { aeTitle: 'CT2', addresses: ['127.0.0.1'], certificates: ['ct2'] },
        { aeTitle: 'ORTHANC', addresses: ['127.0.0.1'], certificates: ['orthanc'] },
      ],
      tls: await material(agent),
    },
    spoolDir: join(dir, 'spool'),
    longestPauseMs: 5_000,
    clock: systemClock,
    log,
    onStored: (instance) => stored.push(instance),
    onReleased: () => undefined,
    onRefused: (refusal) => refusals.push(refusal),
  });
});
afterAll(async () => {
  await receiver.close();
  await remove();
});

const withCertificate = ({ keyFile, certFile }: Identity, trusted = ca): string[] => [
  ...['+tls', keyFile, certFile],
  ...['+cf', trusted.caFile],
];
const storescu = (title: string, port: number, ...args: string[]) =>
  runTool('storescu', ['-aet', title, '-aec', 'ODONTOID', ...args, '127.0.0.1', String(port), file]);
const nextRefusal = async (): Promise<Refusal> => {
  await expect.poll(() => refusals.length, { timeout: 20_000 }).toBeGreaterThan(0);
  return refusals.shift()!;
};

describe('the receiver', () => {
  it('stores and answers an echo by TLS from a sender with its certificate', async () => {
    const ct1 = await ca.issue('ct1');
    const sent = await storescu('CT1', receiver.tlsPort!, ...withCertificate(ct1));
    expect(sent.stderr).toBe('');
    expect(sent.exitCode).toBe(0);
    await expect.poll(() => stored.map(({ sourceAeTitle }) => sourceAeTitle)).toEqual(['CT1']);
    const echo = ['-aet', 'CT1', '-aec', 'ODONTOID', ...withCertificate(ct1), '127.0.0.1', String(receiver.tlsPort)];
    expect((await runTool('echoscu', echo)).exitCode).toBe(0);
    expect(refusals).toEqual([]);
  });

  const REFUSED: [what: string, title: string, args: () => Promise<string[]>, kind: string, why: RegExp][] = [
    ['a plain connection on the TLS port', 'CT1', () => Promise.resolve([]), 'tls', /^it spoke without TLS/],
    ['no certificate', 'CT1', () => Promise.resolve(['+tla', '+cf', ca.caFile]), 'tls', /^it showed no certificate$/],
    [
      'a certificate of another authority',
      'CT1',
      async () => withCertificate(await otherCa.issue('ct1')),
      'tls',
      /^its certificate is of no authority in receive\.tls\.caFile/,
    ],
    [
      'an expired certificate',
      'CT1',
      async () => withCertificate(await ca.issue('ct1', -1)),
      'tls',
      /^its certificate has expired$/,
    ],
    [
      'the certificate of another AE title',
      'CT1',
      async () => withCertificate(await ca.issue('ct2')),
      'association',
      /^the certificate is that of another calling AE title$/,
    ],
    [
      'a certificate of the right authority that is nobody’s',
      'CT1',
      async () => withCertificate(await ca.issue('printer')),
      'association',
      /^the certificate is not that of the calling AE title$/,
    ],
    [
      'a sender that does not trust the agent',
      'CT1',
      async () => withCertificate(await ca.issue('ct1'), otherCa),
      'tls',
      /^it does not accept the certificate of this agent$/,
    ],
  ];
  it.each(REFUSED)('refuses %s, says why, and what to do', async (_what, title, args, kind, why) => {
    const before = stored.length;
    const sent = await storescu(title, receiver.tlsPort!, ...(await args()));
    expect(sent.exitCode).not.toBe(0);
    const refusal = await nextRefusal();
    expect(refusal).toMatchObject({ kind, why: expect.stringMatching(why) as unknown, address: '127.0.0.1' });
    expect(refusal.callingAeTitle).toBe(kind === 'tls' ? '' : title);
    expect(refusalAdvice(refusal.kind, refusal.why)).not.toBe(refusalAdvice(refusal.kind, ''));
    expect(stored).toHaveLength(before);
  });

  it('refuses TLS 1.1, and suites without authenticated encryption', async () => {
    const { cert, key, ca: roots } = await material(await ca.issue('ct1'));
    const attempt = (options: object) =>
      new Promise<string>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port: receiver.tlsPort!, cert, key, ca: roots!, ...options });
        socket.once('secureConnect', () => {
          resolve(`taken with ${socket.getCipher().name}`);
          socket.destroy();
        });
        socket.once('error', () => resolve('refused'));
      });
    expect(await attempt({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' })).toBe('refused');
    expect((await nextRefusal()).why).toBe('it speaks only TLS versions before 1.2');
    const tls12 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
    expect(await attempt({ ...tls12, ciphers: 'ECDHE-RSA-AES256-SHA384' })).toBe('refused');
    expect((await nextRefusal()).why).toMatch(/^it offers no cipher suite/);
    expect(await attempt({ ...tls12, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })).toContain('ECDHE-RSA-AES128-GCM');
    expect(await attempt({ minVersion: 'TLSv1.3' })).toMatch(/^taken with TLS_/);
  });

  it('refuses on the plain port an AE title that must show its certificate', async () => {
    expect((await storescu('CT1', receiver.port)).exitCode).not.toBe(0);
    expect(await nextRefusal()).toMatchObject({
      kind: 'association',
      callingAeTitle: 'CT1',
      why: 'the calling AE title must show its certificate, by TLS',
    });
  });

  it('says nothing of a port check', async () => {
    const socket = connectPlain(receiver.tlsPort!, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.destroy();
    const ct1 = await ca.issue('ct1');
    expect((await storescu('CT1', receiver.tlsPort!, ...withCertificate(ct1))).exitCode).toBe(0);
    expect(refusals).toEqual([]);
  });

  it('uses a renewed certificate and other authorities without a restart', async () => {
    const renewed = await otherCa.issue('odontoid');
    const moved = await otherCa.issue('ct1');
    receiver.renewTls(await material(renewed, { ca: await readFile(otherCa.caFile, 'utf8') }));
    await expect
      .poll(async () => (await storescu('CT1', receiver.tlsPort!, ...withCertificate(moved, otherCa))).exitCode, {
        timeout: 20_000,
      })
      .toBe(0);
    refusals.splice(0);
    const old = await storescu('CT1', receiver.tlsPort!, ...withCertificate(await ca.issue('ct1'), otherCa));
    expect(old.exitCode).not.toBe(0);
    expect((await nextRefusal()).why).toMatch(/^its certificate is of no authority/);
    receiver.renewTls(await material(agent));
  });
});

describe('sending', () => {
  const scuTo = (port: number, tls: Parameters<typeof createDimseScu>[0]['tls'], title = 'ARCHIVE') =>
    createDimseScu(
      { name: 'pacs', aeTitle: title, host: '127.0.0.1', port, callingAeTitle: 'ODONTOID', timeoutMs: 10_000, tls },
      { clock: systemClock, log },
    );

  it('stores by TLS in DCMTK, shows its certificate, and says what is wrong', async () => {
    const port = await freePort();
    const archive = await ca.issue('archive');
    const server = await startServer(
      'storescp',
      ['-aet', 'ARCHIVE', '-od', dir, ...withCertificate(archive), String(port)],
      [port],
    );
    const trust = { ca: await readFile(ca.caFile, 'utf8') };
    const { cert, key } = await material(agent);
    expect(await scuTo(port, () => ({ ...trust, cert, key })).echo()).toBeGreaterThan(0);
    const problem = (tls: Parameters<typeof scuTo>[1], where = port) =>
      scuTo(where, tls)
        .echo()
        .then(
          () => 'answered',
          (error: unknown) => messageOf(error),
        );
    expect(await problem(() => trust)).toMatch(/certificate of the agent: set tls\.certFile/);
    expect(await problem(() => ({ cert, key }))).toMatch(/no authority that is trusted: set tls\.caFile/);
    expect(await problem(() => ({ ...trust, cert, key, serverName: 'pacs.example' }))).toMatch(
      /certificate is not for this host: set host or tls\.serverName/,
    );
    const strange = await material(await otherCa.issue('odontoid'));
    expect(await problem(() => ({ ...trust, cert: strange.cert, key: strange.key }))).toMatch(
      /does not accept the certificate of the agent/,
    );
    await server.stop();
    const plainPort = await freePort();
    const plain = await startServer('storescp', ['-od', dir, String(plainPort)], [plainPort]);
    expect(await problem(() => ({ ...trust, cert, key }), plainPort)).toMatch(/does not speak TLS there|was cut/);
    await plain.stop();
  });

  it('sends to Orthanc and receives from it by TLS, with certificates on both sides', async () => {
    const orthancFiles = await ca.issue('orthanc');
    const orthanc = await startOrthanc({
      dir: join(dir, 'orthanc'),
      configuration: {
        DicomTlsEnabled: true,
        DicomTlsCertificate: orthancFiles.certFile,
        DicomTlsPrivateKey: orthancFiles.keyFile,
        DicomTlsTrustedCertificates: ca.caFile,
        DicomTlsRemoteCertificateRequired: true,
        DicomModalities: {
          odontoid: { AET: 'ODONTOID', Host: '127.0.0.1', Port: receiver.tlsPort, UseDicomTls: true },
        },
      },
    });
    const { cert, key, ca: roots } = await material(agent);
    const [result] = await writeSampleResults(join(dir, 'orthanc-files'), 'to Orthanc by TLS', 1);
    const scu = scuTo(orthanc.dicomPort, () => ({ ca: roots!, cert, key }), 'ORTHANC');
    expect(await scu.store([result!])).toMatchObject([{ kind: 'stored' }]);
    const [id] = (await orthanc.get('/instances')) as string[];
    stored.splice(0);
    const answer = await fetch(`${orthanc.httpUrl}/modalities/odontoid/store`, { method: 'POST', body: id! });
    expect(answer.status).toBe(200);
    await expect
      .poll(() => stored.map(({ header, sourceAeTitle }) => [header.sopInstanceUid, sourceAeTitle]))
      .toEqual([[result!.sopInstanceUid, 'ORTHANC']]);
    await orthanc.stop();
  });
});
