import { z } from 'zod';
import { decision, epochMs, modelIdentity } from './sharedShapes.ts';
import { caseState, heldFacts } from './worklistAnswer.ts';

const milliseconds = z.number().describe('Milliseconds.');

const proofRun = z
  .strictObject({
    id: z.int(),
    // Null until the study is made.
    studyInstanceUid: z.string().nullable(),
    cause: z.enum(['schedule', 'person']),
    requestedBy: z.string(),
    startedAtMs: epochMs,
    finishedAtMs: epochMs.nullable().describe('Null while it runs.'),
    outcome: z
      .enum(['passed', 'failed', 'stopped'])
      .nullable()
      .describe('`stopped`: the agent ended before the run did, which says nothing.'),
    failure: z.string().nullable().describe('Why it failed, a sentence.'),
    // What was measured on the way; null where the run did not get that far.
    measures: z.strictObject({
      stageMs: z
        .partialRecord(z.enum(['make', 'receive', 'assemble', 'infer', 'report', 'destinations']), z.number())
        .describe('How long each stage took that was passed, ms.'),
      totalMs: milliseconds
        .nullable()
        .describe('From the first slice sent to the written report, or to the last receipt where results are sent.'),
      slices: z.int().nullable(),
      decision: decision.nullable(),
      probability: z.number().nullable(),
      threshold: z.number().nullable(),
      model: modelIdentity.nullable(),
      // What each destination answered to C-ECHO (or to a small query).
      destinations: z.array(
        z.strictObject({ name: z.string(), ms: milliseconds.nullable(), error: z.string().nullable() }),
      ),
    }),
  })
  .meta({ id: 'ProofRun', description: 'A synthetic study on its way through the real path, or what became of it.' });
/** One proof of life, running or finished. */
export type ProofRun = z.infer<typeof proofRun>;

export const proofAnswer = z
  .strictObject({
    schedule: z.string().describe('Cron, or `off`.'),
    nextAtMs: epochMs.nullable(),
    expect: z.enum(['suspected', 'analysed', 'reported']),
    sendTo: z.array(z.string()).describe('Destinations that get its results.'),
    alarm: z.string().nullable().describe('Why somebody must look, a sentence.'),
    takeBack: z
      .strictObject({ version: z.int(), by: z.string(), atMs: epochMs })
      .nullable()
      .describe('The change of threshold that made the last run fail and is still in force.'),
    lastPassedAtMs: epochMs.nullable(),
    running: proofRun.nullable(),
    runs: z.array(proofRun).describe('Newest first.'),
  })
  .meta({ id: 'ProofOfLife' });
/** The proofs of life: how they are set, how they stand, and the newest of them. */
export type ProofAnswer = z.infer<typeof proofAnswer>;

const echo = z
  .strictObject({
    ok: z.boolean(),
    atMs: epochMs,
    ms: milliseconds.nullable().describe('How long the answer took; null without one.'),
    takes: z
      .string()
      .nullable()
      .describe('What a destination would take of a result, in which form; null for a source.'),
    error: z.string().nullable().describe('What is wrong, and what to do.'),
  })
  .meta({ id: 'Echo', description: 'What a peer answered when it was asked whether it is there.' });
export const echoAnswer = echo;
/** What a peer answered when it was asked whether it is there. */
export type EchoAnswer = z.infer<typeof echoAnswer>;

export const sourceTrial = z
  .strictObject({
    effect: z.string().describe('What letting it in would do, for people.'),
    echo: echo.nullable().describe('Whether it answers C-ECHO; null when nobody said where.'),
  })
  .meta({ id: 'SourceTrial' });
export type SourceTrial = z.infer<typeof sourceTrial>;

