// Who may import whom. Each rule is a sentence; `npm run check:imports` refuses a module that stands under none of them,
// and a package without a home. ARCHITECTURE.md has the map.

/** What every room may use: no stage, no adapter, and, base aside, no I/O. */
const GROUND = ['base', 'case', 'dicom', 'dimse', 'statistics', 'answers'];

/**
 * One rule for each room: what it sees besides itself and ground, and why no more. A name is a folder of src; whatever begins with `^` is a pattern.
 * `ground: false` takes ground away as well.
 */
const ROOMS = [
  { room: 'base', ground: false, sees: [], why: 'Base knows nothing of the domain.' },
  { room: 'case', sees: [], why: 'Ground imports only ground.' },
  { room: 'dicom', sees: [], why: 'Ground imports only ground.' },
  { room: 'dimse', sees: [], why: 'Ground imports only ground.' },
  { room: 'statistics', sees: [], why: 'Ground imports only ground.' },
  {
    room: 'answers',
    sees: [],
    why: 'The shapes of the JSON API: the types of all who give, serve and show them are inferred from these.',
  },

  { room: 'receive', sees: [], why: 'A stage imports ground and itself: stages meet on disk and in the worklist.' },
  {
    room: 'hl7',
    sees: [],
    why: 'Messages are read from bytes that are given, and told to a port: no database, no DICOM.',
  },
  { room: 'assemble', sees: [], why: 'A stage imports ground and itself.' },
  { room: 'preprocess', sees: [], why: 'A stage imports ground and itself.' },
  { room: 'infer', sees: ['preprocess'], why: 'A network reads what preprocess makes.' },
  { room: 'report', sees: [], why: 'A stage imports ground and itself.' },
  { room: 'pacs', sees: [], why: 'A stage imports ground and itself.' },
  { room: 'deliver', sees: [], why: 'A stage imports ground and itself: destinations are given to it.' },
  {
    room: 'pull',
    sees: ['^src/pacs/(archiveClient|retrieveOutcome)\\.ts$', 'worklist'],
    why: 'What is fetched comes in by the receiver: pulling asks an archive, and compares with what is on record.',
  },
  {
    room: 'pipeline',
    sees: ['assemble', 'infer', 'report'],
    why: 'The stages of the pipeline run assemble, infer and report; the loop names none of them.',
  },

  { room: 'thresholds', sees: [], why: 'What a change of threshold would do is computed from facts that are given.' },
  { room: 'worklist', sees: ['thresholds', '^migrations/'], why: 'The database knows no stage and nobody who asks.' },
  {
    room: 'models',
    sees: ['config', 'infer', 'worklist', '^src/web/modelAdministration\\.ts$'],
    why: 'How a package comes into use is decided from packages and the worklist; no stage is asked.',
  },
  {
    room: 'cohort',
    sees: ['assemble', 'config', 'dataset', 'evaluate', 'infer', 'report'],
    why: 'A folder goes through the rules of the stages without the agent: no database, no network.',
  },
  { room: 'dataset', sees: [], why: 'Labels and masks are read without a word of how they will be used.' },
  { room: 'evaluate', sees: [], why: 'Figures are computed from judgements, wherever those come from.' },
  { room: 'phantom', sees: [], why: 'Phantoms are made from parameters alone.' },

  { room: 'web', sees: ['thresholds', 'worklist'], why: 'The web sees ground, thresholds and worklist only.' },
  {
    room: 'page',
    ground: false,
    sees: ['answers', 'case'],
    why: 'The page runs in a browser: of the agent it sees the shapes of answers and the words for a case.',
  },
  { room: 'housekeeping', sees: ['worklist'], why: 'Housekeeping sees ground and worklist only.' },
  {
    room: 'auditTrail',
    sees: ['^src/worklist/audit/'],
    why: 'What tells the site of the audit sees the audit only: it can slow nothing and change nothing.',
  },
  {
    room: 'traces',
    sees: ['^src/worklist/traces/'],
    why: 'What a collector is told is what the outbox of spans gives: nothing here can reach a patient.',
  },
  {
    room: 'proofOfLife',
    sees: ['phantom', 'worklist'],
    why: 'A proof of life makes a phantom, sends it through a port and reads the worklist: it reaches into no stage.',
  },
  {
    room: 'admin',
    sees: [
      'worklist',
      'assemble',
      'config',
      '^src/receive/(associationPolicy|receiveConfig|refusals)\\.ts$',
      '^src/web/(administration|modelAdministration)\\.ts$',
    ],
    why: 'What admins ask is answered by the worklist and by the very rules of intake and assembling; all else is given.',
  },

  { room: 'config', sees: [], why: 'The configuration is read before anything is built.' },
  {
    room: 'compose',
    sees: ['^src/(?!(cli|demo|page|phantom|dataset|evaluate|cohort)/|cli\\.ts$)'],
    why: 'Compose builds the adapters of the agent, and nothing that the agent does without.',
  },
  {
    room: 'demo',
    sees: ['compose', 'config', 'pacs', 'phantom', 'worklist'],
    why: 'The demo starts the agent as serve does, and is a PACS for it.',
  },
  { room: 'cli', sees: ['^src/(?!page/)'], why: 'The command line may start everything that runs outside a browser.' },
  { room: 'cli.ts', path: '^src/cli\\.ts$', sees: ['cli', 'config'], why: 'The entry names commands and loads none.' },
  {
    room: 'migrations',
    path: '^migrations/',
    sees: [],
    why: 'A migration outlives today’s modules: it sees ground only.',
  },
  {
    room: 'training',
    path: '^training/',
    sees: ['cohort', 'config', 'dataset', 'infer', 'phantom', 'preprocess'],
    why: 'Training reads cases as the agent does, and knows nothing of the agent.',
  },
];

