import { hash, verify } from '@node-rs/argon2';
import { TriageError } from '../../base/errors.ts';

/** argon2id, 19 MiB, two passes, one lane: the minimum that OWASP recommends (Password Storage Cheat Sheet). The number is the enum's. */
const ARGON2ID = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const SHORTEST = 12;
const LONGEST = 256;
/** Passwords that are guessed within so many tries are refused: what the estimate's authors call safely unguessable online (zxcvbn, score 3). */
const LEAST_GUESSES = 1e8;

let nobodys: Promise<string> | undefined;

/**
 * A hash that matches no password, so that checking an unknown account takes as long as checking an existing one. Made at the first check of either, not at
 * the start: hashing takes 19 MiB.
 */
function nobodysHash(): Promise<string> {
  return (nobodys ??= hash(crypto.randomUUID(), ARGON2ID));
}

/** The hash to store. @throws TriageError `command-invalid` for a password that is easy to guess, with what to do */
export async function hashPassword(password: string, name: string): Promise<string> {
  const plain = password.normalize('NFKC');
  const lower = plain.toLowerCase();
  const weak =
    plain.length < SHORTEST
      ? `A password has ${SHORTEST} characters at the least; a few words are good.`
      : plain.length > LONGEST
        ? `A password has ${LONGEST} characters at the most.`
        : lower.includes(name.toLowerCase()) || lower.includes('odontoid')
          ? 'The password may not contain the account’s name or the name of this software.'
          : lower.includes('password') || (await guessesOf(plain)) < LEAST_GUESSES
            ? 'This password is among those that are tried first. Take a few words.'
            : null;
  if (weak !== null) throw new TriageError('command-invalid', weak);
  return hash(plain, ARGON2ID);
}

/** How many tries somebody needs who begins with common passwords, words, rows of keys, dates and repetitions. */
async function guessesOf(password: string): Promise<number> {
  // Loaded here, for the few times that somebody chooses a password: the list of common ones takes 24 MB.
  const { ZxcvbnFactory } = await import('@zxcvbn-ts/core');
  const { adjacencyGraphs, dictionary } = await import('@zxcvbn-ts/language-common');
  const words = [
    'hospital',
    'clinic',
    'klinik',
    'radiology',
    'radiologie',
    'spine',
    'fracture',
    'worklist',
    'dicom',
    'pacs',
  ];
  return new ZxcvbnFactory({ graphs: adjacencyGraphs, dictionary }).check(password, words).guesses;
}

/** Whether the password matches the hash; without a hash it does not, after the same work. */
export async function isPassword(kept: string | null, password: string): Promise<boolean> {
  const spare = await nobodysHash();
  const same = await verify(kept ?? spare, password.slice(0, LONGEST + 1).normalize('NFKC'));
  return same && kept !== null;
}
