import { z } from 'zod';
import { milliseconds, bytes, aeTitle, port, uid, peerTls, serverTls } from './values.ts';

const stowSettings = z.strictObject({
  maxParts: z
    .int()
    .min(1)
    .max(100_000)
    .default(10_000)
    .describe(
      'Most objects in one request; one more is answered 413, and what came before stays stored. Also in the answer of an archive from which a study is fetched by WADO-RS.',
    ),
  maxRequestBytes: bytes(1_048_576, 2 ** 40)
    .default(8_589_934_592)
    .describe(
      'Largest request, bytes; a larger one is answered 413, and what came before stays stored. Also the largest answer to WADO-RS.',
    ),
});
/** Limits of what is fetched by WADO-RS where STOW-RS is not taken. */
export const DEFAULT_STOW_LIMITS = stowSettings.parse({});

/** What is received, from whom and within which limits. */
export const receiveSettings = z
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
          commitment: z
            .strictObject({ host: z.string().min(1), port: port.min(1), tls: peerTls.describe('By TLS.') })
            .optional()
            .describe(
              'Where it takes reports of Storage Commitment. With it, its requests are answered; without it they are refused. A commitment says that the agent holds the objects now: it deletes them as `housekeeping` says, so a sender must not delete its own on its strength.',
            ),
        }),
      )
      .default([])
      .describe(
        'Who may send: calling AE title and the addresses (IPv4, IPv6 or CIDR) that it may come from. Anybody else is rejected (1/1/3). Empty: nobody.',
      ),
    tls: serverTls({
      defaultPort: 2762,
      plainHost: 'receive.host',
      port: 'TCP port for DICOM TLS; 0 takes a free one.',
    }).describe(
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
      .describe('Below this much free disk, objects are answered 0xA700 (out of resources), so the sender keeps them.'),
    stow: stowSettings
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
  .prefault({});
