import { z } from 'zod';

/**
 * The agent's configuration: one strict schema, so that a misspelt key is an error and not a silent default.
 * Every option carries its unit, its range and what it does on the wire; `docs/configuration.md` is written from these texts by `npm run docs:config`.
 */

const milliseconds = (min: number, max: number) => z.int().min(min).max(max);
const bytes = (min: number, max: number) => z.int().min(min).max(max);
/** PS3.5 6.2 AE: 16 characters, no backslash or control characters, not only spaces. */
const aeTitle = z
  .string()
  .regex(
    /^[!-[\]-~]([ -[\]-~]{0,14}[!-[\]-~])?$/,
    'an AE title has 1 to 16 printable characters, no backslash, no space at either end',
  );
const port = z.int().min(0).max(65535);
const uid = z
  .string()
  .regex(/^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/, 'a UID is digits and dots')
  .max(64);
const isViewerTemplate = (value: string): boolean => {
  const filled = value.replace(
    /\{(studyInstanceUid|accessionNumber|patientId|orthancStudyId|keySopInstanceUid)\}/g,
    '1',
  );
  return (
    filled !== value &&
    !/[{}]/.test(filled) &&
    URL.canParse(filled) &&
    !/^(javascript|data|blob|vbscript):/i.test(filled)
  );
};
const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/** A secret never stands in the configuration itself: it comes from an environment variable or a file. */
const secret = z
  .strictObject({
    env: z.string().min(1).optional().describe('Name of the environment variable that holds the secret.'),
    file: z
      .string()
      .min(1)
      .optional()
      .describe('Path of the file that holds the secret; the last line break is dropped.'),
  })
  .refine((value) => (value.env === undefined) !== (value.file === undefined), 'name either env or file, not both');

const pemFile = z.string().min(1);
/** TLS to a peer; the files are read at each connection, so that renewed ones are used at once. */
const peerTls = z
  .strictObject({
    caFile: pemFile
      .optional()
      .describe('Authorities of its certificate, PEM. Left out, those of the operating system.'),
    certFile: pemFile.optional().describe('Certificate by which the agent shows who it is, with its chain, PEM.'),
    keyFile: pemFile.optional().describe('Key of that certificate, PEM.'),
    serverName: z.string().min(1).optional().describe('Name in its certificate, where it is not `host`.'),
  })
  .refine(
    ({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined),
    'name both certFile and keyFile, or neither',
  )
  .optional();

/** What goes to a destination, and whether anything does. */
const destinationWishes = {
  objects: z
    .array(z.enum(['report', 'card', 'heatmaps']))
    .min(1)
    .default(['report', 'card', 'heatmaps'])
    .describe('What it gets: the report (SR), the triage card, the key slices with heatmaps.'),
  decisions: z
    .enum(['all', 'suspected'])
    .default('all')
    .describe('`suspected`: only results of flagged scans, and whatever later replaces one that it has.'),
  rejectReplaced: z
    .boolean()
    .default(false)
    .describe(
      'When a newer result is there, send a Key Object Selection "Rejected for Quality Reasons" (IHE IOCM) for what it replaces, so that the archive shows that no more.',
    ),
  state: z
    .enum(['active', 'paused', 'retired'])
    .default('active')
    .describe(
      '`paused`: nothing is sent, and everything waits. `retired`: nothing is sent any more; what waits is closed with that reason at the next start, after which the entry can be removed.',
    ),
};

const dimseDestination = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and dashes')
    .describe('Name in the worklist, the log and the metrics.'),
  kind: z.literal('dimse'),
  aeTitle: aeTitle.describe('Called AE title of the PACS.'),
  host: z.string().min(1).describe('Host name or address of the PACS.'),
  port: port.min(1).describe('TCP port of the PACS.'),
  callingAeTitle: aeTitle.default('ODONTOID').describe('Calling AE title; the PACS must know it to answer C-FIND.'),
  tls: peerTls.describe(
    'Speak DICOM TLS to it (1.2 or 1.3, PS3.15 B.12). Its files are read at each connection: renewed ones need no restart.',
  ),
  timeoutMs: milliseconds(1_000, 600_000)
    .default(30_000)
    .describe('Longest silence on the association before the attempt fails and is repeated.'),
  confirm: z
    .enum(['find', 'none'])
    .default('find')
    .describe(
      '`find`: a result counts as delivered when C-FIND at IMAGE level names it. `none`: C-STORE status 0x0000 is enough.',
    ),
  commitment: z
    .boolean()
    .default(false)
    .describe(
      'Ask for Storage Commitment first; `confirm` is for what the PACS does not report on the same association within 5 s.',
    ),
  ...destinationWishes,
});

