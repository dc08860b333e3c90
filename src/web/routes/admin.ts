import { z } from 'zod';
import { TriageError } from '../../base/errors.ts';
import {
  attentionCount,
  connectionsAnswer,
  destinationEntry,
  sourceTrial,
  echoAnswer,
  figuresAnswer,
  proofAnswer,
  removedStudies,
  routingAnswer,
  systemDetail,
  needsAttentionAnswer,
  settingsAnswer,
  settingTrial,
} from '../../answers/adminAnswers.ts';
import { pullRun, pullsAnswer, STUDY_KEYS } from '../../answers/pullAnswers.ts';
import { route } from '../route.ts';

const RUNS_SHOWN = 50;
const MOST_SHOWN = 200;
const reason = z.string().trim().min(3, 'say why, in three characters at least').max(500);
const study = z.strictObject({ studyInstanceUid: z.string().max(64) });
const setting = z.strictObject({ key: z.string().max(64) });
const settingText = z.string().max(12_000);
const aeTitle = z.string().min(1).max(16);
const sender = z.strictObject({
  aeTitle,
  address: z.string().min(1).max(64).describe('An address or a network.'),
  echo: z
    .strictObject({ host: z.string().min(1).max(255), port: z.int() })
    .optional()
    .describe('Where it answers C-ECHO, if it does.'),
});

