import { z } from 'zod';

export const milliseconds = (min: number, max: number) => z.int().min(min).max(max);
export const bytes = (min: number, max: number) => z.int().min(min).max(max);
/** PS3.5 6.2 AE: 16 characters, no backslash or control characters, not only spaces. */
export const aeTitle = z
  .string()
  .regex(
    /^[!-[\]-~]([ -[\]-~]{0,14}[!-[\]-~])?$/,
    'an AE title has 1 to 16 printable characters, no backslash, no space at either end',
  );
export const port = z.int().min(0).max(65535);
export const uid = z
  .string()
  .regex(/^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/, 'a UID is digits and dots')
  .max(64);
/** Name of a destination or a rule. */
export const entryName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and dashes');

/** A secret never stands in the configuration itself: it comes from an environment variable or a file. */
export const secret = z
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
/** Certificate files with which the agent calls a peer. */
export const tlsFileSettings = {
  caFile: pemFile.optional().describe('Authorities of its certificate, PEM. Left out, those of the operating system.'),
  certFile: pemFile.optional().describe('Certificate by which the agent shows who it is, with its chain, PEM.'),
  keyFile: pemFile.optional().describe('Key of that certificate, PEM.'),
  serverName: z.string().min(1).optional().describe('Name in its certificate, where it is not `host`.'),
};
export const isKeyWithCertificate = ({
  certFile,
  keyFile,
}: {
  certFile?: string | undefined;
  keyFile?: string | undefined;
}) => (certFile === undefined) === (keyFile === undefined);
export const KEY_WITH_CERTIFICATE = 'name both certFile and keyFile, or neither';

/** TLS to a peer; the files are read at each connection, so that renewed ones are used at once. */
export const peerTls = z.strictObject(tlsFileSettings).refine(isKeyWithCertificate, KEY_WITH_CERTIFICATE).optional();

/** A port that takes TLS beside a plain one. */
export const serverTls = (texts: { defaultPort: number; plainHost: string; port: string }) =>
  z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe(
          `Address that the TLS port listens on. With \`${texts.plainHost}\` on loopback, this is the only way in from other machines.`,
        ),
      port: port.default(texts.defaultPort).describe(texts.port),
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
    .optional();
