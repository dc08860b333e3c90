import { useState } from 'preact/hooks';
import type { SystemDetail, SystemFigures } from '../../answers/adminAnswers.ts';
import './admin.css';
import { clockTime, dayText, timeOfDay } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { NodesTable } from './nodesTable.tsx';
import { RemovedStudiesTable } from './removedStudies.tsx';
import { sizeText } from './sizeText.ts';
import { StepPlot } from './stepPlot.tsx';
import { useLoaded } from '../parts/useLoaded.ts';
import { adminWords as words } from './adminWords.ts';
import type { WorklistAnswer } from '../../answers/worklistAnswer.ts';

const LOOK_MS = 15_000;
const STEPS = { '24': 24, '168': 28, '744': 31 } as const;
type Range = keyof typeof STEPS;

/** Queue, throughput, latency, disk and memory. */
export default function SystemPage() {
  const [hours, setHours] = useState<Range>('24');
  const system = useLoaded<SystemDetail>('/api/system', LOOK_MS);
  const overview = useLoaded<WorklistAnswer>('/api/worklist?limit=1', LOOK_MS);
  const figures = useLoaded<SystemFigures>(`/api/figures?hours=${hours}&steps=${STEPS[hours]}`, LOOK_MS);
  const now = Date.now();
  return (
    <section class="wide admin">
      <h1>{words.titles.system}</h1>
      <p role="alert" class="kind-fault">
        {system.problem || overview.problem || figures.problem}
      </p>
      {system.value === null || overview.value === null ? (
        <p>{words.loading}</p>
      ) : (
        <>
          <p>{words.version(system.value.version, clockTime(system.value.startedAtMs, now))}</p>
          <SystemFacts system={system.value} overview={overview.value} nowMs={now} />
          <NodesTable system={system.value} nowMs={now} />
        </>
      )}
      <label>
        {words.range}{' '}
        <select value={hours} onChange={(event) => setHours(event.currentTarget.value as Range)}>
          {Object.entries(words.ranges).map(([value, title]) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {figures.value !== null && <FigurePlots figures={figures.value} hours={hours} />}
      <RemovedStudiesTable />
    </section>
  );
}

/** The state of each part of the agent, in words. */
function SystemFacts({ system, overview, nowMs }: { system: SystemDetail; overview: WorklistAnswer; nowMs: number }) {
  const { model, modelError, receiver, hl7, auditRepository } = overview.system;
  const { queue, outbox } = overview.totals;
  return (
    <dl class="system-facts">
      <dt>{words.network}</dt>
      <dd class={model === null ? 'kind-fault' : ''}>
        {model === null
          ? `${words.noNetwork} ${modelError ?? ''}`
          : `${model.name} ${model.version}, ${words.provider(model.provider)}`}
      </dd>
      <dt>{words.receiver}</dt>
      <dd class={receiver.up ? '' : 'kind-fault'}>
        {receiver.up ? `${receiver.aeTitle}, ${receiver.port}` : words.receiverDown}
      </dd>
      {hl7 !== null && (
        <>
          <dt>{words.hl7}</dt>
          <dd>
            {words.hl7Of(hl7.port, hl7.accepted, hl7.refused)}
            {hl7.lastRefusal !== null && (
              <span class="reason">
                {words.hl7Refused(clockTime(hl7.lastRefusal.atMs, nowMs), hl7.lastRefusal.why)}
              </span>
            )}
          </dd>
        </>
      )}
      <dt>{words.queue}</dt>
      <dd>{words.queueOf(queue.assemble, queue.infer, queue.report)}</dd>
      <dt>{words.outbox}</dt>
      <dd class={outbox.refused > 0 ? 'kind-fault' : ''}>
        {words.outboxOf(outbox.pending, outbox.unconfirmed, outbox.refused)}
      </dd>
      {auditRepository !== null && (
        <>
          <dt>{words.auditRepository}</dt>
          <dd class={auditRepository.lastError === null ? '' : 'kind-fault'}>
            <AuditRepository {...auditRepository} nowMs={nowMs} />
          </dd>
        </>
      )}
      <dt>{words.disk}</dt>
      <dd>
        <Disk disk={system.disk} />
      </dd>
      <dt>{words.memory}</dt>
      <dd>
        {words.memoryOf(
          sizeText(system.memory.agent),
          sizeText(system.memory.receiver),
          sizeText(system.memory.inference),
        )}
      </dd>
    </dl>
  );
}

/** How many studies arrived and how long they took, as plots and as a table. */
function FigurePlots({ figures, hours }: { figures: SystemFigures; hours: Range }) {
  const label = (ms: number) => {
    const day = dayText(new Date(ms));
    return hours === '744' ? day : hours === '168' ? `${day} ${timeOfDay(ms)}` : timeOfDay(ms);
  };
  return (
    <>
      <div class="step-plots">
        <StepPlot
          kind="bars"
          name={words.throughput}
          steps={figures.steps.map(({ atMs, received }) => ({ label: label(atMs), values: [received] }))}
          series={[words.received]}
        />
        <StepPlot
          kind="lines"
          name={words.latency}
          steps={figures.steps.map(({ atMs, p50, p95 }) => ({ label: label(atMs), values: [p50, p95] }))}
          series={[words.median, words.p95]}
        />
      </div>
      <h2>{words.latencyTable}</h2>
      <PlainTable name={words.latencyTable} heads={words.percentiles}>
        {Object.entries(words.stagesOf).map(([stage, title]) => {
          const { count, p50, p90, p95, max } = figures.latency[stage as keyof typeof words.stagesOf];
          return (
            <tr key={stage}>
              <th scope="row">{title}</th>
              <td>{count}</td>
              {[p50, p90, p95, max].map((value, index) => (
                <td key={index}>{words.seconds(value)}</td>
              ))}
            </tr>
          );
        })}
      </PlainTable>
      <p class="muted">{words.onlyOnRecord}</p>
    </>
  );
}

function AuditRepository({
  address,
  sentSeq,
  waiting,
  oldestAtMs,
  lastError,
  nowMs,
}: NonNullable<WorklistAnswer['system']['auditRepository']> & { nowMs: number }) {
  return (
    <>
      {address}: {words.auditSent(sentSeq)}
      {oldestAtMs !== null && <span class="reason">{words.auditWaiting(waiting, clockTime(oldestAtMs, nowMs))}</span>}
      {lastError !== null && <span class="reason">{lastError}</span>}
    </>
  );
}

function Disk({ disk: { freeBytes, totalBytes, refuseBelowBytes, removeBelowBytes } }: { disk: SystemDetail['disk'] }) {
  if (freeBytes === null || totalBytes === null) return <span class="kind-fault">{words.diskUnknown}</span>;
  return (
    <>
      <span class={freeBytes < removeBelowBytes ? 'kind-fault' : ''}>
        {words.diskOf(sizeText(freeBytes), sizeText(totalBytes))}
      </span>
      <span class="muted reason">{words.diskRules(sizeText(removeBelowBytes), sizeText(refuseBelowBytes))}</span>
    </>
  );
}
