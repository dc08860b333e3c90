import { judgeReadiness } from './readiness.ts';
import { Counter, Gauge, Registry } from 'prom-client';
import type { WorklistTotals } from '../answers/worklistAnswer.ts';
import type { SystemStatus } from '../answers/systemAnswer.ts';

type Labelled = readonly [Record<string, string>, number];

/** Writes metrics into a registry, under the prefix of this software. */
interface Recorder {
  gauge: (name: string, help: string, values: Iterable<Labelled>) => void;
  counter: (name: string, help: string, value: number) => void;
}

/** Prometheus text format 0.0.4. */
export const METRICS_TYPE = 'text/plain; version=0.0.4';

/** The metrics as Prometheus text, read from the database and the children at each request, so that they cannot drift from them. */
export async function metricsText(
  totals: WorklistTotals,
  system: SystemStatus,
  nowMs: number,
  does?: (role: string) => boolean,
): Promise<string> {
  const registry = new Registry();
  const recorder = recorderOf(registry);
  recordCases(recorder, totals);
  recordWaiting(recorder, system);
  recordParts(recorder, system);
  recordUpkeep(recorder, system);
  const { missing, alarms } = judgeReadiness(system, totals, nowMs, does);
  recorder.gauge(
    'ready',
    '1 when studies are received, analysed and shown, or, on the port of one agent, when it can do its part; /readyz says what is missing.',
    [[{}, missing.length === 0 ? 1 : 0]],
  );
  if (system.livingNodes !== undefined)
    recorder.gauge(
      'role_nodes',
      'Agents that are alive, by what they do.',
      Object.entries(system.livingNodes).map(([role, count]) => [{ role }, count]),
    );
  recorder.gauge('alarms', 'Alarms that /readyz names.', [[{}, alarms.length]]);
  return registry.metrics();
}

function recorderOf(registry: Registry): Recorder {
  return {
    gauge: (name, help, values) => {
      const all = [...values];
      const labelNames = Object.keys(all[0]?.[0] ?? {});
      const metric = new Gauge({ name: `odontoid_${name}`, help, labelNames, registers: [registry] });
      for (const [labels, value] of all) metric.set(labels, value);
    },
    counter: (name, help, value) => {
      new Counter({ name: `odontoid_${name}_total`, help, registers: [registry] }).inc(value);
    },
  };
}

function recordCases({ gauge }: Recorder, totals: WorklistTotals): void {
  gauge(
    'cases',
    'Cases by state.',
    Object.entries(totals.byState).map(([state, count]) => [{ state }, count]),
  );
  gauge('cases_held', 'Cases held for checking (identity or content conflict).', [[{}, totals.held]]);
  gauge('cases_unread', 'Cases that nobody has marked as read.', [[{}, totals.unread]]);
  gauge(
    'stage_queue',
    'Cases that a stage still has to do.',
    Object.entries(totals.queue).map(([stage, count]) => [{ stage }, count]),
  );
  gauge('deliveries', 'Result objects on their way, by status.', [
    [{ status: 'pending' }, totals.outbox.pending],
    [{ status: 'unconfirmed' }, totals.outbox.unconfirmed],
    [{ status: 'refused' }, totals.outbox.refused],
  ]);
  gauge(
    'oldest_delivery_age_seconds',
    'Age of the oldest result that no destination has confirmed; 0 when there is none.',
    [[{}, Math.max(0, totals.outbox.oldestAgeMs ?? 0) / 1000]],
  );
}

function recordWaiting({ gauge }: Recorder, { waitingResults, maxWaitingBytes }: SystemStatus): void {
  gauge(
    'waiting_results',
    'Result objects that a destination has not confirmed, or has refused.',
    waitingResults.map(({ destination, objects }) => [{ destination }, objects]),
  );
  gauge(
    'waiting_result_bytes',
    'Size of the files of these objects.',
    waitingResults.map(({ destination, bytes }) => [{ destination }, bytes]),
  );
  gauge(
    'oldest_waiting_result_timestamp_seconds',
    'Since when the oldest of them waits, Unix time.',
    waitingResults.map(({ destination, oldestAtMs }) => [{ destination }, oldestAtMs / 1000]),
  );
  gauge('max_waiting_result_bytes', 'Size of the files of waiting results beyond which pictures are given up.', [
    [{}, maxWaitingBytes],
  ]);
}

