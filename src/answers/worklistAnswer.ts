import { z } from 'zod';
import { CASE_STATES } from '../case/caseState.ts';
import { decision, epochMs, frameNumber, levels, modelIdentity, threshold } from './sharedShapes.ts';
import { stoppedWork, systemStatus } from './systemAnswer.ts';

const finding = z
  .string()
  .nullable()
  .describe('Where to look, in one line of our own words and numbers: "C4-C6, series 2 image 25".');

export const caseState = z.enum(CASE_STATES);

export const rowDelivery = z
  .strictObject({
    destination: z.string(),
    kind: z.enum(['sr', 'sc', 'ko', 'ks']),
    sopInstanceUid: z.string(),
    seriesInstanceUid: z.string(),
    revision: z.int(),
    status: z
      .enum(['pending', 'sent', 'confirmed', 'refused', 'cancelled', 'closed'])
      .describe(
        '`closed`: not sent, and nothing is wrong: the report goes in another SR class, or the card stands for it.',
      ),
    sopClass: z.string().describe('What the object is, in words: "Comprehensive 3D SR".'),
    isLowerClass: z.boolean().describe('The report once more, in an SR class that the destination takes.'),
    attempts: z.int(),
    sentAtMs: epochMs.nullable(),
    confirmedAtMs: epochMs.nullable(),
    lastStatus: z
      .string()
      .nullable()
      .describe('Status of the last answer (0x0000; 0xBxxx: taken with a warning), or why it is closed.'),
    lastError: z.string().nullable(),
    remark: z.string().nullable().describe('What a person should know about the receipt.'),
    receipt: z
      .enum(['committed', 'found', 'accepted'])
      .nullable()
      .describe('What `confirmed` rests on: Storage Commitment, a query, or acceptance alone.'),
  })
  .meta({ id: 'Delivery', description: 'One result object on its way to one destination, with its receipts.' });
/** One result object on its way to one destination, with its receipts. */
export type RowDelivery = z.infer<typeof rowDelivery>;

const patientObjects = z.strictObject({
  patientId: z.string(),
  issuerOfPatientId: z.string(),
  patientName: z.string(),
  patientBirthDate: z.string().describe('DICOM DA, or empty.'),
  patientSex: z.string(),
  objects: z.int(),
});

export const heldFacts = z
  .strictObject({
    delivered: z
      .array(z.strictObject({ destination: z.string(), atMs: epochMs }))
      .describe('Destinations that have a report under the patient of the case, and since when.'),
    aside: z.array(patientObjects).describe('What was set aside, by patient; whose objects came last stands last.'),
    otherPatient: patientObjects
      .extend({
        isNewer: z
          .boolean()
          .describe(
            'It appeared after the patient of the case: as one patient, the study goes on under this identity.',
          ),
      })
      .nullable()
      .describe(
        'The one other patient under whom objects came: one press says that they are the same. Null where there is none, or more than one.',
      ),
  })
  .meta({ id: 'HeldFacts', description: 'What of a held study is out, and what was set aside.' });
/** What of a held study is out, and what was set aside. */
export type HeldFacts = z.infer<typeof heldFacts>;

export const worklistRow = z
  .strictObject({
    rank: z.int().nullable().describe('From 1; null once read, and for a prior.'),
    why: z.string().describe('One sentence: why it stands here.'),
    whyBrief: z.string().describe('The same, without how long it waits.'),
    studyInstanceUid: z.string(),
    caseRef: z.string().describe('What addresses call the study.'),
    revision: z.int(),
    state: caseState,
    status: z.enum(['flagged', 'unflagged', 'running', 'delayed', 'not-analysed', 'outside-domain', 'failed', 'held']),
    stateText: z.string().describe('The fixed words of the state.'),
    decision: decision.nullable(),
    reason: z.string().nullable(),
    reasonCode: z.string().nullable(),
    probability: z.number().nullable(),
    threshold: threshold.nullable(),
    levels: levels.describe('The vertebrae named on the best key slice, from the skull down.'),
    finding: finding.describe('Null without a key slice, and at a triage-only site.'),
    keySlices: z.array(
      z.strictObject({
        sopInstanceUid: z.string(),
        frameNumber,
        seriesInstanceUid: z.string().describe('Empty in results of earlier versions.'),
        sliceIndex: z.int(),
        score: z.number(),
        levels,
      }),
    ),
    patientName: z.string(),
    patientId: z.string(),
    patientBirthDate: z.string().describe('DICOM DA, or empty.'),
    age: z.string().describe('DICOM AS, or empty.'),
    sex: z.string(),
    accessionNumber: z.string(),
    studyDescription: z.string(),
    sourceAeTitle: z.string(),
    location: z
      .string()
      .describe('Where the patient is, from the attribute of `worklist.location`; empty when it does not say.'),
    acquiredAt: z
      .string()
      .describe(
        'DICOM DT in the scanner’s own time zone, with the offset from UTC where the object states one; or empty.',
      ),
    arrivedAtMs: epochMs,
    lastReceivedAtMs: epochMs,
    waitMs: z.int().describe('From arrival until it was read, or until now.'),
    offList: z.boolean().describe('Nobody waits for it: a prior, or ignored by a selection rule.'),
    selectionRule: z.string().nullable().describe('Name of the rule (`selection`) that took it; null for none.'),
    prior: z.boolean().describe('It was an old scan when it came (`assemble.maxAgeHours`): nobody waits for it.'),
    priorNote: z
      .string()
      .nullable()
      .describe(
        'What was found in the patient’s last scan here before this one; null without one. It changes no rank.',
      ),
    stat: z.boolean(),
    urgentBy: z.enum(['person', 'order', 'rule']).nullable().describe('What says that it is clinically urgent.'),
    readAtMs: epochMs.nullable(),
    readBy: z.string().nullable(),
    readBefore: z
      .string()
      .nullable()
      .describe('Who had read it before other images were analysed; null once somebody reads it again.'),
    claimedBy: z.string().nullable().describe('Who says that they are reading it.'),
    claimedAtMs: epochMs.nullable(),
    verdict: z
      .strictObject({ verdict: z.enum(['agree', 'disagree', 'unsure']), by: z.string(), atMs: epochMs })
      .nullable()
      .describe('The newest verdict on this revision.'),
    analysedAtMs: epochMs.nullable(),
    model: modelIdentity.nullable(),
    deliveries: z.array(rowDelivery),
    secondsToSr: z
      .number()
      .nullable()
      .describe('From the last slice received to the report’s confirmation; null until then.'),
    failure: z.strictObject({ code: z.string(), message: z.string(), stage: z.string() }).nullable(),
    quarantineReason: z.string().nullable(),
    held: heldFacts.nullable().describe('Null for a study that is not held.'),
    otherObjects: z
      .int()
      .describe('Objects kept with the study that are no CT images: reports, captures, presentation states.'),
    refusedObjects: z
      .strictObject({ count: z.int(), why: z.string() })
      .nullable()
      .describe('Objects that were answered with a failure and have not come since, with the newest reason.'),
  })
  .meta({ id: 'WorklistRow', description: 'One study as lists show it.' });
