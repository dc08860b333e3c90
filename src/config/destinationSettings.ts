import { z } from 'zod';
import { milliseconds, aeTitle, port, entryName, secret, peerTls } from './values.ts';

/** What goes to a destination, and whether anything does. */
const destinationWishes = {
  objects: z
    .array(z.enum(['report', 'card', 'heatmaps', 'keySlices']))
    .min(1)
    .default(['report', 'card', 'heatmaps'])
    .describe(
      'What it gets: the report (SR), the triage card, the pictures of key slices with heatmaps, and, where it is named, a Key Object Selection (KOS) that points at the key slices of flagged scans.',
    ),
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
  characterSet: z
    .enum(['ISO_IR 192', 'ISO_IR 100'])
    .default('ISO_IR 192')
    .describe(
      'Character set of what is sent. `ISO_IR 100` is for an archive that cannot read UTF-8: groups of a name that it cannot write (Japanese for example) are left out, and a question mark stands for every other character that it lacks; the receipt says so.',
    ),
  formerNames: z
    .array(entryName)
    .default([])
    .describe(
      'Names that it had before: at the next start, what waits or was sent under them, and what is watched, goes on under the present name.',
    ),
  state: z
    .enum(['active', 'paused', 'retired'])
    .default('active')
    .describe(
      '`paused`: nothing is sent, and everything waits. `retired`: nothing is sent any more; what waits is closed with that reason at the next start, after which the entry can be removed.',
    ),
};

/** A destination by DIMSE. */
const dimseDestination = z.strictObject({
  name: entryName.describe('Name in the worklist, the log and the metrics.'),
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
      'Ask for Storage Commitment first; `confirm` is for what the PACS does not report within 5 s. It may report later on an association of its own, for which its AE title must be among `receive.sources`, and it must know the agent’s address.',
    ),
  retrieve: z
    .enum(['move', 'get', 'auto'])
    .default('move')
    .describe(
      'How studies are fetched from it (`odontoid pull`, *Fetch a study*, `watch`, `priors`). `move`: C-MOVE; the PACS knows `receive.aeTitle` with host and port, and is one of `receive.sources`. `get`: C-GET, on the association that the agent opens, for a PACS that does not know the agent as a destination; its AE title may then also send from this machine. `auto`: C-GET where it is offered, else C-MOVE.',
    ),
  ...destinationWishes,
});

const httpUrl = z.url({ protocol: /^https?$/ });
export function isWithoutCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  return username === '' && password === '';
}

const webDestination = z.strictObject({
  name: entryName.describe('Name in the worklist, the log and the metrics.'),
  kind: z.literal('dicomweb'),
  url: httpUrl.describe(
    'Base of the DICOMweb service: STOW-RS goes to `<url>/studies/<uid>`, QIDO-RS to `<url>/studies/<uid>/series/<uid>/instances`; studies are fetched from it too (QIDO-RS of `<url>/studies`, WADO-RS of `<url>/studies/<uid>`), under the first 16 characters of its name.',
  ),
  auth: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('none') }),
      z.strictObject({ kind: z.literal('basic'), username: z.string().min(1), password: secret }),
      z.strictObject({ kind: z.literal('bearer'), token: secret }),
      z.strictObject({
        kind: z.literal('oauth2'),
        tokenUrl: httpUrl.describe('Token endpoint of the authorization server (client credentials, RFC 6749 4.4).'),
        clientId: z.string().min(1),
        clientSecret: secret,
        scope: z.string().default('').describe('Scopes, separated by spaces; empty: none is asked for.'),
        clientAuth: z
          .enum(['basic', 'body'])
          .default('basic')
          .describe('How the client shows its secret: in the Authorization header, or in the form.'),
      }),
    ])
    .default({ kind: 'none' })
    .describe(
      'HTTP authentication. The file of a secret is read at each request: a renewed token needs no restart. `oauth2`: an access token is used until shortly before it expires, or until the service refuses it.',
    ),
  tls: peerTls.describe(
    'For an https `url` and `auth.tokenUrl`: authorities of the service, and the certificate that the agent shows (mutual TLS). The files are read at each request.',
  ),
  proxy: z
    .strictObject({
      url: httpUrl.refine(isWithoutCredentials, 'credentials of the proxy stand in username and password'),
      username: z.string().min(1).optional(),
      password: secret.optional(),
    })
    .refine(
      ({ username, password }) => (username === undefined) === (password === undefined),
      'name both username and password, or neither',
    )
    .optional()
    .describe('HTTP proxy by which `url` and `auth.tokenUrl` are reached; https goes through it unseen (CONNECT).'),
  timeoutMs: milliseconds(1_000, 600_000)
    .default(60_000)
    .describe('Longest wait for an HTTP answer before the attempt fails and is repeated.'),
  confirm: z
    .enum(['find', 'none'])
    .default('find')
    .describe(
      '`find`: a result counts as delivered when QIDO-RS names it. `none`: it answers no queries; the STOW-RS answer is enough, and no study is fetched from it.',
    ),
  ...destinationWishes,
});

