import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import {
  KEY_OBJECT_SELECTION_STORAGE,
  lowerSrClasses,
  resultSopClassName,
  SECONDARY_CAPTURE_IMAGE_STORAGE,
  SR_STORAGE,
} from '../dicom/sopClasses.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { openAssociation, type DimsePeer } from './dimseAssociation.ts';
import { resultPairs } from './storeSender.ts';

/** What of a result goes to a destination. */
export type WantedObject = 'report' | 'card' | 'heatmaps' | 'keySlices';

/** A SOP class in the transfer syntax in which it would be sent. */
interface TakenForm {
  sopClassUid: string;
  isImplicit: boolean;
}

/** In which form a destination would take each kind of result; null where it takes none. */
export interface TakenForms {
  report: TakenForm | null;
  picture: TakenForm | null;
  keyObject: TakenForm | null;
}

/** Negotiates, as a delivery would, for a report, a picture and a Key Object Selection, and sends nothing. @throws TriageError `pacs-unreachable` */
export async function negotiateForms(peer: DimsePeer, clock: Clock): Promise<TakenForms> {
  const [report, picture, keyObject] = [
    SR_STORAGE.comprehensive3d,
    SECONDARY_CAPTURE_IMAGE_STORAGE,
    KEY_OBJECT_SELECTION_STORAGE,
  ];
  const files = [report, picture, keyObject].map((sopClassUid) => ({
    sopClassUid,
    transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN,
  }));
  const association = await openAssociation(peer, resultPairs(files), clock);
  const taken = (classes: readonly string[]): TakenForm | null => {
    for (const sopClassUid of classes)
      for (const transferSyntaxUid of [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN])
        if ('id' in association.contextFor(sopClassUid, transferSyntaxUid))
          return { sopClassUid, isImplicit: transferSyntaxUid === IMPLICIT_VR_LITTLE_ENDIAN };
    return null;
  };
  const forms = {
    report: taken([report, ...lowerSrClasses(report)]),
    picture: taken([picture]),
    keyObject: taken([keyObject]),
  };
  await association.release();
  return forms;
}

/**
 * What of the wanted objects would arrive, and in which form, as a sentence without a subject.
 * @throws TriageError `pacs-unreachable` when something that is wanted would arrive in no form
 */
export function takenSentence(
  name: string,
  { report, picture, keyObject }: TakenForms,
  wanted: readonly WantedObject[],
): string {
  const wantsPicture = wanted.includes('card') || wanted.includes('heatmaps');
  const cardStandsIn = picture !== null && wanted.includes('card');
  if (wanted.includes('report') && report === null && !cardStandsIn)
    throw notTaken(name, 'no SR class, and there is no triage card to stand for the report');
  if (wantsPicture && picture === null) throw notTaken(name, 'no Secondary Capture, which the pictures need');
  const wantsKeyObject = wanted.includes('keySlices');
  if (wantsKeyObject && keyObject === null) throw notTaken(name, 'no Key Object Selection, which keySlices are');
  const parts: string[] = [];
  if (wanted.includes('report'))
    parts.push(
      report === null ? 'takes no SR, so that the triage card stands for the report' : `takes ${formText(report)}`,
    );
  if (wantsPicture && picture !== null) parts.push(`takes ${formText(picture)}`);
  if (wantsKeyObject && keyObject !== null) parts.push(`takes ${formText(keyObject)}`);
  return parts.join('; ');
}

function formText({ sopClassUid, isImplicit }: TakenForm): string {
  return `${resultSopClassName(sopClassUid)}${isImplicit ? ' in Implicit VR' : ''}`;
}

function notTaken(name: string, what: string): TriageError {
  return new TriageError(
    'pacs-unreachable',
    `${name} takes ${what}. Allow the SOP class for this agent there, or change destinations[].objects.`,
    { context: { destination: name } },
  );
}
