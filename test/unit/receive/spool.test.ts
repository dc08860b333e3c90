import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { readHeader } from '../../../src/dicom/header.ts';
import type { IncomingFacts } from '../../../src/receive/incomingObject.ts';
import { listSpool, openSpool } from '../../../src/receive/spool.ts';
import { nodeMark } from '../../../src/receive/spoolFolders.ts';
import { CT, ctDataSet } from './rawPeer.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-spool-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const facts = (sopInstanceUid: string): IncomingFacts => ({
  sopClassUid: CT,
  sopInstanceUid,
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  sourceAeTitle: 'SENDER',
  receivingAeTitle: 'ODONTOID',
});
const open = (more: { minFreeBytes?: number; maxObjectBytes?: number; node?: string } = {}) =>
  openSpool({ dir, minFreeBytes: 0, maxObjectBytes: 10_000_000, clock: systemClock, ...more });
const temporaryFiles = () => readdir(join(dir, 'tmp'));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function keep(
  dataSet: Buffer,
  sopInstanceUid: string,
  options: { pieceBytes?: number; spool?: Awaited<ReturnType<typeof open>> } = {},
) {
  const spool = options.spool ?? (await open());
  const incoming = await spool.begin(facts(sopInstanceUid));
  try {
    const pieceBytes = options.pieceBytes ?? dataSet.length;
    for (let at = 0; at < dataSet.length; at += pieceBytes) await incoming.write(dataSet.subarray(at, at + pieceBytes));
    return await incoming.commit();
  } catch (error) {
    await incoming.discard();
    throw error;
  }
}

describe('an object that is kept', () => {
  it('lies under names from its UIDs and digests, a Part 10 file with the data set as it came', async () => {
    const dataSet = ctDataSet('1.2.3.4');
    const instance = await keep(dataSet, '1.2.3.4', { pieceBytes: 33 });
    const [folder, name, ...more] = instance.path.split('/').slice(1);
    expect([folder, more]).toEqual([sha256(Buffer.from('2.25.100')).slice(0, 16), []]);
    expect(name).toMatch(new RegExp(`^1\\.2\\.3\\.4\\.${sha256(dataSet).slice(0, 16)}\\.[0-9a-z]+-1\\.dcm$`));
    const file = await readFile(join(dir, instance.path));
    expect(file.subarray(-dataSet.length).equals(dataSet)).toBe(true);
    expect(file.subarray(0, 132).equals(Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]))).toBe(true);
    expect(instance).toMatchObject({ sha256: sha256(dataSet), sizeBytes: file.length, sourceAeTitle: 'SENDER' });
    expect(instance.header).toEqual(readHeader(file));
    expect(instance.header).toMatchObject({
      patientId: 'P-1',
      studyInstanceUid: '2.25.100',
      transferSyntaxUid: '1.2.840.10008.1.2.1',
    });
    expect(await temporaryFiles()).toEqual([]);
  });

  it('is read back the same from disk', async () => {
    const spool = await open();
    const instance = await keep(ctDataSet('1.2.3.4'), '1.2.3.4', { spool });
    const { receivedAtMs, ...read } = await spool.describe(instance.path);
    expect({ ...read, receivedAtMs: instance.receivedAtMs }).toEqual(instance);
    expect(Math.abs(receivedAtMs - instance.receivedAtMs)).toBeLessThan(2_000);
    expect(await listSpool(dir, 0)).toEqual([instance.path]);
    expect(await listSpool(dir, systemClock.now() + 60_000)).toEqual([]);
  });

  it('may be larger than what is gathered in memory', async () => {
    const dataSet = ctDataSet('1.2.3.4', { pixelBytes: 3_500_000 });
    const instance = await keep(dataSet, '1.2.3.4', { pieceBytes: 100_001 });
    expect((await readFile(join(dir, instance.path))).subarray(-dataSet.length).equals(dataSet)).toBe(true);
    expect(instance.sha256).toBe(sha256(dataSet));
  });

  it('may have padding behind its pixels, whole fragments, and bulk of other kinds that is larger than any header', async () => {
    const spool = await open({ maxObjectBytes: 20_000_000 });
    await keep(ctDataSet('1.2.3.4', { pixelBytes: 132 }), '1.2.3.4', { spool });
    const dataSet = ctDataSet('1.2.3.5');
    const pixels = dataSet.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00]));
    const head = dataSet.subarray(0, pixels);
    const fragments = Buffer.from(
      'e07f10004f420000fffffffffeff00e000000000feff00e0020000000102feffdde000000000',
      'hex',
    );
    await keep(Buffer.concat([head, fragments]), '1.2.3.5', { spool });
    // Some archives pad with zeros instead of closing the sequence.
    const zeroed = Buffer.concat([
      ctDataSet('1.2.3.7').subarray(0, pixels),
      fragments.subarray(0, -8),
      Buffer.alloc(24),
    ]);
    await keep(zeroed, '1.2.3.7', { spool });
    const other = ctDataSet('1.2.3.6');
    const document = Buffer.from('420011004f4200000000a000', 'hex');
    await keep(Buffer.concat([other.subarray(0, pixels), document, Buffer.alloc(0xa00000)]), '1.2.3.6', { spool });
    expect(await listSpool(dir, 0)).toHaveLength(4);
  });

  it('is a file of its own each time it comes, also at the same time and after a restart: no acknowledged file has a name that anybody knew before', async () => {
    const spool = await open();
    const dataSet = ctDataSet('1.2.3.4');
    const came = await Promise.all([keep(dataSet, '1.2.3.4', { spool }), keep(dataSet, '1.2.3.4', { spool })]);
    await rm(join(dir, came[0].path));
    came.push(await keep(dataSet, '1.2.3.4', { spool }));
    await systemClock.sleep(2);
    came.push(await keep(dataSet, '1.2.3.4', { spool: await open() }));
    expect(new Set(came.map(({ path }) => path)).size).toBe(4);
    expect((await listSpool(dir, 0)).sort()).toEqual(
      came
        .slice(1)
        .map(({ path }) => path)
        .sort(),
    );
    for (const { path } of came.slice(1)) expect((await spool.describe(path)).sha256).toBe(sha256(dataSet));
    expect(await temporaryFiles()).toEqual([]);
  });

  it('finds its place again after retention removed the folder of its study', async () => {
    const spool = await open();
    const first = await keep(ctDataSet('1.2.3.4'), '1.2.3.4', { spool });
    await rm(join(dir, first.path, '..'), { recursive: true });
    const second = await keep(ctDataSet('1.2.3.5'), '1.2.3.5', { spool });
    expect(await listSpool(dir, 0)).toEqual([second.path]);
  });
});

