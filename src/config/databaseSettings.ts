import { z } from 'zod';
import { peerTls, secret } from './values.ts';

/** Where the worklist is kept. */
export const databaseSettings = z
  .strictObject({
    url: z
      .url({ protocol: /^postgres(ql)?$/ })
      .refine((url) => new URL(url).password === '', 'leave the password out: database.password names it')
      .optional()
      .describe(
        'PostgreSQL (15 or later) for the worklist, experimental: `postgres://odontoid@db.hospital:5432/odontoid`. Left out: a SQLite file in `dataDir`. docs/scale-out.md has the set-up.',
      ),
    password: secret.optional().describe('Its password. Left out: PGPASSWORD or the file that PGPASSFILE names.'),
    tls: peerTls.describe(
      'Speak TLS to it, and check its certificate. Left out: what `sslmode` in the address says (nothing: no TLS).',
    ),
  })
  .prefault({});

/** How this agent is called beside others. */
export const nodeSettings = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe(
        'Name under which this agent holds the cases that it works on: a start takes back at once what an earlier start of the same name held; what another name held waits for `pipeline.leaseMs`. Left out: the host name. Set it where the host name changes between starts.',
      ),
  })
  .prefault({});