function recordParts({ gauge, counter }: Recorder, system: SystemStatus): void {
  gauge('model_ready', '1 when a network is loaded and its golden case agrees.', [[{}, system.model === null ? 0 : 1]]);
  gauge(
    'model_activation_failed',
    '1 when the package that was activated last does not load, whether or not another one serves.',
    [[{}, system.modelError === null ? 0 : 1]],
  );
  const serving = [
    ...(system.model === null ? [] : [{ role: 'active', ...system.model }]),
    ...(system.shadow?.model == null ? [] : [{ role: 'shadow', ...system.shadow.model }]),
  ];
  gauge(
    'model_info',
    'The packages that serve: always 1.',
    serving.map(({ role, name, version, sha256 }) => [{ role, name, version, sha256 }, 1]),
  );
  gauge('shadow_model_failed', '1 when the shadow package does not load.', [
    [{}, system.shadow?.error == null ? 0 : 1],
  ]);
  gauge('shadow_queue', 'Cases that the shadow package has still to score.', [[{}, system.shadow?.toScore ?? 0]]);
  gauge('receiver_up', '1 when the Storage SCP listens.', [[{}, system.receiver.up ? 1 : 0]]);
  const { alarm, lastPassedAtMs, totalMs, probability } = system.proofOfLife;
  gauge('proof_of_life_alarm', '1 when the last synthetic study did not come through, or none has for too long.', [
    [{}, alarm === null ? 0 : 1],
  ]);
  gauge(
    'proof_of_life_last_pass_timestamp_seconds',
    'When a synthetic study last came through, Unix time; not a number before the first one.',
    [[{}, (lastPassedAtMs ?? Number.NaN) / 1000]],
  );
  gauge(
    'proof_of_life_seconds',
    'The last synthetic study, from the first slice sent to the written report; not a number when it did not get there.',
    [[{}, (totalMs ?? Number.NaN) / 1000]],
  );
  gauge(
    'proof_of_life_probability',
    'Score of the last synthetic study, whose fracture is obvious; not a number without one.',
    [[{}, probability ?? Number.NaN]],
  );
  const repository = system.auditRepository;
  if (repository !== null) {
    gauge('audit_unsent', 'Entries of the audit that the audit repository has not got yet.', [
      [{}, repository.waiting],
    ]);
    gauge(
      'audit_oldest_unsent_timestamp_seconds',
      'Since when the oldest of them waits, Unix time; not a number when there is none.',
      [[{}, (repository.oldestAtMs ?? Number.NaN) / 1000]],
    );
    gauge('audit_repository_alarm', '1 when an entry has waited for too long.', [
      [{}, repository.alarm === null ? 0 : 1],
    ]);
  }
  counter('received_objects', 'Objects acknowledged since the start.', system.receiver.stored);
  if (system.hl7 !== null) {
    counter('accepted_messages', 'HL7 messages answered AA since the start.', system.hl7.accepted);
    counter('refused_messages', 'HL7 messages answered AE or AR since the start.', system.hl7.refused);
    counter(
      'refused_message_connections',
      'Connections for HL7 not let in since the start.',
      system.hl7.refusedConnections,
    );
  }
  counter('rejected_associations', 'Associations rejected since the start.', system.receiver.rejected);
  counter(
    'slices_encoded_on_arrival',
    'Slices encoded before their study was complete, since the start.',
    system.encodedOnArrival,
  );
  gauge('spool_free_bytes', 'Free disk where received objects are kept; not a number when it cannot be told.', [
    [{}, system.freeBytes ?? Number.NaN],
  ]);
}

function recordUpkeep({ gauge, counter }: Recorder, system: SystemStatus): void {
  counter('refused_objects', 'Objects answered with a failure since the start.', system.receiver.refused);
  counter('refused_contexts', 'Presentation contexts refused since the start.', system.receiver.refusedContexts);
  counter(
    'aborted_associations',
    'Associations that ended without a release since the start.',
    system.receiver.aborted,
  );
  counter(
    'dropped_connections',
    'Connections closed at once, too many being open, since the start.',
    system.receiver.dropped,
  );
  counter(
    'refused_tls_connections',
    'TLS connections refused before any association since the start.',
    system.receiver.refusedTls,
  );
  counter('receiver_restarts', 'How often the receiver had to be started again.', system.receiver.restarts);
  gauge('open_associations', 'Associations that are open now.', [[{}, system.receiver.openAssociations]]);
  gauge('max_associations', 'Associations that may be open at a time.', [[{}, system.receiver.maxAssociations]]);
  gauge('event_loop_lag_seconds', 'Longest time in the last minute for which the agent’s event loop stood still.', [
    [{}, system.loopLagMs / 1000],
  ]);
  gauge(
    'oldest_unreported_timestamp_seconds',
    'Since when the oldest study waits that is to be analysed or reported, Unix time; not a number when none does.',
    [[{}, (system.oldestUnreportedAtMs ?? Number.NaN) / 1000]],
  );
  gauge('clock_step_seconds', 'By how much the clock was last set within 24 hours; 0 when it was not.', [
    [{}, (system.clockStep?.byMs ?? 0) / 1000],
  ]);
  gauge(
    'backup_timestamp_seconds',
    'When the newest backup of the database was made, Unix time; not a number without one.',
    [[{}, (system.backupAtMs ?? Number.NaN) / 1000]],
  );
  gauge('start_timestamp_seconds', 'When the agent was started, Unix time.', [[{}, system.startedAtMs / 1000]]);
  gauge(
    'certificate_expiry_timestamp_seconds',
    'When a certificate of this agent expires, Unix time.',
    system.certificates.map(({ name, expiresAtMs }) => [{ name }, expiresAtMs / 1000]),
  );
  gauge(
    'watch_success_timestamp_seconds',
    'When an archive that is watched was last asked with success, Unix time; not a number for never.',
    system.watch.map(({ name, succeededAtMs }) => [{ name }, (succeededAtMs ?? Number.NaN) / 1000]),
  );
  gauge(
    'watch_waiting_studies',
    'Studies of an archive that are to be fetched.',
    system.watch.map(({ name, waiting }) => [{ name }, waiting]),
  );
  gauge(
    'watch_failing_studies',
    'Studies of an archive that three attempts have not fetched.',
    system.watch.map(({ name, failing }) => [{ name }, failing]),
  );
  gauge('spool_refuse_below_bytes', 'Free disk below which objects are refused.', [[{}, system.disk.refuseBelowBytes]]);
  gauge('spool_remove_below_bytes', 'Free disk below which retention removes what was read before its time.', [
    [{}, system.disk.removeBelowBytes],
  ]);
}
