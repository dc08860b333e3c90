import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import { DEFAULT_RECEIVE_CONFIG } from '../../src/receive/receiveConfig.ts';
import { startReceiver } from '../../src/receive/receiverProcess.ts';
import { soakTimeout, tries } from '../soakSize.ts';
import { associated, ctDataSet, RELEASE_REQUEST, store } from '../unit/receive/rawPeer.ts';
import { runTool, temporaryDirectory } from './dcmtk.ts';

const STUDIES = tries('FLOOD_STUDIES', 60);
const SERIES_SLICES = tries('FLOOD_SERIES_SLICES', 100);
const ASSOCIATIONS = 20;
const SLICES = 10;
const MIB = 1024 * 1024;

it(
  `${STUDIES} studies on ${ASSOCIATIONS} associations, and a series of ${SERIES_SLICES} slices: all are told, memory and open files stay as they were`,
  async () => {
    const { dir, remove } = await temporaryDirectory();
    let told = 0;
    const receiver = await startReceiver({
      config: {
        ...DEFAULT_RECEIVE_CONFIG,
        port: 0,
        minFreeBytes: 0,
        sources: [{ aeTitle: 'SENDER', addresses: ['127.0.0.1'] }],
      },
      spoolDir: join(dir, 'spool'),
      longestPauseMs: 5_000,
      clock: systemClock,
      log: createLog('silent'),
      onStored: () => (told += 1),
      onReleased: () => undefined,
    });
    onTestFinished(async () => {
      await receiver.close();
      await remove();
    });
    const { stdout } = await runTool('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)]);
    const pid = /(\d+) [^\n]*receiverChild/.exec(stdout)![1]!;
    const held = async () => ({
      bytes: 1024 * Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]),
      files: (await readdir(`/proc/${pid}/fd`)).length,
    });

    /** One study on an association of its own. */
    const send = async (study: number, slices: number): Promise<void> => {
      const peer = await associated(receiver.port);
      for (let slice = 1; slice <= slices; slice++) {
        const uid = `1.2.55.${study}.${slice}`;
        peer.send(store(uid, ctDataSet(uid, { StudyInstanceUID: `2.25.55${study}`, pixelBytes: 128 * 128 * 2 })));
        expect(await peer.status()).toBe(0);
      }
      peer.send(RELEASE_REQUEST);
      await peer.receive();
      peer.end();
    };
    let next = 0;
    const sendUpTo = (last: number) =>
      Promise.all(
        Array.from({ length: ASSOCIATIONS }, async () => {
          while (next < last) await send(++next, SLICES);
        }),
      );
    // By then everything has been needed once.
    const warm = Math.ceil(STUDIES / 3);
    await sendUpTo(warm);
    await expect.poll(() => receiver.openAssociations().size).toBe(0);
    const before = await held();
    await sendUpTo(STUDIES);
    await send(STUDIES + 1, SERIES_SLICES);
    await expect.poll(() => receiver.openAssociations().size).toBe(0);
    const after = await held();
    await expect.poll(() => told).toBe(STUDIES * SLICES + SERIES_SLICES);
    expect(after.files).toBeLessThanOrEqual(before.files + 2);
    expect(after.bytes - before.bytes).toBeLessThan(64 * MIB);
    expect(receiver.counters()).toMatchObject({ stored: told, refused: 0, restarts: 0 });
  },
  soakTimeout(120_000),
);
