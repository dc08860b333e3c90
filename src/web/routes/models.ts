import { LEAST_REASON_CHARACTERS } from '../../case/leastReason.ts';
import { z } from 'zod';
import { caseRef } from '../../case/caseRef.ts';
import { TriageError } from '../../base/errors.ts';
import {
  comparisonAnswer,
  installedModel,
  modelActivation,
  modelCard,
  modelsAnswer,
  modelUseAnswer,
  networkAnswer,
} from '../../answers/modelAnswers.ts';
import { route } from '../route.ts';

/** Flips and failures that a response lists. */
const MOST_NAMED = 200;
/** How a second person signs, by how people sign in. */
const SIGNATURES = { off: 'name', local: 'password', oidc: 'command-line' } as const;
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'the digest of a package is wanted: 64 hexadecimal digits');

/** A name as a manifest may have it, with a size in bytes. */
const FILE = '[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}:[0-9]{1,12}';
const MOST_FILES = 16;

/** Model packages: which there are, how each performs, and which of them is active. */
export const modelRoutes = [
  route({
    method: 'get',
    path: '/api/models',
    least: 'admin',
    summary: 'Packages of this machine, what serves, and every decision about it.',
    answer: { kind: 'json', schema: modelsAnswer },
    handle: async (_call, { admin: { models }, access, system, thresholds, clock }) => {
      const { model, modelError, shadow } = await system();
      return {
        nowMs: clock.now(),
        secondPerson: thresholds.secondPerson,
        secondSignature: SIGNATURES[access.mode],
        serving: {
          active: { model, error: modelError },
          shadow:
            shadow === null
              ? null
              : { model: shadow.model === null ? null : { ...shadow.model, provider: null }, error: shadow.error },
        },
        ...(await models.board()),
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/network',
    least: 'wall',
    summary: 'Which network judges, and whether it was validated at this site: every screen says so when it was not.',
    answer: { kind: 'json', schema: networkAnswer },
    handle: async (_call, { system, store }) => {
      const { model } = await system();
      if (model === null) return { model: null, validatedAtMs: null };
      const { name, version, sha256 } = model;
      const sufficient = (await store.validationsOf(sha256)).find(({ suffices }) => suffices);
      return { model: { name, version, sha256 }, validatedAtMs: sufficient?.atMs ?? null };
    },
  }),
  route({
    method: 'get',
    path: '/api/models/:sha256/card',
    least: 'admin',
    summary: 'What a package says of itself: training, figures with intervals, operating points, domain.',
    params: z.strictObject({ sha256 }),
    answer: { kind: 'json', schema: modelCard },
    alsoAnswers: { 404: 'There is no such sound package on this machine.' },
    handle: ({ params }, { admin }) => admin.models.card(params.sha256),
  }),
  route({
    method: 'get',
    path: '/api/models/comparison',
    least: 'admin',
    summary: 'The active package and its shadow on the site’s own cases. Agreement is not truth.',
    answer: { kind: 'json', schema: comparisonAnswer },
    alsoAnswers: { 404: 'There is no shadow.' },
    handle: async (_call, { admin, thresholds }) => {
      const found = await admin.models.comparison();
      if (found === null) throw new TriageError('not-found', 'There is no shadow package to compare with.');
      const flips = found.flips.slice(0, MOST_NAMED);
      const failures = found.failures.slice(0, MOST_NAMED);
      const present = await thresholds.present([...flips, ...failures].map(({ studyInstanceUid }) => studyInstanceUid));
      const opens = (studyInstanceUid: string) => ({
        caseRef: caseRef(studyInstanceUid),
        present: present.has(studyInstanceUid),
      });
      return {
        ...found,
        flips: flips.map(({ studyInstanceUid, active, shadow }) => ({ ...opens(studyInstanceUid), active, shadow })),
        flipsTotal: found.flips.length,
        failures: failures.map(({ studyInstanceUid, failure }) => ({ ...opens(studyInstanceUid), failure })),
        failuresTotal: found.failures.length,
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/models/use',
    least: 'admin',
    summary: 'The active package in use, by week and scanner, and shares that have drifted.',
    answer: { kind: 'json', schema: modelUseAnswer },
    handle: (_call, { admin }) => admin.models.use(),
  }),
  route({
    method: 'post',
    path: '/api/models/activations',
    least: 'admin',
    recentSignIn: true,
    summary:
      'Says which package judges, or scores as a shadow, from now on; the package is checked first, and the agent follows without a restart.',
    audit: { by: 'store', action: 'model.activated' },
    body: z.strictObject({
      role: z.enum(['active', 'shadow']),
      sha256: sha256.nullable().describe('Null ends the shadow.'),
      threshold: z
        .union([z.enum(['keep', 'default']), z.number().min(0).max(1)])
        .optional()
        .describe('Operating point from then on; must be said where the site has set one.'),
      reason: z
        .string()
        .trim()
        .min(LEAST_REASON_CHARACTERS, `say why, in ${LEAST_REASON_CHARACTERS} characters at least`)
        .max(2_000),
      second: z
        .strictObject({ name: z.string().trim().min(1).max(200), password: z.string().max(1_000).optional() })
        .optional()
        .describe(
          'Another person, who signs for a package that was never validated here; with the password of their account where people sign in.',
        ),
    }),
    answer: { kind: 'json', schema: modelActivation, status: 201 },
    alsoAnswers: {
      404: 'There is no such sound package on this machine.',
      409: 'The site has a threshold of its own and nobody has said whether it is to hold, another package is being checked, or a second person must sign.',
      422: 'The package does not pass its check: the message says why, and nothing has changed.',
    },
    handle: async ({ body: { second, ...body }, actor, address, request }, { access, admin, thresholds }) => {
      // Otherwise one person could set a threshold that takes two.
      if (typeof body.threshold === 'number' && thresholds.secondPerson)
        throw new TriageError(
          'command-invalid',
          'A threshold takes two people here: keep the one in force or take the package’s own, then request another one under Thresholds.',
        );
      return admin.models.decide({
        ...body,
        threshold: body.threshold,
        by: actor,
        address,
        second: second === undefined ? null : await access.witness(request, second),
      });
    },
  }),
  route({
    method: 'post',
    path: '/api/models/packages',
    least: 'admin',
    recentSignIn: true,
    summary:
      'Installs a package: the body is its files end to end, as application/octet-stream. It is checked first, and judges nothing before it is activated.',
    audit: { by: 'store', action: 'model.installed' },
    query: z.strictObject({
      files: z
        .string()
        .regex(new RegExp(`^${FILE}(,${FILE}){0,${MOST_FILES - 1}}$`), 'names and sizes of the files are wanted')
        .describe('Name and size of each file, in the order of the bytes: `model.json:8123,network.onnx:512000`.'),
    }),
    answer: { kind: 'json', schema: installedModel, status: 201 },
    alsoAnswers: {
      409: 'Other contents are installed under this name and version, or another package is being uploaded or checked.',
      413: 'It is larger than `web.modelUploadMaxBytes`.',
      422: 'It does not pass its check, or the disk has no room: the message says why, and nothing was installed.',
    },
    handle: ({ query, actor, address, request }, { admin }) => {
      if (request.is('application/octet-stream') === false)
        throw new TriageError('command-invalid', 'Send the files as application/octet-stream.');
      const files = query.files.split(',').map((one) => {
        const [name = '', size] = one.split(':');
        return { name, sizeBytes: Number(size) };
      });
      if (new Set(files.map(({ name }) => name.toLowerCase())).size < files.length)
        throw new TriageError('command-invalid', 'Two files have one name.');
      return admin.models.install({ files, body: request, by: actor, address });
    },
  }),
  route({
    method: 'delete',
    path: '/api/models/packages/:folder',
    least: 'admin',
    recentSignIn: true,
    summary: 'Removes an installed package that is neither in use nor what the agent would go back to.',
    audit: { by: 'store', action: 'model.removed' },
    params: z.strictObject({ folder: z.string().min(1).max(200).describe('`folder` of the list of packages.') }),
    answer: { kind: 'nothing' },
    alsoAnswers: {
      404: 'No such package is installed.',
      409: 'It is in use, or another package is being checked.',
    },
    handle: async ({ params: { folder }, actor, address }, { admin }) => {
      await admin.models.remove({ folder, by: actor, address });
      return undefined;
    },
  }),
];
