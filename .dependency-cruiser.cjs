// Who may import whom. Each rule is a sentence; ARCHITECTURE.md says why.
/** Small tools that know nothing of the domain. */
const TOOLS = '^src/base/';
const GROUND = '^src/(case|dicom|dimse|statistics|thresholds)/|^src/base/(backoff|errors|clock|log)\\.ts$';
const stage = (name, also = []) => ({
  name: `${name}-is-a-stage`,
  comment: `${name} imports ground and itself${also.length ? ` and ${also.join(', ')}` : ''}: stages meet on disk and in the worklist.`,
  severity: 'error',
  from: { path: `^src/${name}/` },
  to: {
    path: '^(src|migrations)/',
    pathNot: [GROUND, `^src/${name}/`, ...also.map((other) => `^src/${other}/`), TOOLS],
  },
});
/** Screens of one area. What other rooms of the page may use of it, and it of them, is named file by file. */
const roomOfPage = (name, shared = []) => ({
  name: `page-${name}-is-a-room`,
  comment: `${name} imports the parts and itself${shared.length ? `, and ${shared.join(', ')}` : ''}.`,
  severity: 'error',
  from: { path: `^src/page/${name}/` },
  to: {
    path: '^src/page/',
    pathNot: ['^src/page/parts/', `^src/page/${name}/`, ...shared.map((file) => `^src/page/${file}\\.(tsx?|css)$`)],
  },
});
const home = (packageName, where, comment) => ({
  name: `${packageName}-has-one-home`,
  comment,
  severity: 'error',
  from: { path: '^(src|migrations)/', pathNot: where },
  to: { path: `node_modules/${packageName}/` },
});

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Nothing imports itself by a detour (types aside).',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'ground-imports-ground',
      comment: 'Ground imports only ground.',
      severity: 'error',
      from: { path: GROUND },
      to: { path: '^(src|migrations)/', pathNot: GROUND },
    },
    {
      name: 'ground-does-no-io',
      comment: 'Ground reads no file, opens no socket and starts no process.',
      severity: 'error',
      from: { path: GROUND, pathNot: '^src/base/' },
      to: {
        path: '^(node:)?(fs|fs/promises|net|tls|http|https|child_process|worker_threads|timers|timers/promises|os)$',
      },
    },
    stage('receive'),
    stage('assemble'),
    stage('preprocess'),
    stage('infer', ['preprocess']),
    stage('report'),
    stage('pacs'),
    stage('deliver'),
    stage('phantom'),
    stage('dataset', ['phantom']),
    stage('evaluate', ['phantom']),
    stage('worklist'),
    {
      name: 'web-sees-worklist-only',
      comment: 'The web sees ground and worklist only.',
      severity: 'error',
      from: { path: '^src/web/' },
      to: { path: '^(src|migrations)/', pathNot: [GROUND, '^src/(web|worklist|answers)/', TOOLS] },
    },
    {
      name: 'housekeeping-sees-worklist-only',
      comment: 'Housekeeping sees ground and worklist only.',
      severity: 'error',
      from: { path: '^src/housekeeping/' },
      to: { path: '^(src|migrations)/', pathNot: [GROUND, '^src/(housekeeping|worklist)/', TOOLS] },
    },
    {
      name: 'audit-trail-reads-the-audit',
      comment:
        'What tells the site of the audit sees ground and the audit of the worklist only: it can slow nothing and change nothing.',
      severity: 'error',
      from: { path: '^src/auditTrail/' },
      to: { path: '^(src|migrations)/', pathNot: [GROUND, '^src/auditTrail/', '^src/worklist/audit/', TOOLS] },
    },
    {
      name: 'proof-goes-the-public-way',
      comment:
        'A proof of life makes a phantom, is sent through a port, and reads the worklist: it reaches into no stage.',
      severity: 'error',
      from: { path: '^src/proofOfLife/' },
      to: { path: '^(src|migrations)/', pathNot: [GROUND, '^src/(proofOfLife|phantom|worklist)/', TOOLS] },
    },
    {
      name: 'admin-asks-the-rules',
      comment:
        'The desk of admins asks the worklist and the very rules of intake and assembling; all else is given to it.',
      severity: 'error',
      from: { path: '^src/admin/' },
      to: {
        path: '^(src|migrations)/',
        pathNot: [
          GROUND,
          '^src/(admin|worklist|assemble)/',
          '^src/receive/(associationPolicy|receiveConfig)\\.ts$',
          '^src/web/(adminDesk|modelsDesk)\\.ts$',
          '^src/answers/',
          '^src/config/',
          TOOLS,
        ],
      },
    },
    {
      name: 'page-sees-answers-and-case',
      comment: 'The page runs in a browser: of the agent it sees the shapes of answers and the words for a case.',
      severity: 'error',
      from: { path: '^src/page/', pathNot: '^src/page/vite\\.config\\.mjs$' },
      to: {
        path: '^(src|migrations)/|^(node:)?(fs|path|os|crypto|url|http|https)$',
        pathNot: '^src/(page|answers|case)/',
      },
    },
    {
      name: 'page-parts-know-no-room',
      comment: 'What every screen uses knows no screen.',
      severity: 'error',
      from: { path: '^src/page/parts/' },
      to: { path: '^src/page/', pathNot: '^src/page/parts/' },
    },
    {
      name: 'page-is-nobodys',
      comment: 'Nothing of the agent imports the page.',
      severity: 'error',
      from: { path: '^(src|migrations)/', pathNot: '^src/page/' },
      to: { path: '^src/page/' },
    },
    roomOfPage('alerts'),
    roomOfPage('worklist', ['alerts/alerts', 'alerts/alertWords', 'case/caseApi', 'case/drawSlice']),
    roomOfPage('case', ['worklist/worklistApi']),
    roomOfPage('wall', ['alerts/alerts', 'access/oneTimeLink']),
    roomOfPage('access', ['wall/wallScreens']),
    roomOfPage('thresholds', ['access/confirmIdentity']),
    roomOfPage('models', ['access/confirmIdentity', 'admin/admin']),
    roomOfPage('admin', ['access/confirmIdentity']),
    {
      name: 'pipeline-names-no-stage',
      comment: 'The pipeline names no stage; compose injects them.',
      severity: 'error',
      from: { path: '^src/pipeline/' },
      to: { path: '^src/', pathNot: [GROUND, TOOLS, '^src/pipeline/'] },
    },
    {
      name: 'only-roots-compose',
      comment: 'Only the command line, the demo and the roots import compose.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|demo|compose)' },
      to: { path: '^src/compose/' },
    },
    home('better-sqlite3', '^src/worklist/', 'The database is opened in worklist only.'),
    home('kysely', '^src/worklist/|^migrations/', 'No SQL outside worklist and migrations.'),
    home('onnxruntime-node', '^src/infer/onnxGraphs\\.ts$', 'The runtime of the network is named in one file.'),
    home('dcmjs', '^src/dicom/part10\\.ts$', 'dcmjs writes files in one place, where its traps are dealt with.'),
    home('dicom-parser', '^src/dicom/elements\\.ts$', 'Data sets are read in one place.'),
    home('dcmjs-codecs', '^src/infer/', 'Pixels are decoded in the inference child only.'),
    home(
      'dcmjs-dimse',
      '^src/demo/loopbackPacs\\.ts$',
      'DIMSE is spoken by src/dimse; the demo’s PACS is an independent peer of it.',
    ),
    home('fast-xml-builder', '^src/auditTrail/auditXml\\.ts$', 'XML is written in one place.'),
    home('csv-parse', '^src/dataset/csvTable\\.ts$', 'Tables are read in one place.'),
    home('nifti-reader-js', '^src/dataset/masks\\.ts$', 'Masks are read in one place.'),
    home('express', '^src/web/', 'HTTP is served by web only.'),
    home('express-session', '^src/web/access/sessionCookie\\.ts$', 'Cookies lead to sessions in one place.'),
    home('@node-rs/argon2', '^src/web/access/passwords\\.ts$', 'Passwords are hashed in one place.'),
    home('openid-client', '^src/web/access/oidc\\.ts$', 'The identity provider is asked in one place.'),
    home('zod-openapi', '^src/web/openApi\\.ts$', 'The API is described in one place, from the schemas of the routes.'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
