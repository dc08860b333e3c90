import type { ResultWriter } from '../report/writeResults.ts';
import type { Stage } from './pipeline.ts';

/** Writes the findings of a case as DICOM objects, which the pipeline puts into the outbox with the state. */
export function reportStage(writer: ResultWriter): Stage {
  return async (claim, signal) => ({
    type: 'reported',
    objects: await writer.write(claim, claim.record.findings!, signal),
  });
}
