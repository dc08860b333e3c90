import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import type { StoredInstance } from '../../../src/case/case.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { datasetOffset } from '../../../src/dicom/header.ts';
import { createLog } from '../../../src/base/log.ts';
import { DEFAULT_RECEIVE_CONFIG } from '../../../src/receive/receiveConfig.ts';
import { openSpool } from '../../../src/receive/spool.ts';
import { startStorageScp } from '../../../src/receive/storageScp.ts';
import { soakSeed, soakTimeout, tries } from '../../soakSize.ts';
import { temporaryDirectory } from '../../interop/dcmtk.ts';
import { associated, ctDataSet, store, type RawPeer } from './rawPeer.ts';

it(
  'whatever the order of pieces on however many associations, each object is its own patient’s, byte for byte',
  async () => {
    const { dir, remove } = await temporaryDirectory();
    onTestFinished(remove, soakTimeout(60_000));
    const told = new Map<string, StoredInstance>();
    const spool = await openSpool({ dir, minFreeBytes: 0, maxObjectBytes: 1e9, clock: systemClock });
    const scp = await startStorageScp({
      config: { ...DEFAULT_RECEIVE_CONFIG, port: 0, sources: [{ aeTitle: 'SENDER', addresses: ['127.0.0.1'] }] },
      spool,
      clock: systemClock,
      log: createLog('silent'),
      idPrefix: 't',
      open: new Map(),
      listener: {
        opened: () => undefined,
        stored: (_id, instance) => {
          told.set(instance.header.sopInstanceUid, instance);
          return Promise.resolve();
        },
        commitmentAsked: () => Promise.resolve({ status: 0, why: '' }),
        commitmentReported: () => Promise.resolve({ status: 0, why: '' }),
        refused: () => undefined,
        ended: () => undefined,
      },
    });
    onTestFinished(() => scp.close(0));
    const peers: RawPeer[] = await Promise.all([0, 1, 2, 3].map(() => associated(scp.port)));
    let sent = 0;
    // Turns: which association sends its next bytes, and how many.
    const turns = fc.array(fc.record({ peer: fc.nat(3), bytes: fc.integer({ min: 1, max: 900 }) }), {
      minLength: 4,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(turns, fc.boolean(), async (order, sameStudy) => {
        const round = ++sent;
        const objects = peers.map((_, index) => {
          const uid = `1.2.66.${round}.${index}`;
          // Patients differ also where the study does not: what a study holds of two is decided later, but never mixed here.
          const dataSet = ctDataSet(uid, {
            StudyInstanceUID: sameStudy ? `2.25.66${round}` : `2.25.66${round}${index}`,
            PatientID: `P-${round}-${index}`,
            pixelBytes: 400 + 2 * index,
          });
          return { uid, index, dataSet, rest: store(uid, dataSet, { pieceBytes: 300 }) };
        });
        const take = (index: number, bytes: number): void => {
          const object = objects[index]!;
          if (object.rest.length > 0) peers[index]!.send(object.rest.subarray(0, bytes));
          object.rest = object.rest.subarray(bytes);
        };
        for (const { peer, bytes } of order) take(peer, bytes);
        for (const { index, rest } of objects) take(index, rest.length);
        for (const peer of peers) expect(await peer.status()).toBe(0);
        for (const { uid, index, dataSet } of objects) {
          const instance = told.get(uid)!;
          expect(instance.header).toMatchObject({ sopInstanceUid: uid, patientId: `P-${round}-${index}` });
          const bytes = await readFile(join(dir, instance.path));
          expect(bytes.subarray(datasetOffset(bytes)).equals(dataSet), uid).toBe(true);
        }
      }),
      { numRuns: tries('INTERLEAVINGS', 40), seed: soakSeed() },
    );
    for (const peer of peers) peer.destroy();
  },
  soakTimeout(60_000),
);