const webDestination = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and dashes')
    .describe('Name in the worklist, the log and the metrics.'),
  kind: z.literal('dicomweb'),
  url: z
    .url({ protocol: /^https?$/ })
    .describe(
      'Base of the DICOMweb service: STOW-RS goes to `<url>/studies/<uid>`, QIDO-RS to `<url>/studies/<uid>/series/<uid>/instances`.',
    ),
  auth: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('none') }),
      z.strictObject({ kind: z.literal('basic'), username: z.string().min(1), password: secret }),
      z.strictObject({ kind: z.literal('bearer'), token: secret }),
    ])
    .default({ kind: 'none' })
    .describe('HTTP authentication. The file of a secret is read at each request: a renewed token needs no restart.'),
  timeoutMs: milliseconds(1_000, 600_000)
    .default(60_000)
    .describe('Longest wait for an HTTP answer before the attempt fails and is repeated.'),
  confirm: z
    .enum(['find', 'none'])
    .default('find')
    .describe('`find`: a result counts as delivered when QIDO-RS names it. `none`: the STOW-RS answer is enough.'),
  ...destinationWishes,
});

/** Words of a header; `*` stands for anything, and case does not matter. */
const patterns = z.array(z.string().trim().min(1).max(64)).min(1).optional();
const range = (unit: string) =>
  z
    .strictObject({ min: z.number().min(0).optional(), max: z.number().min(0).optional() })
    .refine(
      ({ min, max }) => (min ?? max) !== undefined && (min ?? 0) <= (max ?? Infinity),
      'give min, max or both, min not above max',
    )
    .optional()
    .describe(`${unit}, both ends included; a study whose headers do not say is not met.`);
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'HH:MM');

const selectionRule = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and dashes')
    .describe('Name on the case and on the page *Connections*.'),
  when: z
    .strictObject({
      callingAeTitles: patterns.describe('Calling AE titles.'),
      calledAeTitles: patterns.describe('Called AE titles: `receive.aeTitle` or one of `receive.otherAeTitles`.'),
      stations: patterns.describe('Station Name (0008,1010).'),
      modalities: patterns.describe('Modality (0008,0060).'),
      bodyParts: patterns.describe('Body Part Examined (0018,0015) or the meaning of Anatomic Region (0008,2218).'),
      procedureCodes: patterns.describe(
        'Code values of Procedure Code (0008,1032) or Requested Procedure Code (0032,1064).',
      ),
      descriptions: patterns.describe('Study Description, Series Description or Protocol Name.'),
      sex: z
        .array(z.enum(['F', 'M', 'O']))
        .min(1)
        .optional()
        .describe("Patient's Sex."),
      ageYears: range("Patient's age in years, as stated or from the birth date"),
      scanAgeHours: range('Hours from the scan to its arrival'),
      hours: z
        .strictObject({ from: timeOfDay, to: timeOfDay })
        .optional()
        .describe('When the study came, in local time; `from` after `to` goes past midnight.'),
    })
    .prefault({})
    .describe(
      'What a study must have; all that is named must hold, each for one object of the study. Texts may hold `*`. Empty: every study.',
    ),
  do: z
    .enum(['accept', 'keep', 'ignore'])
    .describe(
      '`accept`: analysed, if a series allows it. `keep`: listed, not analysed, no report. `ignore`: the same, and in no list of scans to read.',
    ),
  destinations: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('Names of the destinations that get the results; all when left out.'),
});

const auditRepository = {
  host: z.string().min(1).describe('Host name or address of the Audit Record Repository.'),
  patientNames: z.boolean().default(false).describe('Messages name patients beside their IDs.'),
  siteId: z.string().max(200).default('').describe('AuditEnterpriseSiteID of the messages; empty leaves it out.'),
  sourceId: z.string().max(200).default('').describe('AuditSourceID of the messages; empty takes `receive.aeTitle`.'),
  alarmAfterMinutes: z
    .number()
    .min(1)
    .max(10_080)
    .default(15)
    .describe(
      'An alarm (`/readyz`, the page *System*, metrics) when an entry waits for longer than this. It waits for ever, and is never lost.',
    ),
};