/** For admins: proofs of life, peers, the routing test, what needs attention, and the machine. */
export const adminRoutes = [
  route({
    method: 'get',
    path: '/api/proof-of-life',
    least: 'admin',
    summary: 'Synthetic studies through the real path: the last runs, and whether somebody must look.',
    answer: { kind: 'json', schema: proofAnswer },
    handle: async (_call, { admin: { proof } }) => {
      const { running, alarm, takeBack, lastPassedAtMs } = await proof.status();
      return {
        ...proof.settings,
        nextAtMs: proof.nextAtMs(),
        alarm,
        takeBack: takeBack === null ? null : { version: takeBack.version, by: takeBack.by, atMs: takeBack.atMs },
        lastPassedAtMs,
        running,
        runs: await proof.newest(RUNS_SHOWN),
      };
    },
  }),
  route({
    method: 'post',
    path: '/api/proof-of-life/runs',
    least: 'admin',
    summary: 'Begins a proof of life now, or joins the one under way.',
    audit: { by: 'route', action: 'proof.requested' },
    answer: { kind: 'json', schema: z.strictObject({ id: z.int() }), status: 201 },
    handle: async ({ actor }, { admin }) => ({ id: await admin.proof.begin(actor) }),
  }),
  route({
    method: 'get',
    path: '/api/connections',
    least: 'admin',
    summary: 'Destinations and sources of the configuration, with the last contact.',
    answer: { kind: 'json', schema: connectionsAnswer },
    handle: (_call, { admin }) => admin.connections.list(),
  }),
  route({
    method: 'post',
    path: '/api/connections/:kind/:name/echo',
    least: 'admin',
    summary: 'Asks a peer whether it is there: C-ECHO, or a small query by DICOMweb.',
    params: z.strictObject({ kind: z.enum(['destination', 'source']), name: z.string().max(64) }),
    audit: { by: 'route', action: 'peer.echoed', target: 'name' },
    answer: { kind: 'json', schema: echoAnswer },
    alsoAnswers: { 404: 'The configuration names no such peer.' },
    handle: ({ params: { kind, name } }, { admin }) => admin.connections.echo(kind, name),
  }),
  route({
    method: 'get',
    path: '/api/pulls',
    least: 'admin',
    summary: 'Archives that can be asked for studies, and what they were asked for since the start.',
    answer: { kind: 'json', schema: pullsAnswer },
    handle: ({ actor }, { admin }) => admin.pulls.list(actor),
  }),
  route({
    method: 'post',
    path: '/api/pulls',
    least: 'admin',
    summary: 'Fetches studies of an archive (C-FIND, then C-MOVE or C-GET), in the background.',
    body: z.strictObject({
      archive: z.string().min(1).max(64),
      key: z.enum(STUDY_KEYS),
      value: z.string().min(1).max(64),
      allModalities: z.boolean().default(false).describe('Fetch studies without a CT too.'),
    }),
    audit: { by: 'store', action: ['pull.requested', 'pull.ended'] },
    answer: { kind: 'json', schema: pullRun, status: 201 },
    alsoAnswers: {
      400: 'It cannot be asked that, is being asked already, or is not in receive.sources.',
      404: 'The configuration names no such archive.',
    },
    handle: ({ body, actor, address }, { admin }) => admin.pulls.begin({ ...body, by: { name: actor, address } }),
  }),
  route({
    method: 'get',
    path: '/api/settings',
    least: 'admin',
    summary: 'Every setting as it is in force and where it comes from, and what was changed on the page.',
    answer: { kind: 'json', schema: settingsAnswer },
    handle: (_call, { admin }) => admin.settings.list(),
  }),
  route({
    method: 'post',
    path: '/api/settings/sources/try',
    least: 'admin',
    summary: 'Says what letting a sender in would do, and asks it by C-ECHO where it is said to answer. Sets nothing.',
    body: sender,
    audit: { by: 'route', action: 'peer.echoed' },
    answer: { kind: 'json', schema: sourceTrial },
    alsoAnswers: { 400: 'It is no sender, or the site keeps its settings in files.' },
    handle: ({ body }, { admin }) => admin.connections.trySource(body),
  }),
  route({
    method: 'post',
    path: '/api/settings/sources',
    least: 'admin',
    recentSignIn: true,
    summary: 'Lets a sender in from now on, beside those of the configuration file.',
    body: sender.extend({ reason }),
    audit: { by: 'store', action: 'setting.changed' },
    answer: { kind: 'nothing' },
    alsoAnswers: { 400: 'It is no sender, or the site keeps its settings in files.' },
    handle: async ({ body: { reason, ...sender }, actor, address }, { admin }) => {
      await admin.settings.letIn(sender, { reason, by: { name: actor, address } });
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/settings/sources/:aeTitle/take-back',
    least: 'admin',
    recentSignIn: true,
    summary: 'Takes back what the page has said of a sender; the configuration file still counts.',
    params: z.strictObject({ aeTitle }),
    body: z.strictObject({ reason }),
    audit: { by: 'store', action: 'setting.changed' },
    answer: { kind: 'nothing' },
    alsoAnswers: { 404: 'This page has let no such sender in.' },
    handle: async ({ params, body: { reason }, actor, address }, { admin }) => {
      await admin.settings.takeBack(params.aeTitle, { reason, by: { name: actor, address } });
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/settings/destinations/try',
    least: 'admin',
    summary: 'Asks a destination that is not set yet whether it is there, and what it would take. Sets nothing.',
    body: z.strictObject({ destination: destinationEntry }),
    audit: { by: 'route', action: 'peer.echoed' },
    answer: { kind: 'json', schema: echoAnswer },
    alsoAnswers: { 400: 'It is no destination that the page may set.' },
    handle: ({ body }, { admin }) => admin.destinations.try(body.destination),
  }),
  route({
    method: 'post',
    path: '/api/settings/destinations',
    least: 'admin',
    recentSignIn: true,
    summary: 'Adds a destination beside those of the configuration file, or changes one that was added, from now on.',
    body: z.strictObject({
      destination: destinationEntry,
      replaces: z.string().max(64).nullable().describe('The name of the one that is changed; null for a new one.'),
      reason,
    }),
    audit: { by: 'store', action: 'setting.changed' },
    answer: { kind: 'nothing' },
    alsoAnswers: {
      400: 'It is no destination that the page may set, or its name is taken.',
      404: 'This page has set no such destination.',
    },
    handle: async ({ body: { destination, replaces, reason }, actor, address }, { admin }) => {
      await admin.destinations.set(destination, replaces, { reason, by: { name: actor, address } });
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/settings/destinations/:name/take-back',
    least: 'admin',
    recentSignIn: true,
    summary: 'Takes a destination back that was added on the page; what waits for it is closed with that reason.',
    params: z.strictObject({ name: z.string().max(64) }),
    body: z.strictObject({ reason }),
    audit: { by: 'store', action: 'setting.changed' },
    answer: { kind: 'nothing' },
    alsoAnswers: { 400: 'A selection rule sends to it.', 404: 'This page has set no such destination.' },
    handle: async ({ params, body: { reason }, actor, address }, { admin }) => {
      await admin.destinations.takeBack(params.name, { reason, by: { name: actor, address } });
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/api/settings/values/:key/try',
    least: 'admin',
    summary: 'What a value of a setting would be and do. Sets nothing.',
    params: setting,
    query: z.strictObject({ text: z.string().max(8_000).describe('YAML, as in the configuration file.') }),
    answer: { kind: 'json', schema: settingTrial },
    alsoAnswers: { 400: 'It is no value of that setting, or the page may not set it.' },
    handle: ({ params, query }, { admin }) => admin.settings.try(params.key, query.text),
  }),
  route({
    method: 'post',
    path: '/api/settings/values/:key',
    least: 'admin',
    recentSignIn: true,
    summary: 'Sets a setting from now on, where files and variables leave it at its default; null takes that back.',
    params: setting,
    body: z.strictObject({ text: settingText.nullable().describe('YAML, as in the configuration file.'), reason }),
    audit: { by: 'store', action: 'setting.changed' },
    answer: { kind: 'nothing' },
    alsoAnswers: { 400: 'It is no value of that setting, or the page may not set it.' },
    handle: async ({ params, body: { text, reason }, actor, address }, { admin }) => {
      await admin.settings.set(params.key, text, { reason, by: { name: actor, address } });
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/api/settings/export',
    least: 'admin',
    summary: 'What was set on the page, as YAML of the form of the configuration file.',
    answer: { kind: 'other', contentType: 'application/yaml', description: 'YAML.' },
    handle: ({ response }, { admin }) => {
      response.type('application/yaml').attachment('odontoid-page-settings.yaml').send(admin.settings.exported());
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/settings/import',
    least: 'admin',
    recentSignIn: true,
    summary: 'Sets what such a YAML says: all of it, or nothing when a part of it cannot be set.',
    body: z.strictObject({ yaml: z.string().max(12_000), reason }),
    audit: { by: 'store', action: 'setting.changed' },
    answer: { kind: 'json', schema: z.strictObject({ keys: z.array(z.string()) }) },
    alsoAnswers: { 400: 'A part of it cannot be set on the page.' },
    handle: async ({ body: { yaml, reason }, actor, address }, { admin }) => ({
      keys: await admin.settings.imported(yaml, { reason, by: { name: actor, address } }),
    }),
  }),
  route({
    method: 'post',
    path: '/api/routing-test',
    least: 'admin',
    summary: 'Says what the agent would do with a DICOM file (the body, application/dicom). Keeps nothing.',
    query: z.strictObject({ callingAeTitle: aeTitle, calledAeTitle: aeTitle, address: z.string().min(1).max(64) }),
    audit: { by: 'route', action: 'routing.tested' },
    answer: { kind: 'json', schema: routingAnswer },
    alsoAnswers: { 413: 'The file is too large to be tested.' },
    handle: async ({ query, request }, { admin }) =>
      admin.testRouting(await bodyOf(request, admin.mostTestedBytes), query),
  }),
  route({
    method: 'get',
    path: '/api/troubles',
    least: 'admin',
    summary: 'What waits for a person: held cases, failed cases, results that do not get out.',
    answer: { kind: 'json', schema: needsAttentionAnswer },
    handle: (_call, { admin }) => admin.needsAttention(MOST_SHOWN),
  }),
  route({
    method: 'get',
    path: '/api/troubles/count',
    least: 'admin',
    summary: 'How much waits for a person, and on which pages.',
    answer: { kind: 'json', schema: attentionCount },
    handle: async (_call, { admin, system }) => {
      const { proofOfLife, modelError, livingNodes = {} } = await system();
      return {
        waiting: await admin.countNeedsAttention(),
        proof: proofOfLife.alarm !== null,
        models: modelError !== null,
        roles: Object.values(livingNodes).filter((count) => count === 0).length,
      };
    },
  }),
  route({
    method: 'post',
    path: '/api/cases/:studyInstanceUid/retry-deliveries',
    least: 'admin',
    summary: 'Makes results that were refused, or wait for their next attempt, due now: the same bytes.',
    params: study,
    body: z.strictObject({ reason }),
    audit: { by: 'store', action: 'case.resent' },
    answer: { kind: 'json', schema: z.strictObject({ due: z.int().describe('Deliveries that are due now.') }) },
    alsoAnswers: { 404: 'There is no such study on the worklist.' },
    handle: async ({ params: { studyInstanceUid }, body, actor }, { store }) => ({
      due: await store.retryDeliveries(studyInstanceUid, actor, body.reason),
    }),
  }),
  route({
    method: 'post',
    path: '/api/cases/:studyInstanceUid/release',
    least: 'admin',
    recentSignIn: true,
    summary:
      'Ends a quarantine by a decision: go on with what came first, with the patient of what came last, or as one patient under the identity that appeared last.',
    params: study,
    body: z.discriminatedUnion('use', [
      z.strictObject({ use: z.literal('first'), reason }),
      z.strictObject({
        use: z.enum(['latest', 'same-patient']),
        patient: z
          .strictObject({ patientId: z.string().max(1_024), patientName: z.string().max(1_024) })
          .describe('The patient whose objects were set aside (last), as shown to the person who decides.'),
        reason,
      }),
    ]),
    audit: { by: 'store', action: 'case.quarantineReleased' },
    answer: { kind: 'nothing' },
    alsoAnswers: { 404: 'The study is not held.', 409: 'Another patient’s objects are aside than was shown.' },
    handle: async ({ params: { studyInstanceUid }, body, actor }, { store }) => {
      await store.releaseQuarantine(studyInstanceUid, { ...body, actor });
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/cases/:studyInstanceUid/leave-as-is',
    least: 'admin',
    recentSignIn: true,
    summary:
      'Takes a held or failed study, or one whose results were refused, off the list of what waits for a person. It stays what it is, until retention removes it.',
    params: study,
    body: z.strictObject({ reason }),
    audit: { by: 'store', action: 'case.leftAsIs' },
    answer: { kind: 'nothing' },
    alsoAnswers: { 404: 'Nothing of the study waits for a person.' },
    handle: async ({ params: { studyInstanceUid }, body, actor }, { store }) => {
      await store.dismiss(studyInstanceUid, { ...body, actor });
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/api/system',
    least: 'admin',
    summary: 'The machine: version, disk, memory.',
    answer: { kind: 'json', schema: systemDetail },
    handle: (_call, { admin }) => admin.systemDetail(),
  }),
  route({
    method: 'get',
    path: '/api/removed-studies',
    least: 'admin',
    summary: 'Studies whose files retention has deleted: what each was, what was deleted, when and why.',
    answer: { kind: 'json', schema: removedStudies },
    handle: (_call, { admin }) => admin.removedStudies(MOST_SHOWN),
  }),
  route({
    method: 'get',
    path: '/api/figures',
    least: 'admin',
    summary: 'How many studies came and how fast they came through, from the times on record.',
    query: z.strictObject({
      hours: z.coerce
        .number()
        .int()
        .min(1)
        .max(24 * 31)
        .default(24),
      steps: z.coerce.number().int().min(1).max(96).default(24),
    }),
    answer: { kind: 'json', schema: figuresAnswer },
    handle: ({ query: { hours, steps } }, { admin, clock }) => {
      const stepMs = Math.ceil((hours * 3_600_000) / steps);
      // Steps are aligned to whole multiples of their length, so that a figure does not change at every look.
      const toMs = (Math.floor(clock.now() / stepMs) + 1) * stepMs;
      return admin.figures({ fromMs: toMs - steps * stepMs, toMs, stepMs });
    },
  }),
];

/** The body of a request, at most `most` bytes. @throws TriageError `object-too-large`, `command-invalid` for an empty body */
async function bodyOf(request: AsyncIterable<Buffer>, most: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of request) {
    total += chunk.length;
    if (total > most)
      throw new TriageError(
        'object-too-large',
        `Files of ${Math.floor(most / 1_048_576)} MiB at the most can be tested; take a single slice.`,
      );
    chunks.push(chunk);
  }
  if (total === 0)
    throw new TriageError('command-invalid', 'There is no file in the request: send one as application/dicom.');
  return Buffer.concat(chunks);
}