const filePath = z.string().max(1_024).describe('One of `destinationFiles`; what it holds is never shown.');
const namedSecret = z.strictObject({ env: z.string().max(255).optional(), file: filePath.optional() });
const namedTls = z.strictObject({
  caFile: filePath.optional(),
  certFile: filePath.optional(),
  keyFile: filePath.optional(),
  serverName: z.string().max(255).optional(),
});
const everyDestination = {
  name: z.string().max(64),
  tls: namedTls.optional(),
  timeoutMs: z.int(),
  confirm: z.enum(['find', 'none']),
  objects: z.array(z.enum(['report', 'card', 'heatmaps', 'keySlices'])).max(8),
  decisions: z.enum(['all', 'suspected']),
  rejectReplaced: z.boolean(),
  characterSet: z.enum(['ISO_IR 192', 'ISO_IR 100']),
  state: z.enum(['active', 'paused', 'retired']),
};

export const destinationEntry = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('dimse'),
      aeTitle: z.string().max(64),
      host: z.string().max(255),
      port: z.int(),
      callingAeTitle: z.string().max(64),
      commitment: z.boolean(),
      retrieve: z.enum(['move', 'get', 'auto']),
      ...everyDestination,
    }),
    z.strictObject({
      kind: z.literal('dicomweb'),
      url: z.string().max(1_024),
      auth: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('none') }),
        z.strictObject({ kind: z.literal('basic'), username: z.string().max(255), password: namedSecret }),
        z.strictObject({ kind: z.literal('bearer'), token: namedSecret }),
        z.strictObject({
          kind: z.literal('oauth2'),
          tokenUrl: z.string().max(1_024),
          clientId: z.string().max(255),
          clientSecret: namedSecret,
          scope: z.string().max(1_024),
          clientAuth: z.enum(['basic', 'body']),
        }),
      ]),
      ...everyDestination,
    }),
  ])
  .meta({ id: 'Destination', description: 'A destination, in the words of the configuration.' });
/** A destination as it is set on the page. */
export type DestinationEntry = z.infer<typeof destinationEntry>;

