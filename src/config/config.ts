import { z } from 'zod';
import { assembleSettings, inferSettings, pipelineSettings, reportSettings } from './analysisSettings.ts';
import { auditSettings } from './auditSettings.ts';
import { databaseSettings, nodeSettings } from './databaseSettings.ts';
import { deliverySettings, destinationsSettings, priorsSettings, watchSettings } from './destinationSettings.ts';
import { hl7Settings } from './hl7Settings.ts';
import { housekeepingSettings, logSettings, proofOfLifeSettings } from './operationSettings.ts';
import { receiveSettings } from './receiveSettings.ts';
import { selectionSettings } from './selectionSettings.ts';
import { traceSettings } from './traceSettings.ts';
import { webSettings } from './webSettings.ts';
import { thresholdsSettings, worklistSettings } from './worklistSettings.ts';
import type { secret } from './values.ts';

/**
 * The agent's configuration: one strict schema, so that a misspelt key is an error and not a silent default.
 * Every option carries its unit, its range and what it does on the wire; `docs/configuration.md` is written from these texts by `npm run docs:config`.
 */
export const configSchema = z.strictObject({
  dataDir: z
    .string()
    .min(1)
    .default('./data')
    .describe(
      'Folder of the database, the spool of received objects and the written results. Relative paths start at the working directory.',
    ),
  database: databaseSettings,
  node: nodeSettings,
  log: logSettings,
  receive: receiveSettings,
  hl7: hl7Settings,
  assemble: assembleSettings,
  infer: inferSettings,
  report: reportSettings,
  destinations: destinationsSettings,
  selection: selectionSettings,
  delivery: deliverySettings,
  watch: watchSettings,
  priors: priorsSettings,
  pipeline: pipelineSettings,
  worklist: worklistSettings,
  thresholds: thresholdsSettings,
  web: webSettings,
  audit: auditSettings,
  traces: traceSettings,
  proofOfLife: proofOfLifeSettings,
  housekeeping: housekeepingSettings,
});

export type Config = Readonly<z.infer<typeof configSchema>>;
export type Destination = Config['destinations'][number];
export type AuditRepository = NonNullable<Config['audit']['repository']>;
export type SecretSource = z.infer<typeof secret>;

/** `assemble.maxAgeHours` in milliseconds; null where no scan is a prior. */
export function maxAgeMsOf({ maxAgeHours }: Pick<Config['assemble'], 'maxAgeHours'>): number | null {
  return maxAgeHours === 0 ? null : maxAgeHours * 3_600_000;
}