/** One study as lists show it. */
export type WorklistRow = z.infer<typeof worklistRow>;

const totals = z
  .strictObject({
    byState: z.record(caseState, z.int()),
    held: z.int(),
    unread: z.int(),
    queue: z.strictObject({ assemble: z.int(), infer: z.int(), report: z.int() }),
    outbox: z.strictObject({
      pending: z.int(),
      unconfirmed: z.int(),
      refused: z.int(),
      oldestAgeMs: z.int().nullable(),
      oldestPendingAgeMs: z.int().nullable().describe('Of results that have not been sent, without refused ones.'),
    }),
    lastReceivedAtMs: epochMs.nullable(),
  })
  .meta({ id: 'Totals' });
export type WorklistTotals = z.infer<typeof totals>;

export const openFlag = z.strictObject({
  caseRef: z.string(),
  finding,
  revision: z.int(),
  flaggedAtMs: epochMs,
  claimed: z.boolean(),
  attended: z.boolean().describe('A person has opened it, or has stopped its ringing.'),
  ringsFromMs: epochMs.describe('When it was flagged, or when it rings next because its claim was given back.'),
});

const openFlags = z.strictObject({
  open: z.array(openFlag).describe('Unread suspected cases, newest flag first; 500 at the most.'),
  openCount: z.int().describe('All of them.'),
  afterRead: z.int().describe('Read cases that were flagged after they had been read.'),
});
/** Unread suspected cases, for the chime and the notices; it names no patient. */
export type OpenFlags = z.infer<typeof openFlags>;

export const worklistAnswer = z.strictObject({
  nowMs: epochMs,
  maxWaitMinutes: z.number(),
  viewerTemplate: z.string().nullable().describe('Address of the site’s viewer, with placeholders.'),
  system: systemStatus,
  stopped: z.array(stoppedWork).describe('Empty while scans arrive, are analysed and delivered.'),
  totals,
  flags: openFlags,
  oldClaims: z
    .array(z.strictObject({ caseRef: z.string(), claimedAtMs: epochMs, returnsAtMs: epochMs }))
    .describe(
      'Scans that the requester says they are reading, for so long that they go back to the list unless claimed again.',
    ),
  leftOver: z
    .strictObject({ count: z.int(), flagged: z.int(), newestArrivedAtMs: epochMs })
    .nullable()
    .describe('Scans that have been unread for longer than a shift, 8 h; null without any.'),
  list: z.string().describe('Names this list: with it, later pages show the same cases in the same places.'),
  total: z.int(),
  allTotal: z.int().describe('Without search and choice.'),
  offset: z.int(),
  waiting: z
    .strictObject({ count: z.int(), flagged: z.int() })
    .nullable()
    .describe('How many cases are new since the list was first asked for; null when nothing has changed.'),
  masked: z.boolean().describe('Without what tells who the patients are, as asked or as the site has it.'),
  locations: z.array(z.string()).describe('Where unread cases are: what `location` may be asked for.'),
  namesMayBeShown: z.boolean().describe('Whether a reader may have the list with names.'),
  rows: z
    .array(worklistRow.nullable())
    .describe(
      'Unread cases in reading order, then read ones and priors, last first; null where one has been removed since.',
    ),
});
/** A page of the worklist, with what the screen around it shows. */
export type WorklistAnswer = z.infer<typeof worklistAnswer>;
