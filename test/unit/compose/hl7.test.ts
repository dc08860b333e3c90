import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import type { TlsMaterial } from '../../../src/base/tlsProfile.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { startHl7 } from '../../../src/compose/hl7.ts';
import type { Foundation } from '../../../src/compose/agentPorts.ts';
import { readHeader, readMessage } from '../../../src/hl7/message.ts';
import { authority } from '../../interop/authority.ts';
import { runTool } from '../../interop/dcmtk.ts';
import { bytesOf, framed, ORDERS, REPORTS, segment } from '../hl7/messages.ts';
import { openWorklist, studyUid, temporaryFolder, toInferred, type Worklist } from '../worklist/fixture.ts';

type Settings = Record<string, unknown>;

/** A listener on a free port over a real worklist. */
async function listening(settings: Settings = {}) {
  const worklist = await openWorklist();
  const lines: string[] = [];
  const renewals = new Map<string, (material: TlsMaterial) => void>();
  const config = configFrom({ hl7: { port: 0, sources: ['127.0.0.1'], ...settings } });
  const foundation = {
    config,
    store: worklist.store,
    releasers: { push: (_name: string, release: () => Promise<void> | void) => onTestFinished(async () => release()) },
    ports: {
      clock: systemClock,
      log: createLog('debug', {}, { write: (line: string) => lines.push(line) } as never),
      environment: {},
    },
  } as unknown as Foundation;
  const server = await startHl7(foundation, { onRenewed: (setting, use) => renewals.set(setting, use) });
  return { ...worklist, server: server!, lines, renewals };
}

/** A connection, and the answers that came on it. */
function peer(port: number, open: (port: number) => Socket = (at) => connect(at, '127.0.0.1')) {
  const socket = open(port);
  onTestFinished(() => {
    socket.destroy();
  });
  let text = '';
  socket.on('error', () => undefined);
  socket.on('data', (piece: Buffer) => (text += piece.toString('latin1')));
  const closed = once(socket, 'close');
  const answers = () => [...text.matchAll(/MSA\|(\w\w)\|([^|]*)\|([^\r]*)\r/g)].map(([, ...answer]) => answer);
  return { socket, answers, closed };
}

/** A final report of study 1 of the worklist's fixture. */
const ofStudy = (study: number, controlId: string, status = 'F'): string[] => [
  `MSH|^~\\&|RIS|NORTH|ODONTOID|PACS|20260301||ORU^R01|${controlId}|P|2.5.1`,
  `PID|||P-${study}^^^HOSPITAL^PI`,
  segment('OBR', { 18: `A-${study}`, 25: status, 32: '7&Okafor&Ngozi' }),
];
const urgentOrder = (study: number): string[] => [
  `MSH|^~\\&|CPOE|NORTH|ODONTOID|PACS|20260301||ORM^O01|order${study}|P|2.3.1`,
  `PID|||P-${study}`,
  segment('ORC', { 1: 'NW', 7: '1^^^^^S' }),
  segment('OBR', { 18: `A-${study}` }),
];
const readBy = async ({ query }: Pick<Worklist, 'query'>) =>
  (await query.rows()).map((row) => [row.studyInstanceUid, row.readBy]).sort();

test('reports over TCP mark scans as read before they are acknowledged, and no log holds what they say', async () => {
  const worklist = await listening();
  const { server, lines } = worklist;
  await toInferred(worklist, 1, 0.2);
  await toInferred(worklist, 2, 0.3);
  const { socket, answers } = peer(server.port);
  // Three at once, the last one in pieces; then the first again.
  const wrong = ofStudy(2, 'm2').map((line) => line.replace('P-2', 'P-9'));
  const stream = Buffer.concat([framed(ofStudy(1, 'm1')), framed(wrong), framed(ofStudy(3, 'm3'))]);
  socket.write(stream.subarray(0, stream.length - 40));
  await expect.poll(answers).toHaveLength(2);
  expect(await readBy(worklist)).toEqual([
    [studyUid(1), 'Okafor, Ngozi (report in the RIS)'],
    [studyUid(2), null],
  ]);
  socket.write(stream.subarray(stream.length - 40));
  socket.write(framed(ofStudy(1, 'm1')));
  socket.write(framed(urgentOrder(2)));
  socket.write(framed(['MSH|^~\\&|RIS|NORTH|||2026||ADT^A08|m5|P|2.5']));
  socket.write(framed(['MSH|^~\\&|RIS|NORTH|||2026||ORU^R01|m6|T|2.5']));
  socket.write(framed(['MSH|^~\\&|RIS|NORTH|||2026||ORU^R01|m7|P|2.8']));
  socket.end(framed(['nonsense of Jane Doe']));
  await expect.poll(answers).toHaveLength(9);
  expect(answers()).toEqual([
    ['AA', 'm1', 'It is marked as read.'],
    ['AE', 'm2', 'The study that it means is of another patient here: nothing is set.'],
    ['AA', 'm3', 'No such study is here: nothing is marked.'],
    ['AA', 'm1', 'This message was taken before.'],
    ['AA', 'order2', 'Whether its study is urgent is set.'],
    ['AR', 'm5', 'Messages of this type are not taken: ORU R01, ORM O01, OMG O19 and OMI O23 are.'],
    ['AR', 'm6', 'Its processing ID (MSH-11) is not among hl7.processingIds.'],
    ['AR', 'm7', 'Its version (MSH-12) is not one of 2.3 to 2.5.1.'],
    ['AR', '', 'It does not begin with an MSH segment.'],
  ]);
  expect(server.counters()).toMatchObject({
    accepted: 4,
    refused: 5,
    refusedConnections: 0,
    lastRefusal: { why: 'It does not begin with an MSH segment.' },
  });
  expect((await worklist.query.rows()).find((row) => row.stat)).toMatchObject({
    studyInstanceUid: studyUid(2),
    urgentBy: 'order',
  });
  const log = lines.join('');
  expect(log).toContain('of another patient here');
  expect(log).toContain(studyUid(1));
  expect(log).not.toMatch(/Okafor|P-\d|A-\d|Jane|nonsense/);
});

