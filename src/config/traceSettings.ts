import { z } from 'zod';

/** Traces for the site's observability. */
export const traceSettings = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe(
        'Where a collector takes traces of OpenTelemetry (OTLP/HTTP, JSON), `http://collector.example:4318/v1/traces`: one span for each stage of a study, with times, counts, stage and node. Nothing there names a patient or a study. Sent by the agent that keeps house; what the collector does not take waits. Left out: none.',
      ),
  })
  .prefault({});
