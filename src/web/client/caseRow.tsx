import { useEffect, useState } from 'preact/hooks';
import { ageText, clockTime, personName, scanTime } from './format.ts';
import { words } from './words.ts';
import { fetchCase, type CaseDetail, type RowDelivery, type WorklistRow } from './worklistApi.ts';

/** Shape, colour and words: none of them alone carries the state. */
const LOOKS: Readonly<Record<WorklistRow['status'], { kind: string; shape: string }>> = {
  flagged: { kind: 'flag', shape: 'M8 1 15 14H1z' },
  unflagged: { kind: 'plain', shape: 'M2 7h12v2H2z' },
  running: { kind: 'info', shape: 'M8 2a6 6 0 1 0 6 6h-2a4 4 0 1 1-4-4z' },
  delayed: { kind: 'fault', shape: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm1 3v4l3 2-1 1.6L7 9V4z' },
  'not-analysed': { kind: 'fault', shape: 'M3 1 1 3l5 5-5 5 2 2 5-5 5 5 2-2-5-5 5-5-2-2-5 5z' },
  'outside-domain': { kind: 'domain', shape: 'M8 1 15 8 8 15 1 8zm0 3L4 8l4 4 4-4z' },
  failed: { kind: 'fault', shape: 'M5 1h6l4 4v6l-4 4H5l-4-4V5zm2 3v5h2V4zm0 6v2h2v-2z' },
  held: { kind: 'fault', shape: 'M3 2h4v12H3zM9 2h4v12H9z' },
};

interface Properties {
  row: WorklistRow;
  nowMs: number;
  maxWaitMinutes: number;
  columns: number;
  open: boolean;
  onToggle: () => void;
  onMark: () => void;
}

export function CaseRow({ row, nowMs, maxWaitMinutes, columns, open, onToggle, onMark }: Properties) {
  const look = LOOKS[row.status];
  const waitMinutes = Math.floor(row.waitMs / 60_000);
  return (
    <>
      <tr class="row" tabIndex={0} data-study={row.studyInstanceUid} data-read={row.readAtMs !== null} aria-expanded={open} onClick={onToggle}>
        <td class="rank">{row.rank ?? ''}</td>
        <td>
          <div class={`state kind-${look.kind}`}>
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d={look.shape} />
            </svg>
            <span>{row.stateText}</span>
          </div>
        </td>
        <td>
          {words.waitOf(waitMinutes, maxWaitMinutes)}
          <meter min={0} max={maxWaitMinutes} value={Math.min(waitMinutes, maxWaitMinutes)} aria-label={words.columns.wait} />
        </td>
        <td class={row.decision === 'suspected' ? 'kind-flag' : ''}>{row.probability === null || row.threshold === null ? words.noScore : words.suspicion(row.probability, row.threshold.value)}</td>
        <td>
          {personName(row.patientName)}
          <div class="muted">{row.patientId}</div>
        </td>
        <td>{[ageText(row.age), row.sex].filter(Boolean).join(' / ')}</td>
        <td>{row.accessionNumber}</td>
        <td>{scanTime(row.acquiredAt)}</td>
        <td>{row.analysedAtMs === null ? '' : clockTime(row.analysedAtMs, nowMs)}</td>
        <td>{receipt(row.deliveries, nowMs)}</td>
        <td class="why">{row.why}</td>
      </tr>
      {open && (
        <tr class="detail">
          <td colSpan={columns}>
            <Detail row={row} nowMs={nowMs} />
            <button type="button" onClick={onMark}>
              {row.readAtMs === null ? words.markRead : words.markUnread}
            </button>
          </td>
        </tr>
      )}
    </>
  );
}

/** One line for all objects of a case: the worst of them, for that is what a reader must know. */
function receipt(deliveries: readonly RowDelivery[], nowMs: number): string {
  const worst = (['refused', 'pending', 'sent', 'confirmed'] as const).map((status) => deliveries.find((delivery) => delivery.status === status)).find(Boolean);
  return worst ? deliveryText(worst, nowMs) : '';
}

function deliveryText(delivery: RowDelivery, nowMs: number): string {
  if (delivery.status === 'confirmed') return words.confirmed(delivery.destination, clockTime(delivery.confirmedAtMs ?? nowMs, nowMs));
  if (delivery.status === 'sent') return words.accepted(delivery.destination, clockTime(delivery.sentAtMs ?? nowMs, nowMs));
  if (delivery.status === 'refused') return words.rejected(delivery.destination, delivery.lastError ?? '');
  return words.waiting(delivery.destination, delivery.lastError);
}

function Detail({ row, nowMs }: { row: WorklistRow; nowMs: number }) {
  const [detail, setDetail] = useState<CaseDetail | null>(null);
  useEffect(() => {
    let current = true;
    fetchCase(row.studyInstanceUid).then(
      (answer) => current && setDetail(answer),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [row.studyInstanceUid, row.revision, row.state]);
  return (
    <>
      <h2>{words.series}</h2>
      <ul>
        {row.series.map((series) => (
          <li key={series.seriesInstanceUid}>
            {series.seriesDescription || series.modality} ({series.instances}): {series.reason}
          </li>
        ))}
      </ul>
      <h2>{words.objects}</h2>
      <ul>
        {row.deliveries.map((delivery) => (
          <li key={`${delivery.destination} ${delivery.sopInstanceUid}`}>
            {delivery.kind.toUpperCase()} {deliveryText(delivery, nowMs)}
          </li>
        ))}
      </ul>
      <h2>{words.history}</h2>
      <ul>
        {detail?.events.map((event, index) => (
          <li key={index}>
            {clockTime(event.atMs, nowMs)} {event.type} ({event.to})
          </li>
        ))}
      </ul>
    </>
  );
}