/** Where results go. */
export const destinationsSettings = z
  .array(z.discriminatedUnion('kind', [dimseDestination, webDestination]))
  .default([])
  .describe(
    'Where results go. A case is delivered when every destination has confirmed what it is to get. Destinations can be added on the page *Connections* too, with secrets and certificates of `web.secretsDir`; on a name that stands here, this entry counts.',
  );

/** Repetition of failed deliveries. */
export const deliverySettings = z
  .strictObject({
    retryMinMs: milliseconds(100, 600_000)
      .default(5_000)
      .describe('First wait after a failed delivery; doubled at each failure, with jitter.'),
    retryMaxMs: milliseconds(1_000, 86_400_000)
      .default(900_000)
      .describe('Longest wait between two attempts. Attempts never end by themselves.'),
  })
  .prefault({});

/** Archives that are asked for priors. */
export const priorsSettings = z
  .strictObject({
    archives: z
      .array(z.string())
      .default([])
      .describe(
        'Names of `destinations` that are asked, once a scan was analysed, for earlier CTs of the same patient (C-FIND or QIDO-RS by PatientID); what is wanted is fetched (`destinations[].retrieve`, WADO-RS) and linked with the scan. What is done with them then, `assemble.priors` says. Empty: nobody is asked.',
      ),
    mostStudies: z
      .int()
      .min(1)
      .max(10)
      .default(2)
      .describe(
        'Priors that are fetched of one archive for a scan: those whose description names the neck first, then the newest. One that names another region is not fetched, nor what `selection` would not accept.',
      ),
    maxAgeYears: z.int().min(1).max(50).default(5).describe('An older one is not fetched.'),
  })
  .prefault({});

/** Archives that are asked for new studies. */
export const watchSettings = z
  .strictObject({
    archives: z
      .array(z.string())
      .default([])
      .describe(
        'Names of `destinations` that cannot send by themselves: they are asked for new CTs (C-FIND, QIDO-RS), and what `selection` may accept is fetched (`destinations[].retrieve`, WADO-RS). With C-MOVE each must know the agent’s address, and be one of `receive.sources`.',
      ),
    schedule: z.string().default('*/5 * * * *').describe('When they are asked (cron, local time), and at the start.'),
    overlapDays: z
      .int()
      .min(0)
      .max(60)
      .default(2)
      .describe(
        'Days before the last one asked for that are asked for again, by StudyDate: for studies that enter the archive late, and those that grow. However long the agent was down, the days since are asked for too.',
      ),
    mostStudies: z
      .int()
      .min(1)
      .max(1_000)
      .default(20)
      .describe('Studies that are fetched from one archive, one after the other, before it is asked again.'),
  })
  .prefault({});
