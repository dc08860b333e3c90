import { z } from 'zod';
import { isKeyWithCertificate, KEY_WITH_CERTIFICATE, milliseconds, port, tlsFileSettings } from './values.ts';

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

/** Where the audit is sent. */
export const auditSettings = z
  .strictObject({
    repository: z
      .discriminatedUnion('transport', [
        z
          .strictObject({
            transport: z.literal('tls').describe('Syslog over TLS 1.2 or 1.3 (RFC 5425).'),
            port: port.min(1).default(6514).describe('TCP port of the repository.'),
            ...tlsFileSettings,
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
          .refine(isKeyWithCertificate, KEY_WITH_CERTIFICATE),
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
  .prefault({});
