import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { Ledger } from '../../src/worklist/list/ledger.ts';
import { soakSeed, tries } from '../soakSize.ts';
import { temporaryFolder } from '../unit/worklist/fixture.ts';
import { associateRequest, ctDataSet, pdu, pdv, rawPeer, storeCommand } from '../unit/receive/rawPeer.ts';
import {
  agentConfig,
  send,
  smallStudy,
  startAgentProcess,
  testPacs,
  until,
  type AgentProcess,
} from './agentUnderTest.ts';
import { faultyDisk } from './ioFaults/faultyDisk.ts';
import { odontoid } from './odontoidCommand.ts';

/** Seconds of everything at once: `npm run soak -- --hostility MINUTES`. It measures how quick the page is, which CI cannot. */
const SECONDS = tries('HOSTILITY_SECONDS', 0);
const [FAKETIME] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
const CHILDREN = ['receiverChild', 'inferenceChild', 'reportChild'];

test.skipIf(SECONDS === 0)(
  `${SECONDS} s of attacks, floods, kills, a failing disk and clock steps: the books balance, and the page stays quick`,
  async () => {
    const { next: random } = seededRandom('hostility', String(soakSeed()));
    const folder = await temporaryFolder();
    const clockFile = join(folder, 'clock');
    const setClock = (offset: string) => writeFile(clockFile, `${offset}\n`);
    await setClock('+0');
    const disk = await faultyDisk(folder, FAKETIME, {
      FAKETIME_TIMESTAMP_FILE: clockFile,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_XRESET: '1',
    });
    const pacs = await testPacs(folder);
    const config = agentConfig(disk.root, pacs, { receive: { port: 0, sources: SOURCES, minFreeBytes: 0 } });
    let agent: AgentProcess = await startAgentProcess(config, undefined, disk.node);
    onTestFinished(async () => {
      disk.arm(0);
      await agent.stop();
      await pacs.close();
    });

    const end = performance.now() + SECONDS * 1_000;
    const isOver = () => performance.now() > end;
    const done: Record<string, number> = {};
    const count = (what: string, by = 1) => (done[what] = (done[what] ?? 0) + by);
    /** Repeats a piece of hostility, or of work; that it fails is part of it. */
    const keep = async (pauseMs: number, run: () => Promise<unknown>): Promise<void> => {
      while (!isOver()) {
        await run().catch(() => count('failed attempts'));
        await sleep(pauseMs * (0.5 + random()));
      }
    };

    const acknowledged = new Set<string>();
    let seed = 1_000;
    const sendStudy = async (): Promise<void> => {
      const dir = join(folder, `study-${++seed}`);
      const study = await smallStudy(dir, seed, { patientId: `P-${seed}` }, seed % 3 === 0 ? 'burst@C5' : undefined);
      // A sender comes again until it has been told of each slice that it is stored.
      let left = study.files.map(({ path, sopInstanceUid }) => ({ path, sopInstanceUid }));
      while (left.length > 0 && !isOver()) {
        const outcomes = await send(
          agent.dicomPort,
          left.map(({ path }) => path),
        ).catch(() => [] as string[]);
        for (const [index, outcome] of outcomes.entries())
          if (outcome === 'stored') acknowledged.add(left[index]!.sopInstanceUid);
        left = left.filter(({ sopInstanceUid }) => !acknowledged.has(sopInstanceUid));
        if (left.length > 0) await sleep(1_000);
      }
      if (left.length === 0) count('studies sent');
      await rm(dir, { recursive: true });
    };
    const hostileStream = async (): Promise<void> => {
      const uid = `1.2.44.${Math.floor(random() * 1e9)}`;
      const stream = Buffer.concat([
        associateRequest(),
        pdu(4, pdv(storeCommand(uid), { command: true })),
        pdu(4, pdv(ctDataSet(uid))),
      ]);
      for (let change = 0; change < 4; change++)
        stream[Math.floor(random() * stream.length)] = Math.floor(random() * 256);
      const peer = await rawPeer(agent.dicomPort);
      peer.send(stream.subarray(0, Math.floor(random() * stream.length)));
      count('hostile streams');
      if (random() < 0.7) peer.end();
      setTimeout(() => peer.destroy(), 3_000);
    };
    const junkRequest = async (): Promise<void> => {
      const junk = [
        '/api/cases/../../etc/passwd',
        '/api/worklist?limit=-1&search=%00',
        '/api/cases/1',
        '/metrics',
        '/x',
      ];
      await fetch(agent.url + junk[Math.floor(random() * junk.length)]!, { signal: AbortSignal.timeout(5_000) });
      count('junk requests');
    };
    const pageMs: number[] = [];
    /** The longest time for which the agent says that its event loop was blocked. */
    let worstLoopLagMs = 0;
    const looker = new Worker(LOOKER, { eval: true });
    const lookAtPage = async (): Promise<void> => {
      const { pid } = agent;
      looker.postMessage(agent.url);
      const [look] = (await once(looker, 'message')) as [{ tookMs: number; loopLagMs: number } | null];
      // A look that met the death of the agent says nothing of how quick it is.
      if (pid !== agent.pid || look === null) return;
      pageMs.push(look.tookMs);
      worstLoopLagMs = Math.max(worstLoopLagMs, look.loopLagMs);
    };
    const killChild = async (): Promise<void> => {
      const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=,args=', '--ppid', String(agent.pid)]);
      const wanted = CHILDREN[Math.floor(random() * CHILDREN.length)]!;
      const line = stdout.split('\n').find((text) => text.includes(wanted));
      if (line !== undefined) process.kill(Number(line.trim().split(' ')[0]), 'SIGKILL');
      count(`kills of ${wanted}`);
    };
    const killAgent = async (): Promise<void> => {
      if (SECONDS < 60) return;
      process.kill(agent.pid, 'SIGKILL');
      await agent.gone;
      count('kills of the agent');
      // As a service manager does: a start that meets a failing disk is followed by another.
      agent = await until('the agent is up again', () =>
        startAgentProcess(config, undefined, disk.node).catch(() => {
          count('failed starts');
          return null;
        }),
      );
    };
    const breakDisk = async (): Promise<void> => {
      disk.arm(1 + Math.floor(random() * 200));
      await sleep(2_000);
      if (!disk.isArmed()) count('failed writes');
      disk.arm(0);
    };
    const stepClock = async (): Promise<void> => {
      await setClock(['+0', '+3600', '-3600', '+1', '-31'][Math.floor(random() * 5)]!);
      count('clock steps');
    };

    await Promise.all([
      keep(500, sendStudy),
      keep(60, hostileStream),
      keep(40, junkRequest),
      keep(200, lookAtPage),
      keep(15_000, killChild),
      keep(3_000, breakDisk),
      keep(10_000, stepClock),
      sleep(40_000).then(() => keep(60_000, killAgent)),
    ]);

    await looker.terminate();

    // The storm is over: everything comes to its end.
    disk.arm(0);
    await setClock('+0');
    await writeFile(join(folder, 'odontoid.yaml'), JSON.stringify(config));
    const books = async (): Promise<Ledger> => {
      const { stdout } = await odontoid(['ledger', '--json'], { cwd: folder });
      return JSON.parse(stdout) as Ledger;
    };
    const ledger = await untilAtRest(books);
    const sorted = pageMs.sort((a, b) => a - b);
    const p99Ms = sorted[Math.floor(sorted.length * 0.99)]!;
    console.log(
      JSON.stringify({
        ...done,
        acknowledged: acknowledged.size,
        looks: sorted.length,
        p50Ms: Math.round(sorted[sorted.length >> 1]!),
        p99Ms: Math.round(p99Ms),
        worstLoopLagMs: Math.round(worstLoopLagMs),
        load: loadavg().map(Math.round),
        ...ledger,
      }),
    );
    expect(ledger).toMatchObject({ balances: true, lost: [], missing: [], inFlight: 0, undelivered: 0, failed: 0 });
    const onDisk = uidsOnDisk(disk.root);
    expect([...acknowledged].filter((uid) => !onDisk.has(uid))).toEqual([]);
    expect(p99Ms).toBeLessThan(1_000);
  },
  (2 * SECONDS + 900) * 1_000,
);