export const configSchema = z.strictObject({
  dataDir: z
    .string()
    .min(1)
    .default('./data')
    .describe(
      'Folder of the database, the spool of received objects and the written results. Relative paths start at the working directory.',
    ),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe(
          'Least level that is written to standard error, or to `log.file`, as JSON lines without PHI. Lines that nobody takes are dropped and counted; the agent never waits for them.',
        ),
      file: z
        .strictObject({
          path: z.string().min(1).describe('File that gets the log. SIGHUP opens it anew (for logrotate).'),
          maxBytes: bytes(65_536, 2 ** 40)
            .default(33_554_432)
            .describe('A file that would grow beyond this is moved to `path.1`, that one to `path.2` and so on.'),
          keep: z.int().min(0).max(1_000).default(5).describe('Moved files that are kept.'),
        })
        .optional()
        .describe('Write the log to a file instead of standard error.'),
    })
    .prefault({}),
  receive: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe('Address that the Storage SCP listens on. 0.0.0.0 listens everywhere: allow-list the sources first.'),
      port: port.default(11112).describe('TCP port of the Storage SCP; 0 takes a free one.'),
      aeTitle: aeTitle
        .default('ODONTOID')
        .describe('Called AE title; an association for another one is rejected (A-ASSOCIATE-RJ 1/1/7).'),
      otherAeTitles: z
        .array(aeTitle)
        .default([])
        .describe('Further called AE titles that are taken; a selection rule can tell them apart.'),
      sources: z
        .array(
          z.strictObject({
            aeTitle: aeTitle,
            addresses: z.array(z.string().min(1)).min(1),
            certificates: z
              .array(z.string().min(1).max(256))
              .min(1)
              .optional()
              .describe(
                'Certificates of this sender: SHA-256 fingerprints (`openssl x509 -noout -fingerprint -sha256`) or names (common name or alternative DNS name). With them, the AE title is taken by TLS with one of them only, and they open no other AE title.',
              ),
            echo: z
              .strictObject({ host: z.string().min(1), port: port.min(1), tls: peerTls.describe('By TLS.') })
              .optional()
              .describe(
                'Where it answers C-ECHO, for the button on the page of connections; nothing else is ever sent there.',
              ),
          }),
        )
        .default([])
        .describe(
          'Who may send: calling AE title and the addresses (IPv4, IPv6 or CIDR) that it may come from. Anybody else is rejected (1/1/3). Empty: nobody.',
        ),
      tls: z
        .strictObject({
          host: z
            .string()
            .min(1)
            .default('127.0.0.1')
            .describe(
              'Address that the TLS port listens on. With `receive.host` on loopback, this is the only way in from other machines.',
            ),
          port: port.default(2762).describe('TCP port for DICOM TLS; 0 takes a free one.'),
          certFile: pemFile.describe('Certificate of the agent, with its chain, PEM.'),
          keyFile: pemFile.describe('Private key, PEM.'),
          caFile: pemFile
            .optional()
            .describe(
              "Authorities of the senders' certificates (or the senders' own, where they are self-signed), PEM. Left out, no certificate is asked for.",
            ),
          clientCertificates: z
            .enum(['required', 'optional'])
            .default('required')
            .describe(
              '`required`: a sender without a valid certificate is refused (needs `caFile`). `optional`: it may show none; one that is shown must be valid.',
            ),
        })
        .refine(
          ({ clientCertificates, caFile }) => clientCertificates === 'optional' || caFile !== undefined,
          'caFile is needed to require certificates of senders; name it, or set clientCertificates to optional',
        )
        .optional()
        .describe(
          'Take DICOM TLS (1.2 with AEAD suites, 1.3; PS3.15 B.12) on a port beside the plain one. Renewed files are used within half a minute, or at SIGHUP.',
        ),
      maxAssociations: z
        .int()
        .min(1)
        .max(200)
        .default(20)
        .describe('Associations open at once; one more is rejected as transient (2/3/2), so the sender tries again.'),
      maxPduLengthBytes: bytes(16_384, 1_048_576)
        .default(262_144)
        .describe('Longest PDU that is taken; announced to the sender. A longer one ends the connection.'),
      maxObjectBytes: bytes(1_048_576, 4_294_967_296)
        .default(4_294_967_296)
        .describe('Largest object, bytes. A larger one is answered 0xA700. A multi-frame CT may have gigabytes.'),
      requestTimeoutMs: milliseconds(1_000, 120_000)
        .default(15_000)
        .describe('A connection must bring its A-ASSOCIATE-RQ within this time.'),
      idleTimeoutMs: milliseconds(1_000, 3_600_000)
        .default(60_000)
        .describe('Longest silence on an open association before A-ABORT.'),
      objectTimeoutMs: milliseconds(1_000, 3_600_000)
        .default(300_000)
        .describe('Longest time for one object from its first to its last fragment.'),
      minFreeBytes: bytes(0, 2 ** 50)
        .default(2_147_483_648)
        .describe(
          'Below this much free disk, objects are answered 0xA700 (out of resources), so the sender keeps them.',
        ),
      stow: z
        .strictObject({
          maxParts: z
            .int()
            .min(1)
            .max(100_000)
            .default(10_000)
            .describe('Most objects in one request; one more is answered 413, and what came before stays stored.'),
          maxRequestBytes: bytes(1_048_576, 2 ** 40)
            .default(8_589_934_592)
            .describe('Largest request, bytes; a larger one is answered 413, and what came before stays stored.'),
        })
        .optional()
        .describe(
          'Take studies by STOW-RS too (`POST /dicom-web/studies`, at the address of the page), from machines with a token of `odontoid token add NAME --sender`. `{}` takes the defaults.',
        ),
      acceptedSopClasses: z
        .array(uid)
        .default([])
        .describe(
          'Private SOP classes accepted beside every Storage SOP class of the standard. All are kept; only CT is analysed.',
        ),
    })
    .prefault({}),
  assemble: z
    .strictObject({
      quietMs: milliseconds(100, 3_600_000)
        .default(20_000)
        .describe('A study whose geometry is not whole is assembled after this long without a new slice.'),
      minSlices: z.int().min(3).max(2_000).default(20).describe('Fewest slices of a series that is analysed.'),
      maxSlices: z
        .int()
        .min(50)
        .max(20_000)
        .default(3_000)
        .describe('Most slices of a series that is analysed; a longer one is not eligible, visibly.'),
      maxSliceThicknessMm: z
        .number()
        .min(0.3)
        .max(10)
        .default(4.5)
        .describe('Thickest slice, and widest distance between neighbours, that is analysed, mm.'),
      minCoverageMm: z
        .number()
        .min(10)
        .max(1_000)
        .default(80)
        .describe('Shortest cranio-caudal coverage that is analysed, mm.'),
      axialToleranceDegrees: z
        .number()
        .min(1)
        .max(45)
        .default(30)
        .describe('Largest angle between the slice normal and the cranio-caudal axis, degrees.'),
      maxAgeHours: z
        .number()
        .min(0)
        .max(876_000)
        .default(72)
        .describe(
          'A scan that is older than this when it comes is a prior: kept, linked from the newer cases of the patient, in no list of scans to read and in no alert. Its age is that of its newest date (acquisition or study); a scan without a readable date, or dated in the future, is new, and the case says so. 0: no scan is a prior.',
        ),
      priors: z
        .enum(['keep', 'analyse'])
        .default('keep')
        .describe(
          'What is done with a prior. `keep`: it is not analysed, and no report is written or sent. `analyse`: it is analysed after all new scans and its results are sent like those of others; it is still in no list of scans to read.',
        ),
      maxMissingShare: z
        .number()
        .min(0)
        .max(0.5)
        .default(0.05)
        .describe('Largest share of missing slices with which a series is still analysed, 0 to 1.'),
    })
    .prefault({}),
  infer: z
    .strictObject({
      modelDir: z
        .string()
        .min(1)
        .default('models/compact')
        .describe('Folder of the model package. Relative paths start at the package root.'),
      provider: z
        .enum(['auto', 'cpu', 'cuda'])
        .default('auto')
        .describe('`auto` takes CUDA where it works, else the CPU, and says which. `cuda` fails where there is none.'),
      threads: z.int().min(0).max(256).default(0).describe('Threads of the network; 0 takes all cores.'),
      niceness: z
        .int()
        .min(0)
        .max(19)
        .default(10)
        .describe('Process priority of the inference child: receiving always comes first.'),
      memoryLimitMb: z
        .int()
        .min(256)
        .max(1_048_576)
        .default(4_096)
        .describe(
          'Largest memory of the inference child, MB; beyond it the child is replaced and the case tried again.',
        ),
      timeoutMs: milliseconds(1_000, 3_600_000)
        .default(120_000)
        .describe('Longest time for one slice or one classification before the child is killed and replaced.'),
      encodeOnArrival: z
        .boolean()
        .default(true)
        .describe(
          'Encode slices while the study is still arriving, so that only the classifier waits for the last one.',
        ),
    })
    .prefault({}),
  report: z
    .strictObject({
      heatmaps: z
        .boolean()
        .default(true)
        .describe(
          'Write key slices with heatmaps. `false` is the triage-only mode: no heatmap and no slice scores leave the agent.',
        ),
      notEligible: z
        .boolean()
        .default(true)
        .describe('Write a "could not be analysed" SR for studies without an eligible series too.'),
      institutionName: z
        .string()
        .max(64)
        .default('')
        .describe('InstitutionName (0008,0080) of the written objects; empty leaves it out.'),
      memoryLimitMb: z
        .int()
        .min(256)
        .max(1_048_576)
        .default(1_024)
        .describe(
          'Largest memory of the process that writes reports, MB; beyond it the process is replaced and the report tried again.',
        ),
      timeoutMs: milliseconds(1_000, 3_600_000)
        .default(120_000)
        .describe(
          'Longest time for writing one report, without decoding its key slices, before the process is ended and the report tried again.',
        ),
    })
    .prefault({}),
  destinations: z
    .array(z.discriminatedUnion('kind', [dimseDestination, webDestination]))
    .default([])
    .describe('Where results go. A case is delivered when every destination has confirmed what it is to get.'),
  selection: z
    .array(selectionRule)
    .max(100)
    .default([])
    .describe(
      'Which studies are analysed, and where their results go: the first rule that a study meets counts, and its case says which. A study that meets none is accepted: CTs of adults and children whose anatomy or tags say neck.',
    ),
  delivery: z
    .strictObject({
      retryMinMs: milliseconds(100, 600_000)
        .default(5_000)
        .describe('First wait after a failed delivery; doubled at each failure, with jitter.'),
      retryMaxMs: milliseconds(1_000, 86_400_000)
        .default(900_000)
        .describe('Longest wait between two attempts. Attempts never end by themselves.'),
    })
    .prefault({}),
  pipeline: z
    .strictObject({
      maxAttempts: z
        .int()
        .min(1)
        .max(10)
        .default(3)
        .describe('Attempts of a stage before the case is marked failed, visibly.'),
      leaseMs: milliseconds(1_000, 600_000)
        .default(60_000)
        .describe('A stage that has not renewed its lease for this long has lost the case to another worker.'),
      retryMinMs: milliseconds(10, 600_000)
        .default(2_000)
        .describe('First wait after a failed attempt; doubled at each failure, with jitter.'),
    })
    .prefault({}),
  worklist: z
    .strictObject({
      maxWaitMinutes: z
        .number()
        .min(1)
        .max(1_440)
        .default(60)
        .describe('After this wait an unread case goes before every case that has not waited so long, flagged or not.'),
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
          'an address with {studyInstanceUid}, {accessionNumber}, {patientId}, {orthancStudyId} or {keySopInstanceUid} in it, and not of a scheme that runs code',
        )
        .default('')
        .describe(
          "Address of the site's viewer for a study, opened from the worklist and the case view. `{studyInstanceUid}`, `{accessionNumber}`, `{patientId}`, `{orthancStudyId}` (Orthanc's own name for it) and `{keySopInstanceUid}` (the best key image; empty without one) are filled in. Empty: no link.",
        ),
    })
    .prefault({}),
  thresholds: z
    .strictObject({
      secondPerson: z
        .boolean()
        .default(false)
        .describe(
          'A change of a threshold takes the signatures of two different people (needs `web.signIn`). Stopping AI flags and taking a change back always take one.',
        ),
    })
    .prefault({}),
  web: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe(
          'Address of the worklist page and the JSON API. Beyond loopback it needs `web.signIn`, `web.publicUrl`, and `web.tls` or `web.trustProxy`.',
        ),
      port: port.default(8080).describe('TCP port of the worklist page; 0 takes a free one.'),
      publicUrl: z
        .url({ protocol: /^https?$/ })
        .refine(
          (url) => !URL.canParse(url) || new URL(url).pathname === '/',
          'a scheme, a host and perhaps a port, no path',
        )
        .optional()
        .describe(
          'What people type, `https://odontoid.example`. Other names than this one and those of this machine are refused (421).',
        ),
      signIn: z
        .enum(['off', 'local', 'oidc'])
        .default('local')
        .describe(
          '`local`: accounts of its own. `oidc`: the identity provider of `web.oidc`. `off`: whoever is on this machine is its admin; loopback only.',
        ),
      tls: z
        .strictObject({
          certFile: z.string().min(1).describe('Certificate chain, PEM.'),
          keyFile: z.string().min(1).describe('Private key, PEM.'),
        })
        .optional()
        .describe('Serve HTTPS (TLS 1.2 or 1.3). Renewed files are used within half a minute, or at SIGHUP.'),
      trustProxy: z
        .array(z.string().min(1))
        .default([])
        .describe(
          'Addresses (or CIDR) of reverse proxies that speak TLS to browsers; their `X-Forwarded-For` and `X-Forwarded-Proto` are believed.',
        ),
      sessions: z
        .strictObject({
          idleMinutes: z
            .number()
            .min(1)
            .max(1_440)
            .default(30)
            .describe(
              'After this long without a key, a pointer or a change of its person’s, a session is locked: it shows the list without names, which goes on ringing, until the password is typed again.',
            ),
          absoluteHours: z
            .number()
            .min(0.1)
            .max(168)
            .default(12)
            .describe('A session ends this long after its sign-in, whatever is done.'),
          recentSignInMinutes: z
            .number()
            .min(1)
            .max(60)
            .default(10)
            .describe(
              'For this long after a sign-in, thresholds, models and accounts may be changed; later it is confirmed again.',
            ),
        })
        .prefault({}),
      oidc: z
        .strictObject({
          issuer: z
            .url({ protocol: /^https?$/ })
            .describe('Issuer of the identity provider; `/.well-known/openid-configuration` is found under it.'),
          clientId: z.string().min(1),
          clientSecret: secret.optional().describe('Leave it out for a public client.'),
          scope: z.string().default('openid profile'),
          roleClaim: z
            .string()
            .min(1)
            .default('roles')
            .describe(
              'Claim of the ID token (else of UserInfo) with roles or groups; dots step into objects (`realm_access.roles`).',
            ),
          adminValues: z.array(z.string().min(1)).min(1).describe('Any of these values makes an admin.'),
          readerValues: z
            .array(z.string().min(1))
            .min(1)
            .describe('Any of these values makes a reader. Whoever has none of either is not let in.'),
          nameClaim: z.string().min(1).default('preferred_username').describe('Claim that names the account.'),
        })
        .optional()
        .describe(
          'Sign-in at an identity provider: authorization code with PKCE. It sends back to `<publicUrl>/api/oidc/callback`.',
        ),
    })
    .prefault({}),
  audit: z
    .strictObject({
      repository: z
        .discriminatedUnion('transport', [
          z
            .strictObject({
              transport: z.literal('tls').describe('Syslog over TLS 1.2 or 1.3 (RFC 5425).'),
              port: port.min(1).default(6514).describe('TCP port of the repository.'),
              caFile: z
                .string()
                .min(1)
                .optional()
                .describe('Authority of its certificate, PEM. Left out, those of the operating system.'),
              certFile: z.string().min(1).optional().describe('Certificate by which this system shows who it is, PEM.'),
              keyFile: z.string().min(1).optional().describe('Key of that certificate, PEM.'),
              serverName: z.string().min(1).optional().describe('Name in its certificate, where it is not `host`.'),
              timeoutMs: milliseconds(1_000, 600_000)
                .default(10_000)
                .describe('Longest silence on the connection before the attempt fails and is repeated.'),
              confirm: z
                .enum(['close', 'none'])
                .default('close')
                .describe(
                  '`close`: a batch counts as sent when the repository answers the closing of the connection (RFC 5425 4.4), which it does after it has read everything. `none`: when it is written; what the network then loses is lost.',
                ),
              ...auditRepository,
            })
            .refine(
              ({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined),
              'name both certFile and keyFile, or neither',
            ),
          z.strictObject({
            transport: z
              .literal('udp')
              .describe('Syslog over UDP (RFC 5426): in clear, and nobody knows whether it came.'),
            port: port.min(1).default(514).describe('UDP port of the repository.'),
            ...auditRepository,
          }),
        ])
        .optional()
        .describe(
          "The site's Audit Record Repository (IHE ATNA): every entry of the audit goes there as a DICOM Audit Message (PS3.15 A.5).",
        ),
    })
    .prefault({}),
  proofOfLife: z
    .strictObject({
      schedule: z
        .string()
        .default('17 */6 * * *')
        .describe(
          'When a synthetic study with a fracture goes through the whole path, C-STORE to written report (cron, local time). `off`: only when an admin asks for it.',
        ),
      expect: z
        .enum(['suspected', 'analysed', 'reported'])
        .default('suspected')
        .describe(
          'What it must come to: `suspected`, the fracture is flagged; `analysed`, it has a score; `reported`, a report is written, whatever it says (for networks that refuse synthetic studies).',
        ),
      sendTo: z
        .array(z.string())
        .default([])
        .describe(
          'Names of the `destinations` that get its results, a test archive for example. The others are asked for an echo and get nothing.',
        ),
      timeoutMinutes: z
        .number()
        .min(0.1)
        .max(240)
        .default(15)
        .describe(
          'A run that is not done after this long has failed. It comes after every patient’s study, so a long queue makes it late.',
        ),
      alarmAfterHours: z
        .number()
        .min(0.1)
        .max(744)
        .default(13)
        .describe(
          'An alarm on the worklist when none has passed for this long. Longer than two steps of the schedule.',
        ),
    })
    .prefault({}),
  housekeeping: z
    .strictObject({
      retentionDays: z
        .number()
        .min(0.01)
        .max(3_650)
        .default(14)
        .describe(
          'Delivered and ineligible cases, and those that a person has left as they are, older than this are removed with their files, days. What nobody has read stays when it is flagged or was not analysed.',
        ),
      lowWaterFreeBytes: bytes(0, 2 ** 50)
        .default(10_737_418_240)
        .describe(
          'Below this much free disk, what is safest to lose is removed early, bytes: encoded slices, then cases that were read, unflagged ones first. Nothing unread goes early; below `receive.minFreeBytes` objects are refused instead.',
        ),
      backupsToKeep: z.int().min(1).max(365).default(7).describe('Nightly database backups that are kept.'),
      retentionCron: z.string().default('*/10 * * * *').describe('When retention is looked at (cron, local time).'),
      nightlyCron: z
        .string()
        .default('15 3 * * *')
        .describe(
          'When the database is backed up and checked (cron, local time). A night that was missed is made up. When clocks are put forward, a job of the missing hour runs at its end; when they are put back, it runs once.',
        ),
    })
    .prefault({}),
});