export const connectionsAnswer = z
  .strictObject({
    receiver: z.strictObject({
      aeTitle: z.string(),
      host: z.string(),
      port: z.int(),
      up: z.boolean(),
      openAssociations: z.int(),
      stored: z.int(),
      refused: z.int(),
      rejected: z.int(),
      tls: z
        .strictObject({
          host: z.string(),
          port: z.int(),
          clientCertificates: z.enum(['required', 'optional']),
          refused: z.int().describe('Connections refused before any association, since the start.'),
        })
        .nullable()
        .describe('The TLS port; null without one.'),
    }),
    mayChangeDestinations: z.boolean().describe('False where the site keeps its settings in files (`web.settings`).'),
    destinationFiles: z
      .strictObject({ folder: z.string(), files: z.array(z.string()).describe('Full paths.') })
      .describe('Files that a destination may name as its secrets and certificates (`web.secretsDir`).'),
    destinations: z.array(
      z.strictObject({
        name: z.string(),
        kind: z.enum(['dimse', 'dicomweb']),
        origin: z.enum(['file', 'page']).describe('Where it is set.'),
        place: z.string().nullable().describe('File and line, or the variable, of those that are set there.'),
        ofPage: destinationEntry
          .nullable()
          .describe('What the page says of this name; it does not count where the file says something.'),
        address: z.string().describe('Without credentials.'),
        confirm: z.enum(['find', 'none']),
        objects: z.array(z.enum(['report', 'card', 'heatmaps', 'keySlices'])).describe('What it gets.'),
        decisions: z.enum(['all', 'suspected']).describe('Of which scans it gets results.'),
        state: z.enum(['active', 'paused', 'retired']),
        lastSentAtMs: epochMs.nullable(),
        lastConfirmedAtMs: epochMs.nullable(),
        pending: z.int(),
        unconfirmed: z.int(),
        refused: z.int(),
        openBytes: z.number().describe('Size of the result files that are on their way or refused.'),
        // When the oldest result that is on its way or refused was created.
        oldestOpenAtMs: epochMs.nullable(),
        lastError: z.string().nullable().describe('Of what is still on its way.'),
        watch: z
          .strictObject({
            succeededAtMs: epochMs.nullable().describe('When it was last asked with success; null for never.'),
            lastError: z.string().nullable().describe('Why it could not be asked the last time; null when it could.'),
            waiting: z.int().describe('Studies that are to be fetched.'),
            failing: z.int().describe('Those of them that three attempts have not fetched.'),
            fetchError: z.string().nullable().describe('Why the last attempt on one of them failed.'),
          })
          .nullable()
          .describe('How it stands as an archive that is asked for new studies; null when it is not.'),
        priors: z
          .strictObject({
            waiting: z.int().describe('Scans whose priors are still to be looked for or fetched.'),
            lastError: z.string().nullable().describe('Why the last search or fetch of the day that failed did so.'),
          })
          .nullable()
          .describe('How it stands as an archive that is asked for priors; null when it is not.'),
        echo: echo.nullable().describe('The newest since the start.'),
      }),
    ),
    sources: z.array(
      z.strictObject({
        aeTitle: z.string(),
        origin: z.enum(['file', 'page']).describe('Where it was let in.'),
        addresses: z.array(z.string()),
        certificates: z.array(z.string()).describe('Fingerprints or names; empty when none is pinned.'),
        echoAddress: z
          .string()
          .nullable()
          .describe('Where it answers C-ECHO; null when the configuration does not say.'),
        commitments: z
          .strictObject({
            waiting: z.int().describe('Reports of Storage Commitment that it has still to take.'),
            lastError: z.string().nullable().describe('Why the last attempt on one of them failed.'),
          })
          .nullable()
          .describe('Null when the configuration does not say where it takes them.'),
        lastReceivedAtMs: epochMs.nullable(),
        studies: z.int().describe('Studies on record that came from it.'),
        echo: echo.nullable(),
      }),
    ),
    selection: z
      .array(
        z.strictObject({
          name: z.string(),
          when: z.string().describe('Its criteria, in words.'),
          do: z.enum(['accept', 'keep', 'ignore']),
          destinations: z.array(z.string()).nullable().describe('Null for all.'),
          studies: z.int().describe('Studies on record that it took.'),
        }),
      )
      .describe(
        'The selection rules, in their order: the first that a study meets counts; one that meets none is accepted.',
      ),
    rejections: z
      .array(
        z.strictObject({
          kind: z
            .enum(['association', 'context', 'object', 'commitment', 'abort', 'connection', 'tls'])
            .describe('What was refused; `abort`: an association that ended without a release.'),
          atMs: epochMs.describe('The last time.'),
          callingAeTitle: z.string(),
          address: z.string(),
          what: z.string().describe('SOP class of a context or an object; else empty.'),
          why: z.string(),
          count: z.int().describe('How often, of the newest entries of the audit.'),
          advice: z.string().describe('What to do about it.'),
          mayBeLetIn: z.boolean().describe('An admin may let this sender in on the page.'),
        }),
      )
      .describe('What was turned away lately, the latest first.'),
  })
  .meta({ id: 'Connections' });
/** Destinations and sources of the configuration, with the last contact, and what was turned away lately. */
export type ConnectionsAnswer = z.infer<typeof connectionsAnswer>;

export const routingAnswer = z
  .strictObject({
    steps: z
      .array(
        z.strictObject({
          step: z.enum([
            'association',
            'presentation',
            'file',
            'patient',
            'selection',
            'kind',
            'slice',
            'series',
            'report',
            'destinations',
          ]),
          outcome: z.enum(['yes', 'no', 'open']).describe('`open`: one file cannot tell.'),
          code: z.string().nullable().describe('Of the rule that says no.'),
          text: z.string(),
        }),
      )
      .describe('In the order in which the agent decides; after a `no` that ends the way there are none.'),
    accepted: z.boolean().describe('The object would be received and kept.'),
    analysed: z.boolean().describe('It can be a slice of an analysed series.'),
    file: z
      .strictObject({
        sopClassUid: z.string(),
        transferSyntaxUid: z.string(),
        modality: z.string(),
        studyInstanceUid: z.string(),
        seriesDescription: z.string(),
        imageType: z.array(z.string()),
        sliceThicknessMm: z.number().nullable(),
        sizeBytes: z.int(),
      })
      .nullable()
      .describe('What was read; nothing of it is kept.'),
  })
  .meta({ id: 'RoutingTest' });
