import { useEffect, useRef } from 'preact/hooks';
import { modelWords } from './modelsWords.ts';

const words = modelWords.remove;

/** Asks once more before the files of a package go; `onEnd` gets false when the person cancels. */
export function PackageRemoval({ name, onEnd }: { name: string; onEnd: (isWanted: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="removal-title" onCancel={() => onEnd(false)}>
      <h2 id="removal-title">{words.title(name)}</h2>
      <p>{words.what}</p>
      <button type="button" onClick={() => onEnd(true)}>
        {words.doIt}
      </button>{' '}
      <button type="button" onClick={() => onEnd(false)}>
        {modelWords.change.cancel}
      </button>
    </dialog>
  );
}
