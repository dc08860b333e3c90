import { watchClockSteps, type ClockSteps } from '../base/clockSteps.ts';
import type { Foundation } from './agentPorts.ts';

/** Watches the machine's clock, and corrects due times when it is set. */
export function watchClock({
  store,
  roles,
  releasers,
  ports,
}: Pick<Foundation, 'store' | 'roles' | 'releasers' | 'ports'>): ClockSteps {
  const log = ports.log.child({ component: 'clock' });
  const steps = watchClockSteps(ports.clock, ({ byMs }) => {
    log.error('The clock of this machine was set: what is due by it is put right', { durationMs: Math.round(byMs) });
    store.settleDueTimes({ hasStepped: true, receives: roles.has('receive') }).catch((error: unknown) => {
      log.error('What is due by the clock could not be put right', { error });
    });
  });
  releasers.push('clock', steps.close);
  return steps;
}
