import { readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import BetterSqlite3 from 'better-sqlite3';
import { expect, test } from 'vitest';
import { backupSealed, openSealedBackup } from '../../../../src/worklist/db/sealedBackups.ts';
import { instanceOf, openFileWorklist, temporaryFolder } from '../fixture.ts';

/** Long enough that encrypted bytes do not hold it by chance, as they held a shorter one once. */
const PATIENT_ID = 'in-no-encrypted-backup';

/** A database with two studies, its backup encrypted to two keys, and the secret ones. */
async function sealed() {
  const { place, store } = await openFileWorklist();
  await store.recordInstances(
    [1, 2].map((study) => instanceOf({ study, number: study, patientId: `${PATIENT_ID}-${study}` })),
  );
  const folder = await temporaryFolder();
  const secrets = [await generateX25519Identity(), await generateX25519Identity()];
  const target = join(folder, 'elsewhere', 'worklist.sqlite.age');
  const facts = await backupSealed({
    database: place,
    scratch: join(folder, 'scratch'),
    target,
    recipients: await Promise.all(secrets.map(identityToRecipient)),
  });
  return { folder, secrets, target, facts };
}

test('either key opens it, it holds what the database did, and nothing unencrypted is left anywhere', async () => {
  const { folder, secrets, target, facts } = await sealed();
  expect(facts).toMatchObject({ cases: 2, instances: 2 });
  for (const [index, secret] of secrets.entries()) {
    const plain = join(folder, `${index}.sqlite`);
    await openSealedBackup(target, `# public key: age1...\n${secret}\n`, plain);
    const sqlite = new BetterSqlite3(plain, { readonly: true });
    expect(sqlite.prepare('select patient_id from cases order by patient_id').pluck().all()).toEqual([
      `${PATIENT_ID}-1`,
      `${PATIENT_ID}-2`,
    ]);
    sqlite.close();
  }
  expect(await readdir(join(folder, 'scratch'))).toEqual([]);
  expect(await readdir(dirname(target))).toEqual(['worklist.sqlite.age']);
  const bytes = await readFile(target, 'latin1');
  expect(bytes.startsWith('age-encryption.org/v1\n')).toBe(true);
  for (const plain of [PATIENT_ID, 'SQLite format']) expect(bytes.includes(plain)).toBe(false);
});

test('another key, a changed byte and a cut are each a sentence, and leave no file', async () => {
  const { folder, secrets, target } = await sealed();
  const plain = join(folder, 'plain.sqlite');
  const stranger = await generateX25519Identity();
  for (const keys of [stranger, '', '# nothing here'])
    await expect(openSealedBackup(target, keys, plain)).rejects.toMatchObject({
      code: 'command-invalid',
      message: expect.stringContaining('cannot be decrypted with this key'),
    });
  const bytes = await readFile(target);
  const flipped = Buffer.from(bytes);
  flipped[flipped.length - 100]! ^= 1;
  for (const damaged of [flipped, bytes.subarray(0, -1), bytes.subarray(0, bytes.length - 70_000)]) {
    await writeFile(target, damaged);
    await expect(openSealedBackup(target, secrets[0]!, plain)).rejects.toMatchObject({
      code: 'database-invalid',
      message: expect.stringContaining('was changed or cut short'),
    });
    expect(await readdir(folder)).not.toContain('plain.sqlite');
  }
});

test('what is no public key is refused before anything is written', async () => {
  const { place } = await openFileWorklist();
  const folder = await temporaryFolder();
  const target = join(folder, 'worklist.sqlite.age');
  await expect(
    backupSealed({ database: place, scratch: folder, target, recipients: ['ssh-ed25519 AAAA'] }),
  ).rejects.toMatchObject({ code: 'command-invalid', message: expect.stringContaining('is no public key of age') });
  expect(await readdir(folder)).toEqual([]);
});