describe('an object that is refused leaves nothing behind', () => {
  afterEach(async () => {
    expect(await temporaryFiles()).toEqual([]);
    expect(await listSpool(dir, 0)).toEqual([]);
  });

  it('when the data set is of another instance or class than the command', async () => {
    await expect(keep(ctDataSet('1.2.3.5'), '1.2.3.4')).rejects.toMatchObject({ code: 'dicom-mismatch' });
    await expect(
      keep(ctDataSet('1.2.3.4', { SOPClassUID: '1.2.840.10008.5.1.4.1.1.7' }), '1.2.3.4'),
    ).rejects.toMatchObject({ code: 'dicom-mismatch' });
  });
  it.each(['../../../etc/passwd', '1.2/3', '1.2\0', '01.2', '', '1..2', '.', `1.${'2'.repeat(63)}`])(
    'when its UID is %j',
    async (uid) => {
      await expect(keep(ctDataSet('1.2.3.4'), uid)).rejects.toMatchObject({ code: 'dicom-mismatch' });
    },
  );
  it('when its study UID is no UID', async () => {
    const dataSet = ctDataSet('1.2.3.4');
    dataSet.write('../.', dataSet.indexOf('2.25.100'), 'latin1');
    await expect(keep(dataSet, '1.2.3.4')).rejects.toMatchObject({ code: 'dicom-mismatch' });
  });
  it('when it cannot be read, cut anywhere before its pixel data', async () => {
    const spool = await open();
    const dataSet = ctDataSet('1.2.3.4');
    const pixels = dataSet.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00]));
    expect(pixels).toBeGreaterThan(0);
    for (let length = 0; length < pixels; length += 17) {
      await expect(keep(dataSet.subarray(0, length), '1.2.3.4', { spool }), `${length} bytes`).rejects.toMatchObject({
        code: expect.stringMatching(/^dicom-(unreadable|mismatch)$/),
      });
    }
  });
  it.each([
    [
      'fewer pixel bytes came than are declared',
      (bytes: Buffer) => bytes.subarray(0, -2),
      '128 bytes are declared, and 126 came',
    ],
    [
      'the matrix is larger than its pixels',
      (bytes: Buffer) => {
        bytes.writeUInt16LE(9, bytes.indexOf(Buffer.from([0x28, 0, 0x10, 0, 0x55, 0x53])) + 8);
        return bytes;
      },
      'the matrix needs 144 bytes, and has 128',
    ],
  ])('when %s', async (_, change, why) => {
    await expect(keep(change(ctDataSet('1.2.3.4')), '1.2.3.4')).rejects.toMatchObject({
      code: 'dicom-unreadable',
      message: `The pixel data are shorter than the header says: ${why}.`,
    });
  });
  it.each([
    ['no end', Buffer.from('feff00e000000000feff00e0020000000102', 'hex'), 'its fragments have no end'],
    [
      'a fragment cut off',
      Buffer.from('feff00e000000000feff00e0040000000102', 'hex'),
      'a fragment is longer than what came',
    ],
    ['something else', Buffer.from('feff00e00000000008000500', 'hex'), 'its fragments have no end'],
    [
      'another element',
      Buffer.from('feff00e0000000000800050043530000', 'hex'),
      'something else stands among its fragments',
    ],
  ])('when the fragments of its pixel data have %s', async (_, fragments, why) => {
    const dataSet = ctDataSet('1.2.3.4');
    const pixels = dataSet.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00]));
    const head = Buffer.from('e07f10004f420000ffffffff', 'hex');
    await expect(keep(Buffer.concat([dataSet.subarray(0, pixels), head, fragments]), '1.2.3.4')).rejects.toMatchObject({
      code: 'dicom-unreadable',
      message: `The pixel data are shorter than the header says: ${why}.`,
    });
  });
  it('when its fragments are cut off, and it is larger than what is gathered in memory', async () => {
    const dataSet = ctDataSet('1.2.3.4');
    const head = dataSet.subarray(0, dataSet.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00])));
    // A fragment of 2,000,000 bytes, behind an empty offset table and before the end.
    const begin = Buffer.from('e07f10004f420000fffffffffeff00e000000000feff00e080841e00', 'hex');
    const whole = Buffer.concat([head, begin, Buffer.alloc(2_000_000), Buffer.from('feffdde000000000', 'hex')]);
    await expect(
      keep(whole.subarray(0, -9), '1.2.3.4', { spool: await open(), pieceBytes: 90_001 }),
    ).rejects.toMatchObject({ message: expect.stringContaining('a fragment is longer than what came') });
    const spool = await open();
    const { path } = await keep(whole, '1.2.3.4', { spool, pieceBytes: 90_001 });
    await rm(join(dir, path));
  });
  it('when it is too large', async () => {
    const spool = await open({ maxObjectBytes: 2_000_000 });
    await expect(
      keep(ctDataSet('1.2.3.4', { pixelBytes: 2_000_000 }), '1.2.3.4', { spool, pieceBytes: 50_000 }),
    ).rejects.toMatchObject({ code: 'object-too-large' });
  });
  it('when less disk is free than the low-water mark', async () => {
    const spool = await open({ minFreeBytes: 2 ** 50 });
    await expect(spool.begin(facts('1.2.3.4'))).rejects.toMatchObject({ code: 'spool-full' });
  });
  it('when its sender goes away', async () => {
    const spool = await open();
    const incoming = await spool.begin(facts('1.2.3.4'));
    await incoming.write(Buffer.alloc(2_000_000));
    expect(await temporaryFiles()).toHaveLength(1);
    await incoming.discard();
    await incoming.discard();
  });
});

