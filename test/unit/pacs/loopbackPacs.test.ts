import { join } from 'node:path';
import dimse from 'dcmjs-dimse';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock as clock } from '../../../src/base/clock.ts';
import { startLoopbackPacs, type LoopbackPacs } from '../../../src/demo/loopbackPacs.ts';
import { derivedUid } from '../../../src/dicom/uids.ts';
import { createLog } from '../../../src/base/log.ts';
import { createDimseScu } from '../../../src/pacs/dimseScu.ts';
import type { ResultObject } from '../../../src/case/delivery.ts';
import { temporaryDirectory } from '../../interop/dcmtk.ts';
import { writeSampleResults } from './sampleObjects.ts';

const log = createLog('silent');
const STORAGE_COMMITMENT_INSTANCE = '1.2.840.10008.1.20.1.1';
let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
let pacs: LoopbackPacs;
let objects: ResultObject[];

beforeEach(async () => {
  temporary = await temporaryDirectory();
  pacs = await startLoopbackPacs({ dir: join(temporary.dir, 'pacs'), port: 0, aeTitle: 'LOOPBACK', clock, log });
  objects = await writeSampleResults(join(temporary.dir, 'results'), '1');
  const scu = createDimseScu(
    {
      name: 'loopback',
      aeTitle: 'LOOPBACK',
      host: '127.0.0.1',
      port: pacs.port,
      callingAeTitle: 'ODONTOID',
      timeoutMs: 2_000,
    },
    { clock, log },
  );
  await scu.store(objects.slice(0, 2));
});

afterEach(async () => {
  await pacs.close();
  await temporary.remove();
});

const reference = (object: { sopClassUid: string; sopInstanceUid: string }): object => ({
  ReferencedSOPClassUID: object.sopClassUid,
  ReferencedSOPInstanceUID: object.sopInstanceUid,
});

/** Asks for commitment by N-ACTION and gives the N-EVENT-REPORT that comes back on the same association. */
async function commitment(references: object[]): Promise<{ eventType: number; elements: Record<string, unknown> }> {
  const client = new dimse.Client();
  const request = new dimse.requests.NActionRequest(
    dimse.constants.SopClass.StorageCommitmentPushModel,
    STORAGE_COMMITMENT_INSTANCE,
    1,
  );
  request.setDataset(
    new dimse.Dataset({ TransactionUID: derivedUid('transaction'), ReferencedSOPSequence: references }),
  );
  client.addRequest(request);
  const report = new Promise<{ eventType: number; elements: Record<string, unknown> }>((resolve, reject) => {
    client.on(
      'nEventReportRequest',
      (
        event: dimse.requests.NEventReportRequest,
        callback: (response: dimse.responses.NEventReportResponse) => void,
      ) => {
        const response = dimse.responses.NEventReportResponse.fromRequest(event);
        response.setStatus(dimse.constants.Status.Success);
        callback(response);
        resolve({ eventType: event.getEventTypeId(), elements: event.getDataset()!.getElements() });
      },
    );
    client.on('networkError', reject);
  });
  client.send('127.0.0.1', pacs.port, 'ODONTOID', 'LOOPBACK', { associationLingerTimeout: 500 });
  return report;
}

test('storage commitment: what it holds is committed', async () => {
  const { eventType, elements } = await commitment(objects.slice(0, 2).map(reference));
  expect(eventType).toBe(1);
  expect(elements['TransactionUID']).toBe(derivedUid('transaction'));
  expect(elements['ReferencedSOPSequence']).toMatchObject(objects.slice(0, 2).map(reference));
  expect(elements['FailedSOPSequence']).toBeUndefined();
});

test('storage commitment: what it does not hold, or holds as another SOP class, is told as failed', async () => {
  const [held, , missing] = objects as [ResultObject, ResultObject, ResultObject];
  const { eventType, elements } = await commitment(
    [held, missing, { ...objects[1]!, sopClassUid: '1.2.3' }].map(reference),
  );
  expect(eventType).toBe(2);
  expect(
    [elements['ReferencedSOPSequence']]
      .flat()
      .map((item) => (item as Record<string, unknown>)['ReferencedSOPInstanceUID']),
  ).toEqual([held.sopInstanceUid]);
  expect(
    [elements['FailedSOPSequence']].flat().map((item) => (item as Record<string, unknown>)['FailureReason']),
  ).toEqual([0x0112, 0x0112]);
});

test('listeners hear of each object after it is kept', async () => {
  const heard: string[] = [];
  const forget = pacs.onStored((object) => {
    heard.push(object.sopInstanceUid);
  });
  const scu = createDimseScu(
    {
      name: 'loopback',
      aeTitle: 'LOOPBACK',
      host: '127.0.0.1',
      port: pacs.port,
      callingAeTitle: 'ODONTOID',
      timeoutMs: 2_000,
    },
    { clock, log },
  );
  await scu.store(objects);
  forget();
  await scu.store(objects);
  expect(heard).toEqual(objects.map((object) => object.sopInstanceUid));
  expect(pacs.objects().map((object) => object.receipts)).toEqual([3, 3, 2]);
});
