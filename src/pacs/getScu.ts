import type { Clock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { hex16 } from '../base/hex16.ts';
import { CT_SOP_CLASSES, SECONDARY_CAPTURE_IMAGE_STORAGE, STUDY_ROOT_GET } from '../dicom/sopClasses.ts';
import {
  DECODABLE_TRANSFER_SYNTAXES,
  EXPLICIT_VR_LITTLE_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
} from '../dicom/transferSyntaxes.ts';
import { COMMAND_FIELD, COMMAND_TAG, textOf, uint16Of } from '../dimse/commandSet.ts';
import { openAssociation, type DimseAssociation, type DimsePeer } from './dimseAssociation.ts';
import { isPending, requestOf, unreachable } from './dimseService.ts';
import { createObjectRelay, type ObjectRelay } from './objectRelay.ts';
import { dataSetInMemory } from './part10Source.ts';
import type { RetrieveOutcome, RetrieveTarget } from './retrieveOutcome.ts';

const CT_IN_ANY_ENCODING = [...CT_SOP_CLASSES].flatMap((sopClassUid) =>
  DECODABLE_TRANSFER_SYNTAXES.flat().map((transferSyntaxUid) => pair(sopClassUid, transferSyntaxUid)),
);
const STORAGE = '1.2.840.10008.5.1.4.1.1.';
/** What lies beside the CT images of a study, with what a whole examination may hold (PS3.4 B.5). */
const BESIDE_CT = [
  SECONDARY_CAPTURE_IMAGE_STORAGE,
  ...[
    '7.1', // Multi-frame Single Bit, Grayscale Byte, Grayscale Word and True Color Secondary Capture
    '7.2',
    '7.3',
    '7.4',
    '88.11', // Basic Text, Enhanced, Comprehensive, Comprehensive 3D and Extensible SR
    '88.22',
    '88.33',
    '88.34',
    '88.35',
    '88.59', // Key Object Selection
    '88.67', // X-Ray Radiation Dose SR
    '11.1', // Grayscale and Color Softcopy Presentation State
    '11.2',
    '104.1', // Encapsulated PDF and CDA
    '104.2',
    '66', // Raw Data
    '66.1', // Spatial Registration
    '66.4', // Segmentation
    '66.7', // Label Map Segmentation
    '67', // Real World Value Mapping
    '30', // Parametric Map
    '4', // MR and Enhanced MR
    '4.1',
    '128', // PET and Enhanced PET
    '130',
    '20', // Nuclear Medicine
    '1', // Computed Radiography
    '1.1', // Digital X-Ray for Presentation
    '12.1', // X-Ray Angiographic
    '6.1', // Ultrasound
    '481.1', // RT Image, Dose, Structure Set and Plan
    '481.2',
    '481.3',
    '481.5',
  ].map((ending) => `${STORAGE}${ending}`),
];
/** Captures are often kept as JPEG. */
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50';

/** The Storage SOP classes and encodings in which objects can come by C-GET: each pair takes one of the 128 contexts of an association. */
export const RETRIEVABLE_PAIRS = [
  ...CT_IN_ANY_ENCODING,
  pair(SECONDARY_CAPTURE_IMAGE_STORAGE, JPEG_BASELINE),
  ...BESIDE_CT.flatMap((sopClassUid) =>
    [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN].map((syntax) => pair(sopClassUid, syntax)),
  ),
];

function pair(abstractSyntaxUid: string, transferSyntaxUid: string) {
  return { abstractSyntaxUid, transferSyntaxUid };
}

/** A Storage SCP that takes what comes by C-GET: the agent's own, where pushed objects come in too. */
export interface StorageDoor {
  host: string;
  port: number;
  /** How long an association with it may be silent. */
  idleTimeoutMs: number;
}

/** An association on which the peer answers C-GET, and sends CT images to us. */
export interface GetAssociation {
  association: DimseAssociation;
  contextId: number;
}

/** Opens one; a sentence saying why not when the peer does not offer it. @throws TriageError `pacs-unreachable` */
export async function openGet(peer: DimsePeer, clock: Clock): Promise<GetAssociation | { refusal: string }> {
  const association = await openAssociation(
    peer,
    [
      pair(STUDY_ROOT_GET, IMPLICIT_VR_LITTLE_ENDIAN),
      ...RETRIEVABLE_PAIRS.map((one) => ({ ...one, role: 'scp' as const })),
    ],
    clock,
  );
  const context = association.contextFor(STUDY_ROOT_GET, IMPLICIT_VR_LITTLE_ENDIAN);
  const takesRole = CT_IN_ANY_ENCODING.some(
    ({ abstractSyntaxUid, transferSyntaxUid }) =>
      association.isScpOf(abstractSyntaxUid) && 'id' in association.contextFor(abstractSyntaxUid, transferSyntaxUid),
  );
  if ('id' in context && takesRole) return { association, contextId: context.id };
  await association.release();
  return {
    refusal:
      'refusal' in context
        ? context.refusal
        : 'it takes the context of C-GET, but does not let the agent be the SCP of CT Image Storage (role selection)',
  };
}

/**
 * Has a study sent on the association of the request (PS3.4 C.4.3), each object on to `door`, called as the peer and as `receivingAeTitle`: it comes in as one
 * that the peer has pushed. The association is released at the end.
 *
 * @throws TriageError `pacs-unreachable`, `receiver-died` when the door is not open
 */
export async function getStudy(
  peer: DimsePeer,
  { association, contextId }: GetAssociation,
  identifier: Buffer,
  { door, receivingAeTitle, clock, onSent, isBackground }: RetrieveTarget & { door: StorageDoor | null },
): Promise<RetrieveOutcome> {
  if (door === null) {
    await association.release();
    throw new TriageError('receiver-died', 'The receiver does not listen yet; ask again in a moment.');
  }
  const scp: DimsePeer = {
    name: 'agent',
    aeTitle: receivingAeTitle,
    host: door.host,
    port: door.port,
    callingAeTitle: peer.aeTitle,
    timeoutMs: peer.timeoutMs,
  };
  const pairs = RETRIEVABLE_PAIRS.filter(
    ({ abstractSyntaxUid, transferSyntaxUid }) => 'id' in association.contextFor(abstractSyntaxUid, transferSyntaxUid),
  );
  const relay = createObjectRelay(scp, pairs, { clock, restMs: door.idleTimeoutMs / 2 });
  let isComplete = false;
  try {
    const responses = association.request(
      contextId,
      COMMAND_FIELD.getRequest,
      requestOf(STUDY_ROOT_GET, isBackground),
      dataSetInMemory(identifier),
      async (operation) => {
        const answer = await relay.store(operation);
        onSent?.(relay.counts().stored);
        return answer;
      },
    );
    let outcome: RetrieveOutcome = { completed: 0, failed: 0, problem: null };
    for await (const { status, command } of responses)
      if (!isPending(status)) outcome = outcomeOf(status, command, relay);
    isComplete = true;
    await association.release();
    return outcome;
  } finally {
    await relay.end(isComplete);
  }
}

/** What came, as counted here; of what did not come only the peer can tell (PS3.4 C.4.3.1.4). */
function outcomeOf(status: number, command: ReadonlyMap<number, Buffer>, relay: ObjectRelay): RetrieveOutcome {
  const { stored, refused } = relay.counts();
  const failed = Math.max(refused, uint16Of(command, COMMAND_TAG.failedSuboperations) ?? 0);
  const comment = textOf(command, COMMAND_TAG.errorComment);
  const why = comment === '' ? '' : ` (${comment})`;
  const problem = (): string | null => {
    if (refused > 0) return `${refused} of ${stored + failed} objects that it sent were refused: ${relay.refusal()}`;
    if (failed > 0)
      return `it could not send ${failed} of ${stored + failed} objects${why}: perhaps in an encoding or of a class that C-GET does not offer; C-MOVE brings every class`;
    return status === 0 || status === 0xb000 ? null : `it answered C-GET with status ${hex16(status)}${why}`;
  };
  return { completed: stored, failed, problem: problem() };
}

/** What an archive offers of C-GET, for `doctor`. @throws TriageError `pacs-unreachable` when it must offer it and does not */
export async function probeGet(peer: DimsePeer, clock: Clock, isWanted: boolean): Promise<string> {
  const opened = await openGet(peer, clock);
  if (!('refusal' in opened)) {
    await opened.association.release();
    return 'sends studies by C-GET';
  }
  if (isWanted) throw unreachable(peer, notOffered(opened.refusal));
  return 'offers no C-GET, so that studies are asked for by C-MOVE';
}

/** Why nothing can come by C-GET, and what to do. */
export function notOffered(refusal: string): string {
  return `it does not offer C-GET: ${refusal}. Set "retrieve: move" for it and register the agent there`;
}
