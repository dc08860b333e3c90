import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useConfirmed } from '../access/confirmIdentity.tsx';
import type { WorklistRow } from '../../answers/worklistAnswer.ts';
import { ATTENDED } from './attended.ts';
import { release, type HeldStudy } from './heldStudy.ts';
import type { ReleaseDialog } from './releaseDialog.tsx';
import { Refused } from './session.ts';
import { releaseWords as words } from './releaseWords.ts';

/** A row that one press releases, for the dialog; null for every other row. */
export function releasable({ held, ...row }: WorklistRow): HeldStudy | null {
  if (held === null || held.otherPatient === null) return null;
  const { studyInstanceUid, patientId, patientName, patientBirthDate, sex } = row;
  const { delivered, otherPatient } = held;
  return { studyInstanceUid, patientId, patientName, patientBirthDate, sex, delivered, otherPatient };
}

/** Lets an admin release a held study from its row or its case. `dialogs` must be rendered; `onDone` gets what went wrong, or null. */
export function useRelease(onDone: (problem: string | null) => void): {
  askRelease: (row: WorklistRow) => void;
  dialogs: JSX.Element;
} {
  const [study, setStudy] = useState<HeldStudy | null>(null);
  // Loaded at the first press: list and case are what readers wait for, and few of them release anything.
  const [Dialog, setDialog] = useState<typeof ReleaseDialog | null>(null);
  const { run, dialog } = useConfirmed();
  const end = (reason: string | null) => {
    setStudy(null);
    if (study === null || reason === null) return;
    run(async () => {
      await release(study.studyInstanceUid, 'same-patient', study.otherPatient, reason);
      window.dispatchEvent(new Event(ATTENDED));
      onDone(null);
    }).catch((error: unknown) => onDone(error instanceof Refused ? error.message : words.notReleased));
  };
  return {
    askRelease: (row) => {
      setStudy(releasable(row));
      import('./releaseDialog.tsx').then(
        (loaded) => setDialog(() => loaded.ReleaseDialog),
        () => onDone(words.notReleased),
      );
    },
    dialogs: (
      <>
        {study !== null && Dialog !== null && <Dialog study={study} onEnd={end} />}
        {dialog}
      </>
    ),
  };
}