/** Finds unsafe settings of a page with patients' names: open to others without sign-in, or to their networks without TLS. Null when it is safe. */
export function unsafeExposure({
  host,
  signIn,
  publicUrl,
  tls,
  trustProxy,
  oidc,
}: z.infer<typeof configSchema>['web']): string | null {
  const beyond = !isLoopback(host);
  const open = publicUrl === undefined ? null : new URL(publicUrl);
  const openBeyond = open !== null && !isLoopback(open.hostname.replace(/^\[|\]$/g, ''));
  if (signIn === 'off' && (beyond || openBeyond || trustProxy.length > 0))
    return 'web.signIn: off is for this machine alone. Set web.signIn to local or oidc, or leave web.host on loopback without web.publicUrl and web.trustProxy.';
  if (beyond && tls === undefined && trustProxy.length === 0)
    return `web.host: ${host} is beyond this machine, where names would cross the network in clear. Set web.tls, or name the reverse proxy that speaks TLS in web.trustProxy.`;
  if (beyond && open === null)
    return 'web.publicUrl: set it to what people type, for example https://odontoid.example.';
  if (openBeyond && open.protocol !== 'https:') return 'web.publicUrl: beyond this machine it begins with https://';
  if (signIn === 'oidc' && oidc === undefined)
    return 'web.oidc: web.signIn is oidc, so name the identity provider here.';
  if (signIn === 'oidc' && open === null)
    return 'web.publicUrl: the identity provider sends people back to it; set it to what people type.';
  return null;
}

export type Config = Readonly<z.infer<typeof configSchema>>;
export type Destination = Config['destinations'][number];
export type AuditRepository = NonNullable<Config['audit']['repository']>;
export type SecretSource = z.infer<typeof secret>;

/** `assemble.maxAgeHours` in milliseconds; null where no scan is a prior. */
export function maxAgeMsOf({ maxAgeHours }: Pick<Config['assemble'], 'maxAgeHours'>): number | null {
  return maxAgeHours === 0 ? null : maxAgeHours * 3_600_000;
}