const OURS = '^(src|migrations|training)/';
const pathOf = ({ room, path }) => path ?? `^src/${room}/`;
const patternOf = (name) => (name.startsWith('^') ? name : `^src/${name}/`);
const roomRule = (entry) => ({
  name: `${entry.room}-keeps-to-its-room`,
  comment: entry.why,
  severity: 'error',
  from: { path: pathOf(entry) },
  to: { path: OURS, pathNot: [pathOf(entry), ...(entry.ground === false ? [] : GROUND), ...entry.sees].map(patternOf) },
});

/**
 * Rooms within the page: each sees the parts, itself, and the files of other rooms that are named here.
 */
const PAGE_ROOMS = {
  alerts: [],
  worklist: [
    'alerts/shellAlerts',
    'alerts/alertChoices',
    'alerts/alertWords',
    'alerts/chimePlan',
    'alerts/flagItems',
    'case/caseApi',
  ],
  handOver: [],
  case: ['worklist/worklistApi'],
  wall: ['alerts/useAlerts', 'alerts/alertChoices', 'access/oneTimeLink', 'access/accessWords'],
  access: ['wall/wallScreens'],
  thresholds: ['access/confirmIdentity'],
  models: ['access/confirmIdentity', 'admin/admin', 'admin/sizeText'],
  admin: ['access/confirmIdentity'],
  parts: ['access/confirmIdentity'],
};
const pageRoomRule = ([name, shared]) => ({
  name: `page-${name}-keeps-to-its-room`,
  comment: `${name} imports the parts and itself${shared.length ? `, and ${shared.join(', ')}` : ''}.`,
  severity: 'error',
  from: { path: `^src/page/${name}/` },
  to: {
    path: '^src/page/',
    pathNot: ['^src/page/parts/', `^src/page/${name}/`, ...shared.map((file) => `^src/page/${file}\\.(tsx?|css)$`)],
  },
});

