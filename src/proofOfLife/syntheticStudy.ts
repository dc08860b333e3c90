import { once } from 'node:events';
import { forkBeside } from '../base/childProcess.ts';
import { TriageError } from '../base/errors.ts';
import type { PhantomOptions } from '../phantom/phantomParams.ts';
import type { StudyOptions } from '../phantom/writePhantomStudy.ts';

/** The message to the child process: plain data. */
export interface StudyOrder {
  params: PhantomOptions & { seed: number };
  options: StudyOptions;
}

export type StudyMade =
  { ok: true; studyInstanceUid: string; patientId: string; paths: string[] } | { ok: false; message: string };

/** The phantom of every proof: the same pixels each time, so that one network must give one score. Its seed is not in the training set. */
const PHANTOM: StudyOrder['params'] = {
  seed: 9_000_001,
  fractures: [{ fracture: 'dens-2@C2', grade: 'obvious' }],
  sliceSpacingMm: 3,
  rows: 256,
  columns: 256,
};
const PATIENT = {
  patientName: 'PROOF OF LIFE^SYNTHETIC',
  patientId: 'ODONTOID-PROOF',
  studyDescription: 'Proof of life: synthetic, no patient',
};

/**
 * Writes a synthetic study with an obvious fracture of the dens into `dir`, in a child process. `uidSeed` determines its UIDs; a secret seed makes UIDs
 * that nobody else can have.
 *
 * @throws TriageError `proof-failed`
 */
export async function makeSyntheticStudy(
  options: { dir: string; uidSeed: string; accessionNumber: string; studyDateTime: string },
  signal: AbortSignal,
): Promise<Extract<StudyMade, { ok: true }>> {
  const child = forkBeside(import.meta.url, 'syntheticStudyChild', {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    signal,
    killSignal: 'SIGKILL',
  });
  let answer: StudyMade | null = null;
  child.on('message', (message: StudyMade) => {
    answer = message;
  });
  const gone = once(child, 'close').catch(() => undefined);
  child.send({ params: PHANTOM, options: { ...PATIENT, ...options } } satisfies StudyOrder, () => undefined);
  await gone;
  const made = answer as StudyMade | null;
  if (signal.aborted)
    throw new TriageError('proof-failed', 'The synthetic study was not made in time: this machine is very busy.');
  if (made === null)
    throw new TriageError(
      'proof-failed',
      'The process that makes the synthetic study ended without one: is there memory left on this machine?',
    );
  if (!made.ok) throw new TriageError('proof-failed', `The synthetic study could not be made: ${made.message}`);
  return made;
}
