import { hex16 } from '../base/hex16.ts';
import { STUDY_ROOT_MOVE } from '../dicom/sopClasses.ts';
import { COMMAND_FIELD, COMMAND_TAG, textOf, uint16Of } from '../dimse/commandSet.ts';
import type { DimsePeer } from './dimseAssociation.ts';
import { isPending, openService, requestOf } from './dimseService.ts';
import { dataSetInMemory } from './part10Source.ts';
import type { RetrieveOutcome, RetrieveTarget } from './retrieveOutcome.ts';

/**
 * Has the study of `identifier` sent to an AE title that the archive knows, on associations of its own (PS3.4 C.4.2).
 *
 * @throws TriageError `pacs-unreachable`
 */
export async function moveStudy(
  peer: DimsePeer,
  identifier: Buffer,
  { receivingAeTitle, clock, onSent, isBackground }: RetrieveTarget,
): Promise<RetrieveOutcome> {
  const { association, contextId } = await openService(
    peer,
    STUDY_ROOT_MOVE,
    clock,
    (refusal) => `it does not offer C-MOVE: ${refusal}`,
  );
  let counts = { completed: 0, failed: 0 };
  let problem: string | null = null;
  for await (const { status, command } of association.request(
    contextId,
    COMMAND_FIELD.moveRequest,
    requestOf(STUDY_ROOT_MOVE, isBackground).set(COMMAND_TAG.moveDestination, receivingAeTitle),
    dataSetInMemory(identifier),
  )) {
    const number = (tag: number): number => uint16Of(command, tag) ?? 0;
    // A warning is an object that was taken, with a remark.
    counts = {
      completed: Math.max(
        counts.completed,
        number(COMMAND_TAG.completedSuboperations) + number(COMMAND_TAG.warningSuboperations),
      ),
      failed: Math.max(counts.failed, number(COMMAND_TAG.failedSuboperations)),
    };
    onSent?.(counts.completed);
    if (!isPending(status))
      problem = moveProblem(status, counts, textOf(command, COMMAND_TAG.errorComment), receivingAeTitle);
  }
  await association.release();
  return { ...counts, problem };
}

/** PS3.4 C.4.2.1.5, and what the operator can do. */
function moveProblem(
  status: number,
  { completed, failed }: Pick<RetrieveOutcome, 'completed' | 'failed'>,
  comment: string,
  moveDestination: string,
): string | null {
  const why = comment === '' ? '' : ` (${comment})`;
  if (status === 0 && failed === 0) return null;
  if (status === 0xa801)
    return `it does not know the AE title ${moveDestination}${why}: register the agent there, with the host and port of receive`;
  if (status === 0xb000 || failed > 0)
    return `it could not send ${failed} of ${completed + failed} objects${why}: Connections says what was refused; is its AE title in receive.sources?`;
  if (status === 0xa701 || status === 0xa702)
    return `it is out of resources, or cannot reach the agent (${hex16(status)})${why}: check host and port of ${moveDestination} there`;
  return `it answered C-MOVE with status ${hex16(status)}${why}`;
}
