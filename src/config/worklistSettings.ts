import { z } from 'zod';
import { urgentSettings } from './selectionSettings.ts';

const isViewerTemplate = (value: string): boolean => {
  const filled = value.replace(
    /\{(studyInstanceUid|accessionNumber|patientId|orthancStudyId|orthancPage|keySopInstanceUid)\}/g,
    '1',
  );
  return (
    filled !== value &&
    !/[{}]/.test(filled) &&
    URL.canParse(filled) &&
    !/^(javascript|data|blob|vbscript):/i.test(filled)
  );
};

/** The worklist and the link to a viewer. */
export const worklistSettings = z
  .strictObject({
    maxWaitMinutes: z
      .number()
      .min(1)
      .max(1_440)
      .default(60)
      .describe(
        'Wait limit. While flags wait, every k-th place of the list goes to the unread scan that has waited longest beyond it (k follows from the arrivals of the site); behind the flags, what is beyond it comes first.',
      ),
    urgent: urgentSettings,
    readByReport: z
      .enum(['verified', 'any', 'off'])
      .default('verified')
      .describe(
        "A scan is marked as read once a destination holds somebody else's report of it (a narrative SR, or an encapsulated document): `verified`, one whose VerificationFlag says that a person has signed it; `any`, also one that says nothing of it, which may be another AI's; `off`, only by a reader here.",
      ),
    patientNames: z
      .enum(['shown', 'on-request', 'hidden'])
      .default('shown')
      .describe(
        'Whether the list tells who the patients are. `on-request`: to a reader who asks, for half an hour, which the audit keeps. `hidden`: never, as for a screen on a wall. An opened case tells every reader; a service token is told with `shown` only.',
      ),
    location: z
      .enum(['CurrentPatientLocation', 'InstitutionalDepartmentName', 'StationName', 'none'])
      .default('CurrentPatientLocation')
      .describe(
        "Attribute of a study's first slice that tells where the patient is: Current Patient Location (0038,0300), Institutional Department Name (0008,1040) or Station Name (0008,1010). For studies that arrive from then on.",
      ),
    viewerUrl: z
      .string()
      .max(1_000)
      .refine(
        (value) => value === '' || isViewerTemplate(value),
        'an address with {studyInstanceUid}, {accessionNumber}, {patientId}, {orthancStudyId}, {orthancPage} or {keySopInstanceUid} in it, and not of a scheme that runs code',
      )
      .default('')
      .describe(
        "Address of the site's viewer for a study, opened from the worklist and the case view. `{studyInstanceUid}`, `{accessionNumber}`, `{patientId}`, `{orthancStudyId}` (Orthanc's own name for it), `{orthancPage}` (the page of Orthanc's Explorer for the best key image, or for the study without one) and `{keySopInstanceUid}` (the best key image; empty without one) are filled in. Empty: no link.",
      ),
  })
  .prefault({});

/** Who may change a threshold. */
export const thresholdsSettings = z
  .strictObject({
    secondPerson: z
      .boolean()
      .default(false)
      .describe(
        'A change of a threshold takes the signatures of two different people (needs `web.signIn`). Stopping AI flags and taking a change back always take one.',
      ),
  })
  .prefault({});
