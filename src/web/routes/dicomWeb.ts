import { z } from 'zod';
import type { Principal } from '../principal.ts';
import { route } from '../route.ts';

const STOW_ANSWERS = {
  400: 'The body is no multipart/related body with a closing boundary.',
  404: 'STOW-RS is not switched on (`receive.stow`).',
  409: 'No instance was stored; the answer says why (PS3.18 I.2).',
  413: 'More parts or bytes than `receive.stow` allows; what came before stays stored.',
  415: 'Not multipart/related; type="application/dicom".',
  503: 'The disk is full, too many studies arrive at once, or the receiver is being started again: send it again later.',
} as const;
const stored = {
  kind: 'other',
  contentType: 'application/dicom+json',
  description: 'All instances are on disk; 202: some of them.',
} as const;

/** The name of a sender's token, as the AE title of its studies. */
const aeTitleOf = (principal: Principal | null): string => principal?.name.replace(/^token:/, '') ?? '';

/** DICOMweb (PS3.18). */
export const dicomWebRoutes = [
  route({
    method: 'post',
    path: '/dicom-web/studies',
    least: 'sender',
    summary: 'STOW-RS: stores DICOM files, as C-STORE does.',
    audit: { by: 'store', action: 'study.received' },
    answer: stored,
    alsoAnswers: STOW_ANSWERS,
    handle: async ({ request, response, principal, address }, { stow }) => {
      await stow(request, response, { aeTitle: aeTitleOf(principal), address, studyInstanceUid: null });
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/dicom-web/studies/:studyInstanceUid',
    least: 'sender',
    summary: 'STOW-RS of one study: an instance of another one is refused.',
    params: z.strictObject({ studyInstanceUid: z.string().regex(/^[0-9.]{1,64}$/) }),
    audit: { by: 'store', action: 'study.received' },
    answer: stored,
    alsoAnswers: STOW_ANSWERS,
    handle: async ({ request, response, principal, address, params: { studyInstanceUid } }, { stow }) => {
      await stow(request, response, { aeTitle: aeTitleOf(principal), address, studyInstanceUid });
      return undefined;
    },
  }),
];