/** Looks at the page from a thread of its own: what this test does besides, such as drawing phantoms, is no slowness of the page. */
const LOOKER = `
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', async (url) => {
    const startedMs = performance.now();
    try {
      const answer = await fetch(url + '/api/worklist', { signal: AbortSignal.timeout(20_000) });
      const text = await answer.text();
      const tookMs = performance.now() - startedMs;
      parentPort.postMessage({ tookMs, loopLagMs: answer.ok ? JSON.parse(text).system.loopLagMs : 0 });
    } catch {
      parentPort.postMessage(null);
    }
  });
`;

/** Minutes without any case, or result, coming to its end after which what is left never will. */
const STUCK_AFTER_MINUTES = 10;

/** The books once nothing is in flight and nothing waits; as they are when nothing moves any more. A backlog takes as long as it takes on the machine at hand. */
async function untilAtRest(books: () => Promise<Ledger>): Promise<Ledger> {
  let left = Infinity;
  for (let movedMs = performance.now(); ;) {
    const now = await books();
    const open = now.inFlight + now.undelivered;
    if (open < left) movedMs = performance.now();
    left = Math.min(left, open);
    if (open === 0 || performance.now() - movedMs > STUCK_AFTER_MINUTES * 60_000) return now;
    await sleep(5_000);
  }
}

const SOURCES = ['TESTCT', 'SENDER'].map((aeTitle) => ({ aeTitle, addresses: ['127.0.0.1'] }));

/** SOP Instance UIDs of the objects on disk, by their names. */
function uidsOnDisk(root: string): Set<string> {
  const names = globSync(join(root, 'agent/spool/objects/*/*.dcm')).map((path) => basename(path));
  return new Set(names.map((name) => /^[\d.]+(?=\.[0-9a-f]{16}\.)/.exec(name)?.[0] ?? name));
}
