import { messageOf } from '../base/errors.ts';
import { writeCohortStudy, type FinishedStudy, type StudyJob } from './cohortStudy.ts';

/** What the child answers for a job. */
export type FromCohortChild = { readonly finished: FinishedStudy } | { readonly error: string };

// Writes the studies that its parent names (see cohortProcesses.ts), one after the other, and ends with it.
process.on('message', (job: StudyJob) => {
  const answer = (message: FromCohortChild): void => {
    if (process.connected) process.send?.(message);
  };
  writeCohortStudy(job).then(
    (finished) => answer({ finished }),
    (error: unknown) => answer({ error: messageOf(error) }),
  );
});