/** What the agent would do with one object, step by step. */
export type RoutingAnswer = z.infer<typeof routingAnswer>;

const percentiles = z
  .strictObject({
    count: z.int(),
    p50: z.number().nullable(),
    p90: z.number().nullable(),
    p95: z.number().nullable(),
    max: z.number().nullable(),
  })
  .describe('Nearest rank, seconds.');

export const figuresAnswer = z
  .strictObject({
    fromMs: epochMs,
    toMs: epochMs,
    stepMs: milliseconds,
    latency: z.strictObject({
      assemble: percentiles.describe('Last slice received to series chosen, seconds.'),
      infer: percentiles.describe('Series chosen to result, seconds.'),
      report: percentiles.describe('Result to written report, seconds.'),
      deliver: percentiles.describe('Written report to its first receipt, seconds.'),
      total: percentiles.describe('Last slice received to the first receipt of the report, seconds.'),
    }),
    steps: z
      .array(
        z.strictObject({
          atMs: epochMs,
          received: z.int(),
          analysed: z.int(),
          p50: z.number().nullable(),
          p95: z.number().nullable(),
        }),
      )
      .describe('Studies by the step in which they arrived; p50 and p95 of last slice to result, seconds.'),
  })
  .meta({ id: 'Figures', description: 'Synthetic studies are left out.' });
/** How fast patients' studies were processed. */
export type SystemFigures = z.infer<typeof figuresAnswer>;

const listedNode = z
  .strictObject({
    name: z.string(),
    isThis: z.boolean().describe('It serves this page.'),
    state: z
      .enum(['alive', 'stopped', 'gone'])
      .describe('`stopped` in order; `gone` without a word, for ten seconds at least.'),
    roles: z.array(z.string()),
    version: z.string(),
    startedAtMs: epochMs.describe('By the database’s clock, like the next one.'),
    seenAtMs: epochMs,
    silentMs: z.number().describe('Time since it was last heard of; two seconds are usual.'),
    loopLagMs: z.number().nullable().describe('Longest time in the last minute for which it stood still.'),
    cases: z.int().describe('Cases that it is working on.'),
    works: z
      .array(z.string())
      .describe('What one node does at a time and this one does: `deliver NAME`, `housekeeping`, `shadow`.'),
    differs: z
      .array(z.string())
      .describe(
        'Settings that must be the same on all agents, and that its files state otherwise than those of this page’s agent.',
      ),
  })
  .meta({ id: 'ListedNode' });
/** An agent on the database. */
export type ListedNode = z.infer<typeof listedNode>;

export const systemDetail = z
  .strictObject({
    version: z.string(),
    startedAtMs: epochMs,
    disk: z.strictObject({
      freeBytes: z.number().nullable(),
      totalBytes: z.number().nullable(),
      refuseBelowBytes: z.number(),
      removeBelowBytes: z.number(),
    }),
    memory: z
      .strictObject({ agent: z.number(), receiver: z.number(), inference: z.number() })
      .describe('Peaks, bytes.'),
    nodes: z.array(listedNode).describe('The agents on this database; empty where one does everything.'),
    takenOverWithinMs: z.int().describe('How long it takes until another agent has what one held that is gone.'),
  })
  .meta({ id: 'SystemDetail' });
/** The version, the disk and the memory of the agent. */
export type SystemDetail = z.infer<typeof systemDetail>;

const waitingCase = z.strictObject({
  studyInstanceUid: z.string(),
  caseRef: z.string(),
  patientName: z.string(),
  patientId: z.string(),
  accessionNumber: z.string(),
  sourceAeTitle: z.string(),
  arrivedAtMs: epochMs,
  state: caseState,
  reason: z.string(),
});

