import { z } from 'zod';
import { peerTls, port, secret } from './values.ts';

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

/** What the nodes of one database do, each some of it. */
export const NODE_ROLES = ['receive', 'infer', 'deliver', 'web', 'housekeep'] as const;
export type NodeRole = (typeof NODE_ROLES)[number];

/** What this agent is beside others on the same database. */
export const nodeSettings = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe(
        'Name of this agent among those of one database; a second one of that name is refused. It holds cases and destinations under it: a start takes back at once what an earlier start of the same name held; what another name held waits for `pipeline.leaseMs`. Left out: the host name. Set it where the host name changes between starts, or two agents share a machine.',
      ),
    roles: z
      .array(z.enum(NODE_ROLES))
      .min(1)
      .default([...NODE_ROLES])
      .describe(
        'What this agent does of the work, with PostgreSQL and `node.sharedDir` (docs/scale-out.md): `receive` (receives, fetches, and puts studies together), `infer` (analyses and writes reports), `deliver` (sends results), `web` (the page and the API), `housekeep` (retention, nightly jobs, the audit’s repository). `odontoid serve --roles` says it too.',
      ),
    sharedDir: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder that all agents of the database share, at the same path on each machine: received objects, results and installed model packages. Left out: they lie in `dataDir`, for an agent that is alone.',
      ),
    health: z
      .strictObject({
        host: z
          .string()
          .min(1)
          .default('127.0.0.1')
          .describe(
            'Address at which this agent says how it is. Nobody signs in there, and nothing there names a patient; beyond loopback let only probes and Prometheus reach it.',
          ),
        port: port
          .optional()
          .describe(
            'TCP port for `/healthz` (the process answers), `/readyz` (it can do what its roles say) and `/metrics`, by plain HTTP; 0 takes a free one. Left out: none, and an agent with `web` answers on its page only.',
          ),
      })
      .prefault({}),
  })
  .prefault({});