it('answers a disk error as such, and works again when it has passed', async () => {
  const spool = await open();
  const dataSet = ctDataSet('1.2.3.4');
  await rm(join(dir, 'tmp'), { recursive: true });
  await expect(keep(dataSet, '1.2.3.4', { spool })).rejects.toMatchObject({ code: 'spool-write-failed' });
  await mkdir(join(dir, 'tmp'));
  await rm(join(dir, 'objects'), { recursive: true });
  await writeFile(join(dir, 'objects'), '');
  await expect(keep(dataSet, '1.2.3.4', { spool })).rejects.toMatchObject({
    code: 'spool-write-failed',
    message: expect.not.stringContaining(dir),
  });
  await rm(join(dir, 'objects'));
  await mkdir(join(dir, 'objects'));
  expect(await keep(dataSet, '1.2.3.4', { spool })).toMatchObject({ sha256: sha256(dataSet) });
});

it('removes at the start what was never acknowledged', async () => {
  await mkdir(join(dir, 'tmp'));
  await writeFile(join(dir, 'tmp', '7.part'), 'half a slice');
  await open();
  expect(await temporaryFiles()).toEqual([]);
});

describe('a spool into which several nodes receive', () => {
  it('has names that tell who wrote, and one node’s start leaves alone what another is writing', async () => {
    const first = await open({ node: 'ct-1' });
    const writing = await first.begin(facts('1.2.3.4'));
    await writing.write(ctDataSet('1.2.3.4'));
    const second = await open({ node: 'ct-2' });
    const [own, others] = await Promise.all([
      writing.commit(),
      keep(ctDataSet('1.2.3.5'), '1.2.3.5', { spool: second }),
    ]);
    expect(await listSpool(dir, 0, 'ct-1')).toEqual([own.path]);
    expect(await listSpool(dir, 0, 'ct-2')).toEqual([others.path]);
    expect((await listSpool(dir, 0)).sort()).toEqual([own.path, others.path].sort());
    for (const { path, sha256 } of [own, others]) expect((await second.describe(path)).sha256).toBe(sha256);
  });

  it('has names of its own for objects of the same bytes, whoever writes them at the same moment', async () => {
    const clock = { ...systemClock, now: () => 1_800_000_000_000 };
    const spools = await Promise.all(
      ['ct-1', 'ct-2'].map((node) => openSpool({ dir, minFreeBytes: 0, maxObjectBytes: 10_000_000, clock, node })),
    );
    const came = await Promise.all(spools.map((spool) => keep(ctDataSet('1.2.3.4'), '1.2.3.4', { spool })));
    expect(new Set(came.map(({ path }) => path)).size).toBe(2);
    expect(await listSpool(dir, 0)).toHaveLength(2);
  });

  it('takes objects of the time of a single node for anybody’s', async () => {
    const { path } = await keep(ctDataSet('1.2.3.4'), '1.2.3.4');
    expect(await listSpool(dir, 0, 'ct-1')).toEqual([path]);
  });

  it('loses at a start what was never acknowledged: of this node, and of any that has not written for a day', async () => {
    const names = ['ct-1', 'ct-2'].map((node) => join(dir, 'tmp', nodeMark(node)));
    const dayAgo = new Date(systemClock.now() - 86_400_000 - 1_000);
    for (const folder of names) {
      await mkdir(folder, { recursive: true });
      for (const file of ['new.part', 'old.part']) await writeFile(join(folder, file), 'half a slice');
      await utimes(join(folder, 'old.part'), dayAgo, dayAgo);
    }
    await open({ node: 'ct-1' });
    expect(await readdir(names[0]!)).toEqual([]);
    expect(await readdir(names[1]!)).toEqual(['new.part']);
  });
});

describe('reading objects back', () => {
  it('refuses paths that are none of an object, lost files, and bytes that have changed', async () => {
    const spool = await open();
    const instance = await keep(ctDataSet('1.2.3.4'), '1.2.3.4', { spool });
    await expect(spool.describe('../../etc/passwd')).rejects.toMatchObject({ code: 'not-found' });
    await expect(spool.describe(instance.path.replace('1.2.3.4', '1.2.3.5'))).rejects.toMatchObject({
      code: 'not-found',
    });
    const bytes = await readFile(join(dir, instance.path));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(join(dir, instance.path), bytes);
    await expect(spool.describe(instance.path)).rejects.toMatchObject({ code: 'dicom-unreadable' });
  });
});