export const needsAttentionAnswer = z
  .strictObject({
    held: z
      .array(waitingCase.extend({ patientBirthDate: z.string(), sex: z.string(), ...heldFacts.shape }))
      .describe('Kept from analysis and from sending until a person has decided.'),
    failed: z.array(waitingCase.extend({ stage: z.string() })),
    deliveries: z.array(
      z.strictObject({
        studyInstanceUid: z.string(),
        caseRef: z.string(),
        patientName: z.string(),
        patientId: z.string(),
        destination: z.string(),
        refused: z.int(),
        waiting: z.int().describe('Not accepted, or not confirmed, after one attempt at least.'),
        attempts: z.int(),
        sinceMs: epochMs,
        nextAttemptAtMs: epochMs.nullable(),
        error: z.string(),
      }),
    ),
    more: z.boolean().describe('There is more than this list holds.'),
  })
  .meta({ id: 'Troubles' });
export const attentionCount = z
  .strictObject({
    waiting: z.int().describe('Studies, and results of a study at a destination, that wait for a person.'),
    proof: z.boolean().describe('The proof of life has an alarm.'),
    models: z.boolean().describe('The activated network does not serve.'),
    roles: z.int().describe('Roles that no agent has that is alive.'),
  })
  .meta({ id: 'AttentionCount' });
/** Where something waits for an admin: the badges of the navigation. */
export type AttentionCount = z.infer<typeof attentionCount>;

const removedStudy = z.strictObject({
  studyInstanceUid: z.string(),
  patientName: z.string(),
  patientId: z.string(),
  accessionNumber: z.string(),
  studyDate: z.string().describe('DICOM DA, or empty.'),
  sourceAeTitle: z.string(),
  decision: decision.nullable(),
  probability: z.number().nullable(),
  arrivedAtMs: epochMs,
  readAtMs: epochMs.nullable(),
  readBy: z.string().nullable(),
  removedAtMs: epochMs,
  cause: z.enum(['age', 'disk']).describe('Its retention time was over, or the disk was nearly full.'),
  objects: z.int().describe('Received objects whose files were deleted.'),
  results: z.int().describe('Result objects whose files were deleted.'),
  sizeBytes: z.int(),
});

export const removedStudies = z
  .strictObject({ total: z.int(), studies: z.array(removedStudy).describe('Removed last first.') })
  .meta({ id: 'RemovedStudies' });
/** Studies whose files retention has deleted. */
export type RemovedStudies = z.infer<typeof removedStudies>;

/** What needs attention. */
export type NeedsAttention = z.infer<typeof needsAttentionAnswer>;

export const settingsAnswer = z
  .strictObject({
    firstSteps: z
      .array(
        z.strictObject({
          step: z.enum(['account', 'source', 'destination', 'proof', 'scan']),
          done: z.boolean(),
        }),
      )
      .describe('What a new agent needs, in this order.'),
    mayChange: z.boolean().describe('False where the site keeps its settings in files (`web.settings`).'),
    settings: z.array(
      z.strictObject({
        key: z.string(),
        lines: z
          .array(z.string())
          .describe('The value in force, a line for each entry of a list; secrets are named only.'),
        origin: z.enum(['default', 'file', 'environment', 'page']),
        place: z.string().nullable().describe('File and line, or the variable.'),
        ofPage: z.array(z.string()).describe('What the page adds to it.'),
        typed: z
          .string()
          .nullable()
          .describe('The value as it is typed on the page (YAML); null where the page may not set it.'),
        description: z.string(),
      }),
    ),
    changes: z
      .array(
        z.strictObject({
          key: z.string(),
          lines: z.array(z.string()).describe('What the page said from then on.'),
          reason: z.string(),
          by: z.string(),
          atMs: epochMs,
        }),
      )
      .describe('What was changed on the page, newest first.'),
  })
  .meta({ id: 'Settings' });
export type SettingsAnswer = z.infer<typeof settingsAnswer>;

export const settingTrial = z
  .strictObject({ lines: z.array(z.string()), effect: z.string().describe('What it would do, a sentence.') })
  .meta({ id: 'SettingTrial' });
/** What a value of a setting would be and do. */
export type SettingTrial = z.infer<typeof settingTrial>;
