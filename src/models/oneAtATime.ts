import { TriageError } from '../base/errors.ts';

/** Runs an act that reads or changes packages. @throws TriageError `model-check-running` while another one runs */
export type Alone = <T>(act: () => Promise<T>) => Promise<T>;

/** Lets one act run at a time; `onOver` is called after each. */
export function oneAtATime(onOver: () => void): { alone: Alone; isBusy: () => boolean } {
  let isBusy = false;
  return {
    isBusy: () => isBusy,
    alone: async (act) => {
      if (isBusy)
        throw new TriageError(
          'model-check-running',
          'Another package is being checked. Try again when its check is over.',
        );
      isBusy = true;
      try {
        return await act();
      } finally {
        isBusy = false;
        onOver();
      }
    },
  };
}
