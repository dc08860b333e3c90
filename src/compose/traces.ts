import { softwareVersion } from '../base/packageRoot.ts';
import { createTraceOutbox } from '../worklist/traces/traceOutbox.ts';
import type { Foundation } from './agentPorts.ts';

/** Starts sending traces where a collector is configured, from an agent that may keep house. Nothing of it is loaded otherwise. */
export async function openTraces({
  config,
  roles,
  database,
  keepsHouse,
  releasers,
  ports: { clock, log },
}: Pick<Foundation, 'config' | 'roles' | 'database' | 'keepsHouse' | 'releasers' | 'ports'>): Promise<void> {
  if (!roles.has('housekeep')) return;
  const outbox = createTraceOutbox(database);
  const { endpoint } = config.traces;
  if (endpoint === undefined) return outbox.forget();
  await outbox.begin();
  const { startTraces } = await import('../traces/sendTraces.ts');
  const stop = startTraces({
    outbox,
    endpoint,
    version: softwareVersion(),
    isOurs: keepsHouse,
    clock,
    log: log.child({ component: 'traces' }),
  });
  releasers.push('traces', stop);
}
