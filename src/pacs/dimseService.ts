import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { hex16 } from '../base/hex16.ts';
import { STUDY_ROOT_FIND } from '../dicom/sopClasses.ts';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import {
  COMMAND_FIELD,
  COMMAND_TAG,
  readElements,
  textOf,
  writeElements,
  type ElementValue,
} from '../dimse/commandSet.ts';
import { openAssociation, type DimseAssociation, type DimsePeer } from './dimseAssociation.ts';
import { dataSetInMemory } from './part10Source.ts';

/** PS3.7 E.1. */
const PRIORITY = { medium: 0, low: 2 } as const;

/** Opens an association for one service, in which we have the role. @throws TriageError `pacs-unreachable` also when the peer does not offer it; `otherwise` says so */
export async function openService(
  peer: DimsePeer,
  sopClassUid: string,
  clock: Clock,
  otherwise: (refusal: string) => string,
  role: 'scu' | 'scp' = 'scu',
): Promise<{ association: DimseAssociation; contextId: number }> {
  // The transfer syntax that every DICOM service supports (PS3.5 10.1).
  const association = await openAssociation(
    peer,
    [{ abstractSyntaxUid: sopClassUid, transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN, role }],
    clock,
  );
  const context = association.contextFor(sopClassUid, IMPLICIT_VR_LITTLE_ENDIAN);
  if ('id' in context) return { association, contextId: context.id };
  await association.release();
  throw unreachable(peer, otherwise(context.refusal));
}

/** Elements of a request that concerns a SOP class; C-STORE, C-FIND, C-MOVE and C-GET add their own. */
export function requestOf(sopClassUid: string, isBackground = false): Map<number, ElementValue> {
  return new Map<number, ElementValue>([
    [COMMAND_TAG.affectedSopClassUid, sopClassUid],
    [COMMAND_TAG.priority, isBackground ? PRIORITY.low : PRIORITY.medium],
  ]);
}

/**
 * What the archive answers to a C-FIND with these keys (PS3.4 C.4.1); an empty key matches all and is returned. The association is aborted when the answer is
 * none, or holds more than `most` matches.
 *
 * @throws TriageError `pacs-unreachable`
 */
export async function findMatches(
  peer: DimsePeer,
  association: DimseAssociation,
  contextId: number,
  keys: ReadonlyMap<number, string>,
  most: number,
): Promise<Map<number, Buffer>[]> {
  const lastTag = Math.max(...keys.keys());
  const found: Map<number, Buffer>[] = [];
  for await (const { status, command, dataSet } of association.request(
    contextId,
    COMMAND_FIELD.findRequest,
    requestOf(STUDY_ROOT_FIND),
    dataSetInMemory(writeElements(keys)),
  )) {
    if (dataSet !== null) found.push(readElements(dataSet, lastTag));
    if (isPending(status) && found.length <= most) continue;
    if (status === 0) break;
    association.abort();
    const comment = textOf(command, COMMAND_TAG.errorComment);
    throw unreachable(
      peer,
      isPending(status)
        ? `it answered C-FIND with more than ${most} matches`
        : `it answered C-FIND with status ${hex16(status)}${comment === '' ? '' : ` (${comment})`}`,
    );
  }
  return found;
}

/** More answers follow (PS3.7 C.1.3). */
export function isPending(status: number): boolean {
  return (status & 0xfffe) === 0xff00;
}

export function unreachable(peer: DimsePeer, what: string): TriageError {
  return new TriageError('pacs-unreachable', `${peer.aeTitle} at ${peer.host}:${peer.port}: ${what}.`, {
    context: { destination: peer.name },
  });
}
