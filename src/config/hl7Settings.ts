import { z } from 'zod';
import { bytes, milliseconds, port, serverTls } from './values.ts';

const accessionField = z.enum(['OBR-18', 'OBR-3', 'OBR-2', 'ORC-3', 'ORC-2', 'IPC-1']);

/** HL7 v2 messages of the RIS: which scans are reported, and which are urgent. */
export const hl7Settings = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('Address that the listener for HL7 messages (MLLP) listens on.'),
    port: port.default(2575).describe('Its TCP port; 0 takes a free one.'),
    sources: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Addresses (IPv4, IPv6 or CIDR) that may send. Anybody else is turned away before a byte is read. Empty: nobody.',
      ),
    tls: serverTls({
      defaultPort: 2576,
      plainHost: 'hl7.host',
      port: 'TCP port for MLLP by TLS; 0 takes a free one.',
    }).describe(
      'Take MLLP by TLS (1.2 with AEAD suites, 1.3) on a port beside the plain one. Renewed files are used within half a minute, or at SIGHUP.',
    ),
    processingIds: z
      .array(z.enum(['P', 'T', 'D']))
      .min(1)
      .default(['P'])
      .describe('Processing IDs (MSH-11) that are taken; messages of tests (`T`, `D`) are answered AR.'),
    reports: z
      .enum(['final', 'preliminary', 'off'])
      .default('final')
      .describe(
        'Which reports (ORU^R01) mark a scan as read: `final`, a final or corrected one (OBR-25 F, C); `preliminary`, also one that is not verified yet (P, R); `off`, none.',
      ),
    urgentPriorities: z
      .array(z.string().trim().min(1).max(20))
      .default(['S', 'STAT'])
      .describe(
        'Priorities of an order (ORC-7.6, OBR-27.6, TQ1-9) that make its scan clinically urgent; add `A` for those to be done as soon as possible. Empty: orders are not looked at.',
      ),
    otherSoftware: z
      .array(z.string().trim().min(1).max(64))
      .default([])
      .describe(
        'Names of other programs whose results are no reports, as they stand in MSH-3, OBR-32, OBX-15 or OBX-18. `ODONTOID` and `receive.aeTitle` never are.',
      ),
    accessionFrom: z
      .array(accessionField)
      .min(1)
      .default(['OBR-18', 'IPC-1', 'OBR-3', 'ORC-3', 'OBR-2'])
      .describe('Fields in which the accession number is looked for: the first that is not empty counts.'),
    studyInstanceUid: z
      .enum(['compared', 'ignored'])
      .default('compared')
      .describe(
        'What a Study Instance UID in a message (ZDS-1, IPC-3, OBX) is: `compared`, it must be that of the study; `ignored`, for a RIS whose UIDs the scanner does not use.',
      ),
    maxMessageBytes: bytes(65_536, 67_108_864)
      .default(4_194_304)
      .describe('Longest message; a longer one is answered AR. Reports with a document in them are long.'),
    maxConnectionsPerAddress: z
      .int()
      .min(1)
      .max(32)
      .default(4)
      .describe('Connections of one address that may be open at once; of all together, 64.'),
    idleTimeoutMs: milliseconds(10_000, 86_400_000)
      .default(3_600_000)
      .describe('A connection on which nothing comes for so long is closed.'),
    messageTimeoutMs: milliseconds(1_000, 600_000)
      .default(30_000)
      .describe('Longest time from the first byte of a message to its last before the connection is closed.'),
  })
  .optional()
  .describe(
    'Listen for HL7 v2 messages (2.3 to 2.5.1, MLLP), so that a report in the RIS marks its scan as read, and an urgent order its scan as clinically urgent. Off unless configured; `{}` takes the defaults.',
  );