/** Where each package that the agent ships with may be imported; null: anywhere. A package changes its mind in one place. */
const HOMES = {
  '@node-rs/argon2': '^src/web/access/passwords\\.ts$',
  '@resvg/resvg-js': '^src/report/drawing\\.ts$',
  '@zxcvbn-ts/core': '^src/web/access/passwords\\.ts$',
  '@zxcvbn-ts/language-common': '^src/web/access/passwords\\.ts$',
  'age-encryption': '^src/worklist/db/sealedBackups\\.ts$',
  'better-sqlite3': '^src/worklist/db/',
  pg: '^src/worklist/db/',
  'cli-progress': '^src/cli/output\\.ts$|^training/',
  commander: '^src/cli(/|\\.ts$)',
  compression: '^src/web/server\\.ts$',
  'csrf-sync': '^src/web/access/access\\.ts$',
  'csv-parse': '^src/dataset/csvTable\\.ts$',
  dcmjs: '^src/dicom/part10\\.ts$',
  'dcmjs-codecs': '^src/infer/',
  // DIMSE is spoken by src/dimse; the demo’s PACS is an independent peer of it.
  'dcmjs-dimse': '^src/demo/loopbackPacs\\.ts$',
  'dejavu-fonts-ttf': '^src/report/drawing\\.ts$',
  express: '^src/web/',
  'express-session': '^src/web/access/sessionCookie\\.ts$',
  'fast-xml-builder': '^src/auditTrail/auditXml\\.ts$',
  helmet: '^src/web/security\\.ts$',
  kysely: '^src/worklist/|^migrations/',
  'nifti-reader-js': '^src/dataset/nifti\\.ts$',
  'node-cron': '^src/housekeeping/cron\\.ts$',
  'onnxruntime-node': '^src/infer/onnxGraphs\\.ts$',
  'openid-client': '^src/web/access/oidc\\.ts$',
  pino: '^src/base/log\\.ts$',
  'prom-client': '^src/web/metrics\\.ts$',
  yaml: '^src/config/configLayers\\.ts$',
  zod: null,
  'zod-openapi': '^src/web/openApi\\.ts$',
};
const homeRules = Object.entries(HOMES)
  .filter(([, home]) => home !== null)
  .map(([name, home]) => ({
    name: `${name}-has-one-home`,
    comment: `${name} is imported in its home only.`,
    severity: 'error',
    from: { path: OURS, pathNot: home },
    to: { path: `node_modules/${name}/` },
  }));

module.exports = {
  /** For scripts/checkDependencies.ts: what must cover every module, and every package. */
  rooms: ROOMS.map((entry) => ({ room: entry.room, path: pathOf(entry) })),
  homes: HOMES,
  forbidden: [
    {
      name: 'the-loop-names-no-stage',
      comment: 'The loop of the pipeline names no stage: compose gives it the stages as functions.',
      severity: 'error',
      from: { path: '^src/pipeline/pipeline\\.ts$' },
      to: { path: OURS, pathNot: GROUND.map(patternOf) },
    },
    {
      name: 'no-circular',
      comment: 'Nothing imports itself by a detour, types included.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'ground-does-no-io',
      comment: 'Ground reads no file, opens no socket and starts no process; base has the tools that do.',
      severity: 'error',
      from: { path: `^src/(${GROUND.filter((room) => room !== 'base').join('|')})/` },
      to: {
        path: '^(node:)?(fs|fs/promises|net|tls|dgram|dns|dns/promises|http|https|child_process|worker_threads|timers|timers/promises|os)$|^src/base/(durably|childProcess)\\.ts$',
      },
    },
    {
      name: 'page-asks-no-node',
      comment: 'What runs in a browser imports nothing of Node.',
      severity: 'error',
      from: { path: '^src/page/', pathNot: '^src/page/vite\\.config\\.mjs$' },
      to: { dependencyTypes: ['core'] },
    },
    ...ROOMS.map(roomRule),
    ...Object.entries(PAGE_ROOMS).map(pageRoomRule),
    ...homeRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
