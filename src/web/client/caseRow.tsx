import { ageText, clockTime, personName, scanTime } from './format.ts';
import { CaseDetails, receipt } from './caseDetails.tsx';
import { words } from './words.ts';
import type { WorklistRow } from './worklistApi.ts';

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

/** In the order of `words.columns`. */
export const COLUMNS = Object.entries(words.columns).map(([name, title]) => ({ name, title }));

interface Properties {
  row: WorklistRow;
  nowMs: number;
  maxWaitMinutes: number;
  open: boolean;
  onToggle: () => void;
  onMark: () => void;
}

/** One study. Rows keep one height whatever they say, so that a change in one never moves another. */
export function CaseRow({ row, nowMs, maxWaitMinutes, open, onToggle, onMark }: Properties) {
  const look = LOOKS[row.status];
  const detailsId = `details-${row.studyInstanceUid}`;
  return (
    <>
      <tr class="row" data-study={row.studyInstanceUid} data-read={row.readAtMs !== null} onClick={onToggle}>
        <td class="rank">{row.rank ?? ''}</td>
        <td>
          <div class={`state kind-${look.kind}`}>
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d={look.shape} />
            </svg>
            <StateText text={row.stateText} />
          </div>
        </td>
        <td>
          <Wait waitMs={row.waitMs} maxWaitMinutes={maxWaitMinutes} />
        </td>
        <td class={row.decision === 'suspected' ? 'kind-flag' : ''}>
          {row.probability === null || row.threshold === null ? (
            words.noScore
          ) : (
            <>
              {row.probability.toFixed(2)} <div class="muted">{words.flagsFrom(row.threshold.value)}</div>
            </>
          )}
        </td>
        <td>
          <button type="button" class="opener lines" aria-expanded={open} aria-controls={open ? detailsId : undefined}>
            <bdi>{personName(row.patientName)}</bdi>
          </button>
          <div class="muted line">{row.patientId}</div>
        </td>
        <td>{[ageText(row.age), row.sex].filter(Boolean).join(' / ')}</td>
        <td>
          <div class="lines">{row.accessionNumber}</div>
        </td>
        <td>{scanTime(row.acquiredAt)}</td>
        <td>{row.analysedAtMs === null ? '' : clockTime(row.analysedAtMs, nowMs)}</td>
        <td>
          <div class="lines">{receipt(row.deliveries, nowMs)}</div>
        </td>
        <td>
          <div class="lines">{row.why}</div>
        </td>
      </tr>
      {open && (
        <tr class="details" id={detailsId} data-study={row.studyInstanceUid}>
          <td colSpan={COLUMNS.length}>
            <CaseDetails row={row} nowMs={nowMs} onMark={onMark} />
          </td>
        </tr>
      )}
    </>
  );
}

/** However long a reason is, what to do about it stays in sight. */
function StateText({ text }: { text: string }) {
  const at = text.lastIndexOf(' - ');
  if (at === -1) return <span class="lines">{text}</span>;
  return (
    <span>
      <span class="lines two">{text.slice(0, at)}</span>
      <span class="advice">{text.slice(at)}</span>
    </span>
  );
}

/** The wait in words, and as a bar that fills towards the cap. */
function Wait({ waitMs, maxWaitMinutes }: { waitMs: number; maxWaitMinutes: number }) {
  const minutes = Math.floor(waitMs / 60_000);
  const overdue = minutes >= maxWaitMinutes;
  return (
    <div class={overdue ? 'kind-fault' : ''}>
      {words.waitOf(minutes, maxWaitMinutes)}
      <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" width="100" height="6" />
        <rect class="filled" width={Math.min(100, (100 * minutes) / maxWaitMinutes)} height="6" />
      </svg>
    </div>
  );
}
