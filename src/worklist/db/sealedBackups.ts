import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { makeFolder, syncFolder } from '../../base/durably.ts';
import { messageOf, TriageError } from '../../base/errors.ts';
import { backupDatabase, syncFile, type BackupFacts } from './backups.ts';

/** Name ending of an encrypted backup, as the `age` command has it. */
export const SEALED = '.age';

export interface SealedBackup {
  database: string;
  /** Where the unencrypted copy is made, checked and removed: on the disk that holds the database, never beside the target. */
  scratch: string;
  target: string;
  /** Public keys as `age-keygen` prints them (age1...). */
  recipients: readonly string[];
}

/**
 * A checked copy of the database, encrypted to the recipients in the age format (age-encryption.org/v1). What was written is read back and compared,
 * by a key that exists only for this.
 * @throws TriageError `command-invalid` for what is no public key, `database-invalid` as `backupDatabase`, `not-found` when it cannot be written
 */
export async function backupSealed({ database, scratch, target, recipients }: SealedBackup): Promise<BackupFacts> {
  const encrypter = new Encrypter();
  for (const recipient of recipients)
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw new TriageError(
        'command-invalid',
        `${recipient} is no public key of age. age-keygen makes a pair, and prints the public one: age1...`,
        { cause: error },
      );
    }
  const ownKey = await generateX25519Identity();
  encrypter.addRecipient(await identityToRecipient(ownKey));

  const plain = join(scratch, 'unsealed.sqlite');
  const unfinished = `${target}.part`;
  try {
    const facts = await backupDatabase(database, plain);
    await makeFolder(dirname(target));
    await pipeline(
      Readable.fromWeb((await encrypter.encrypt(bytesOf(plain))) as never),
      createWriteStream(unfinished, { mode: 0o600 }),
    );
    await syncFile(unfinished);
    const [written, meant] = [await digest(await unsealed(unfinished, ownKey)), await digest(createReadStream(plain))];
    if (written !== meant)
      throw new TriageError(
        'database-invalid',
        `${target} reads back differently from what was written. Look at that disk.`,
      );
    await rename(unfinished, target);
    await syncFolder(dirname(target));
    return facts;
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    if (error instanceof TriageError) throw error;
    throw new TriageError('not-found', `The backup cannot be written to ${target}: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await rm(plain, { force: true });
  }
}

/**
 * Decrypts a backup into `target`. `keys` is the text of a file that `age-keygen` wrote.
 * @throws TriageError `command-invalid` when no key in it fits, `database-invalid` when the file was changed or cut
 */
export async function openSealedBackup(file: string, keys: string, target: string): Promise<void> {
  const secrets = keys.split(/\s+/).filter((word) => word.startsWith('AGE-SECRET-KEY-'));
  let content: Readable;
  try {
    content = await unsealed(file, ...secrets);
  } catch (error) {
    throw new TriageError('command-invalid', `${file} cannot be decrypted with this key: ${messageOf(error)}`, {
      cause: error,
    });
  }
  try {
    await pipeline(content, createWriteStream(target, { mode: 0o600 }));
  } catch (error) {
    await rm(target, { force: true });
    throw new TriageError('database-invalid', `${file} was changed or cut short: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

const bytesOf = (path: string) => Readable.toWeb(createReadStream(path)) as unknown as ReadableStream<Uint8Array>;

async function unsealed(path: string, ...secrets: string[]): Promise<Readable> {
  const decrypter = new Decrypter();
  for (const secret of secrets) decrypter.addIdentity(secret);
  return Readable.fromWeb((await decrypter.decrypt(bytesOf(path))) as never);
}

async function digest(content: Readable): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(content, hash);
  return hash.digest('hex');
}
