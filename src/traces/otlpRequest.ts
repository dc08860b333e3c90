import type { StudySpan } from '../worklist/traces/traceOutbox.ts';

// OTLP 1.x in JSON (opentelemetry-proto, trace.proto and its JSON mapping): 64-bit numbers are strings, enumerations are numbers.
const SPAN_KIND_INTERNAL = 1;
const STATUS_CODE_ERROR = 2;

interface Attribute {
  key: string;
  value: { stringValue: string } | { intValue: string };
}

/** The body of a request that exports spans. What stands here is all that leaves the agent. */
export function otlpRequest(spans: readonly StudySpan[], version: string): unknown {
  return {
    resourceSpans: [
      {
        resource: { attributes: [attribute('service.name', 'odontoid'), attribute('service.version', version)] },
        scopeSpans: [{ scope: { name: 'odontoid', version }, spans: spans.map(otlpSpan) }],
      },
    ],
  };
}

function otlpSpan({ traceId, spanId, parentSpanId, name, startMs, endMs, failure, node, counts }: StudySpan): unknown {
  return {
    traceId,
    spanId,
    ...(parentSpanId === null ? {} : { parentSpanId }),
    name,
    kind: SPAN_KIND_INTERNAL,
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(endMs),
    attributes: [
      attribute('odontoid.stage', name),
      ...(node === null ? [] : [attribute('odontoid.node', node)]),
      ...Object.entries(counts).map(([key, count]) => attribute(`odontoid.${key}`, count)),
    ],
    ...(failure === null ? {} : { status: { code: STATUS_CODE_ERROR, message: failure } }),
  };
}

const nanoseconds = (ms: number): string => `${Math.round(ms)}000000`;

function attribute(key: string, value: string | number): Attribute {
  return { key, value: typeof value === 'string' ? { stringValue: value } : { intValue: String(value) } };
}