test('a stranger, one connection too many, and what is not MLLP are turned away; others go on', async () => {
  const worklist = await listening({ maxConnectionsPerAddress: 2, maxMessageBytes: 65_536, sources: ['127.0.0.1/32'] });
  const { server } = worklist;
  await toInferred(worklist, 1, 0.2);
  const stranger = peer(server.port, (port) => connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }));
  await stranger.closed;
  const first = peer(server.port);
  const second = peer(server.port);
  await expect.poll(() => server.openConnections()).toBe(2);
  await peer(server.port).closed;
  expect(server.counters().refusedConnections).toBe(2);
  second.socket.write('GET / HTTP/1.1\r\n\r\n');
  await second.closed;
  first.socket.write(framed([...ofStudy(1, 'long'), `OBX|1|ED|PDF||${'A'.repeat(70_000)}`]));
  first.socket.write(framed(ofStudy(1, 'm1', 'P')));
  first.socket.write(framed(ofStudy(1, 'm2')));
  await expect.poll(first.answers).toEqual([
    ['AR', 'long', 'It is longer than 65536 bytes (hl7.maxMessageBytes).'],
    ['AA', 'm1', 'It has no report that counts as read here: nothing is marked.'],
    ['AA', 'm2', 'It is marked as read.'],
  ]);
  await server.close(1_000);
  await first.closed;
});

test('a connection that is silent, or does not end its message, is closed', async () => {
  const { server } = await listening({ messageTimeoutMs: 1_000, idleTimeoutMs: 10_000 });
  const slow = peer(server.port);
  slow.socket.write('\vMSH|');
  await slow.closed;
  await expect.poll(() => server.openConnections()).toBe(0);
});

test('by TLS only those with a certificate of the site come in, and a renewed one is used', async () => {
  const ca = await authority(await temporaryFolder(), 'ca');
  const [own, sender] = [await ca.issue('localhost'), await ca.issue('sender')];
  const worklist = await listening({ tls: { port: 0, ...own, caFile: ca.caFile } });
  const { server, renewals } = worklist;
  await toInferred(worklist, 1, 0.2);
  const text = (path: string) => readFile(path, 'utf8');
  const material = { ca: await text(ca.caFile), cert: await text(sender.certFile), key: await text(sender.keyFile) };
  const secure = (options: object) => (port: number) =>
    connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: material.ca, ...options });
  const naked = peer(server.tlsPort!, secure({}));
  await naked.closed;
  expect(server.counters().refusedConnections).toBe(1);
  const { socket, answers } = peer(server.tlsPort!, secure(material));
  socket.write(framed(ofStudy(1, 'm1')));
  await expect.poll(answers).toEqual([['AA', 'm1', 'It is marked as read.']]);
  expect(() => renewals.get('hl7.tls')?.({ ...material, cert: 'none' })).toThrow(/^hl7\.tls: /);
});

test('messages of makers that mean no study here are answered, whatever their version and separators', async () => {
  const { server } = await listening();
  const { socket } = peer(server.port);
  let text = '';
  socket.on('data', (piece: Buffer) => (text += piece.toString('latin1')));
  socket.write(Buffer.concat(Object.values(REPORTS).map((report) => framed(report))));
  await expect.poll(() => text.match(/MSA.AA./g)).toHaveLength(4);
});

const PEER = `
import json, sys
import hl7, hl7.client
messages = json.load(open(sys.argv[2]))
answers = []
with hl7.client.MLLPClient('127.0.0.1', int(sys.argv[1])) as client:
    for message in messages:
        answer = hl7.parse(client.send_message(message.encode()).decode().strip('\\x0b\\x1c\\r'))
        answers.append([str(answer.segment('MSH')[9]), str(answer.segment('MSA')[1]), str(answer.segment('MSA')[2])])
fields = [[[str(field) for field in segment] for segment in hl7.parse(message)] for message in messages]
print(json.dumps([answers, fields]))
`;

test('python-hl7, which knows nothing of us, sends what we take, understands our answers and reads fields as we do', async () => {
  const worklist = await listening();
  await toInferred(worklist, 1, 0.2);
  const samples = [ofStudy(1, 'py1'), ...Object.values(REPORTS), ...Object.values(ORDERS)];
  const path = join(await temporaryFolder(), 'messages.json');
  await writeFile(path, JSON.stringify(samples.map((sample) => bytesOf(sample).toString())));
  const { stdout, stderr } = await runTool('/usr/bin/python3', ['-c', PEER, String(worklist.server.port), path]);
  expect(stderr).toBe('');
  const [answers, fields] = JSON.parse(stdout) as [string[][], string[][][]];
  expect(answers.map(([, ...answer]) => answer)).toEqual(
    ['py1', '88101', 'RM-9', '00000017', 'MSG9', '03139638', 'OMG-1', 'WSA5'].map((id) => ['AA', id]),
  );
  expect(answers[0]![0]).toBe('ACK^R01');
  expect(await readBy(worklist)).toEqual([[studyUid(1), 'Okafor, Ngozi (report in the RIS)']]);
  for (const [index, sample] of samples.entries()) {
    const bytes = bytesOf(sample);
    const ours = readMessage(bytes, readHeader(bytes)!).segments;
    const theirs = fields[index]!.filter(([name, , type]) => ours.some((one) => one.name === name) && type !== 'ED');
    expect(ours.map((one) => one.fields)).toEqual(theirs);
  }
});
