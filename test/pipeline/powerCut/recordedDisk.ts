import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';

type Kind = 'create' | 'write' | 'truncate' | 'syncBegin' | 'syncEnd' | 'rename' | 'unlink' | 'makeFolder' | 'said';
/** What `recordWrites.c` writes, and beside it `said`: what a test was told by then. */
const KINDS: Readonly<Record<number, Kind>> = {
  1: 'create',
  2: 'write',
  3: 'truncate',
  4: 'syncBegin',
  5: 'syncEnd',
  6: 'rename',
  7: 'unlink',
  8: 'makeFolder',
  100: 'said',
};
const SAID = 100;
const HEAD_BYTES = 32;

export interface DiskRecord {
  kind: Kind;
  process: number;
  inode: number;
  /** Offset, length of the file, or number of the sync. */
  at: number;
  a: Buffer;
  b: Buffer;
}

/** Puts on the record that somebody outside has been told this: from here on a power cut must not undo it. */
export function say(logPath: string, words: string): void {
  const text = Buffer.from(words);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(SAID, 0);
  head.writeUInt32LE(text.length, 8);
  appendFileSync(logPath, Buffer.concat([head, text]));
}

export function readRecords(logPath: string): DiskRecord[] {
  const bytes = readFileSync(logPath);
  const records: DiskRecord[] = [];
  for (let position = 0; position < bytes.length;) {
    const [what, process, lengthA, lengthB] = [0, 4, 8, 12].map((offset) => bytes.readUInt32LE(position + offset)) as [
      number,
      number,
      number,
      number,
    ];
    const kind = KINDS[what];
    const end = position + HEAD_BYTES + lengthA + lengthB;
    if (kind === undefined || end > bytes.length) throw new Error(`The record at ${position} cannot be read.`);
    const a = bytes.subarray(position + HEAD_BYTES, position + HEAD_BYTES + lengthA);
    records.push({
      kind,
      process,
      inode: Number(bytes.readBigUInt64LE(position + 16)),
      at: Number(bytes.readBigUInt64LE(position + 24)),
      a,
      b: bytes.subarray(end - lengthB, end),
    });
    position = end;
  }
  return records;
}

type Change = { order: number } & (
  | { kind: 'bytes'; at: number; bytes: Buffer }
  | { kind: 'length'; length: number }
  | { kind: 'entry'; name: string; node: Node | null }
);
/** A file or a folder: what of it is surely on disk, and what has been done to it since. */
interface Node {
  bytes: Buffer;
  entries: Map<string, Node>;
  isFolder: boolean;
  pending: Change[];
}

/**
 * What of the changes that were not synced a power cut leaves: nothing; the names without their contents (a file system keeps its own records apart from the
 * data); or, drawn by `random`, names up to some moment and any part of the contents, torn at sectors.
 */
export type Survival = { kind: 'nothing' } | { kind: 'names' } | { kind: 'some'; random: () => number };

const SECTOR_BYTES = 512;

/** A disk below one folder, which knows what a power cut would leave of it. */
export class RecordedDisk {
  readonly #root: Node;
  readonly #rootPath: string;
  readonly #byInode = new Map<number, Node>();
  /** Names as the processes see them. */
  readonly #seen = new Map<string, Node>();
  readonly #syncs = new Map<string, number>();
  #order = 0;

  constructor(rootPath: string) {
    this.#rootPath = rootPath;
    this.#root = newNode(true);
    this.#seen.set(rootPath, this.#root);
    this.#byInode.set(statSync(rootPath).ino, this.#root);
  }

  play(record: DiskRecord): void {
    const order = ++this.#order;
    const { kind, inode, at, a, b } = record;
    const path = a.toString();
    switch (kind) {
      case 'create':
      case 'makeFolder': {
        const node = newNode(kind === 'makeFolder');
        this.#byInode.set(inode, node);
        this.#name(path, node, order);
        break;
      }
      case 'write':
        this.#of(inode).pending.push({ order, kind: 'bytes', at, bytes: a });
        break;
      case 'truncate':
        this.#of(inode).pending.push({ order, kind: 'length', length: at });
        break;
      case 'syncBegin':
        this.#syncs.set(`${record.process} ${at}`, order);
        break;
      case 'syncEnd': {
        const node = this.#of(inode);
        const begun = this.#syncs.get(`${record.process} ${at}`)!;
        for (const change of node.pending) if (change.order < begun) make(node, change);
        node.pending = node.pending.filter((change) => change.order > begun);
        break;
      }
      case 'rename': {
        const node = this.#seen.get(path);
        if (node === undefined || node.isFolder)
          throw new Error(`${path} is moved, and is no file that was made here.`);
        this.#name(path, null, order);
        this.#name(b.toString(), node, order);
        break;
      }
      case 'unlink':
        this.#name(path, null, order);
        break;
      case 'said':
        break;
    }
  }

  /** Writes what a power cut now would leave into a new folder. */
  async leave(folder: string, survival: Survival): Promise<void> {
    const cut = survival.kind === 'some' ? survival.random() * this.#order : survival.kind === 'names' ? Infinity : 0;
    const write = async (path: string, node: Node): Promise<void> => {
      const left = { bytes: Buffer.from(node.bytes), entries: new Map(node.entries) };
      if (node.isFolder) {
        await mkdir(path, { recursive: true });
        for (const change of node.pending) if (change.order <= cut) make(left, change);
        for (const [name, child] of left.entries) await write(join(path, name), child);
        return;
      }
      if (survival.kind === 'some')
        for (const change of node.pending) for (const part of torn(change, survival.random)) make(left, part);
      await writeFile(path, left.bytes);
    };
    await write(folder, this.#root);
  }

  #of(inode: number): Node {
    const node = this.#byInode.get(inode);
    if (node === undefined) throw new Error(`Inode ${inode} was not made here.`);
    return node;
  }

  #name(path: string, node: Node | null, order: number): void {
    const parent = this.#seen.get(dirname(path));
    if (parent === undefined) throw new Error(`The folder of ${relative(this.#rootPath, path)} was not made here.`);
    if (node === null) this.#seen.delete(path);
    else this.#seen.set(path, node);
    parent.pending.push({ order, kind: 'entry', name: basename(path), node });
  }
}

function newNode(isFolder: boolean): Node {
  return { bytes: Buffer.alloc(0), entries: new Map(), isFolder, pending: [] };
}

function make(node: Pick<Node, 'bytes' | 'entries'>, change: Change): void {
  if (change.kind === 'entry') {
    if (change.node === null) node.entries.delete(change.name);
    else node.entries.set(change.name, change.node);
    return;
  }
  const length =
    change.kind === 'length' ? change.length : Math.max(node.bytes.length, change.at + change.bytes.length);
  if (length !== node.bytes.length) {
    const longer = Buffer.alloc(length);
    node.bytes.copy(longer);
    node.bytes = longer;
  }
  if (change.kind === 'bytes') change.bytes.copy(node.bytes, change.at);
}

/** Any of the sectors of a write, or none; a change of the length happens or does not. */
function torn(change: Change, random: () => number): Change[] {
  if (change.kind !== 'bytes') return random() < 0.5 ? [change] : [];
  const parts: Change[] = [];
  for (let start = 0; start < change.bytes.length;) {
    const end = Math.min(change.bytes.length, start + SECTOR_BYTES - ((change.at + start) % SECTOR_BYTES));
    if (random() < 0.5) parts.push({ ...change, at: change.at + start, bytes: change.bytes.subarray(start, end) });
    start = end;
  }
  return parts;
}
