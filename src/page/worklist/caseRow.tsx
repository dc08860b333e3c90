import type { JSX } from 'preact';
import type { ColumnName } from './columns.ts';
import { scoreTexts } from '../../case/scoreTexts.ts';
import { receipt, receiptBrief } from '../parts/deliveryText.ts';
import { ageText, minuteTime, personName, scanTime } from '../parts/format.ts';
import { LOOKS } from '../parts/looks.ts';
import { holdFacts, type HeldStudy } from '../parts/heldStudy.ts';
import { releaseWords } from '../parts/releaseWords.ts';
import { releasable } from '../parts/useRelease.tsx';
import { viewerLink } from '../parts/viewerLink.ts';
import { words } from './worklistWords.ts';
import type { WorklistRow } from '../../answers/worklistAnswer.ts';

interface Properties {
  row: WorklistRow;
  index: number;
  columns: readonly ColumnName[];
  nowMs: number;
  maxWaitMinutes: number;
  viewerTemplate: string | null;
  masked: boolean;
  onOpen: (caseRef: string) => void;
  onClaim: (row: WorklistRow) => void;
  askRelease: ((row: WorklistRow) => void) | null;
}

/** Names up to this length fit into one line of their column; longer ones get two smaller lines. */
const LONG_NAME = 20;

/** Places up to this length fit into two lines of their column; longer ones get three smaller lines. */
const LONG_PLACE = 16;

/** The case in the row when the button was pressed: if the list moves before the release, another patient must not open. */
let pressed: string | null = null;

/** One study. All rows have the same height, so that a change in one never moves another. */
export function CaseRow(properties: Properties) {
  const { row, index, columns, onOpen } = properties;
  return (
    <tr
      role="row"
      class="row"
      data-case={row.caseRef}
      data-study={row.studyInstanceUid}
      data-index={index}
      data-read={row.readAtMs !== null}
      aria-rowindex={index + 2}
      onPointerDown={() => {
        pressed = row.caseRef;
      }}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        if (event.target instanceof Element && event.target.closest('button, a:not(.opener)')) return;
        event.preventDefault();
        event.stopPropagation();
        // A key press has no pointer event before it.
        if (event.detail > 0 && pressed !== row.caseRef) return;
        onOpen(row.caseRef);
      }}
    >
      {columns.map((name) => (
        <td key={name} role="cell" class={`cell-${name}`}>
          {CELLS[name](properties)}
        </td>
      ))}
    </tr>
  );
}

const CELLS: Readonly<Record<ColumnName, (properties: Properties) => JSX.Element | string>> = {
  rank: ({ row }) => (
    <span class="rank" title={row.why}>
      {row.rank ?? ''}
      <span class="unseen"> {row.why}</span>
    </span>
  ),
  state: ({ row, askRelease }) => {
    const look = LOOKS[row.status];
    const held = releasable(row);
    return (
      <div class={`state kind-${look.kind}`}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d={look.shape} />
        </svg>
        {held !== null ? (
          <HeldText row={row} study={held} onRelease={askRelease === null ? null : () => askRelease(row)} />
        ) : row.stateText === words.plainFlag && row.finding !== null ? (
          <FlagText finding={row.finding} />
        ) : (
          <StateText text={row.stateText} />
        )}
      </div>
    );
  },
  wait: ({ row, maxWaitMinutes }) => <Wait row={row} maxWaitMinutes={maxWaitMinutes} />,
  suspicion: ({ row }) => {
    if (row.probability === null || row.threshold === null) return words.noScore;
    const shown = scoreTexts(row.probability, row.threshold.value);
    return (
      <div class={row.decision === 'suspected' ? 'kind-flag' : ''} title={words.flagsFrom(shown.threshold)}>
        <div class="line">
          {shown.score}{' '}
          {row.levels.length > 0 ? words.levels(row.levels) : <span class="muted">{words.from(shown.threshold)}</span>}
        </div>
        <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
          <rect class="track" width="100" height="6" />
          <rect class="filled" width={100 * row.probability} height="6" />
          <rect class="mark" x={100 * row.threshold.value - 1} width="2" height="6" />
        </svg>
      </div>
    );
  },
  patient: ({ row, masked }) => {
    const name = masked ? words.masked : personName(row.patientName);
    return (
      <>
        <a class={name.length > LONG_NAME ? 'opener lines two long' : 'opener line'} href={`/case/${row.caseRef}`}>
          <bdi>{name}</bdi>
        </a>
        <div class="muted line" title={row.priorNote ?? undefined}>
          {[[ageText(row.age), row.sex].filter(Boolean).join(' '), row.patientId, row.priorNote]
            .filter(Boolean)
            .join(' · ')}
        </div>
      </>
    );
  },
  accession: ({ row, viewerTemplate }) => {
    const link = viewerLink(viewerTemplate, row);
    if (link === null) return <div class="lines two">{row.accessionNumber}</div>;
    return (
      <>
        <div class="line" title={row.accessionNumber}>
          {row.accessionNumber}
        </div>
        <a href={link} target="_blank" rel="noreferrer">
          {words.openViewer}
        </a>
      </>
    );
  },
  location: ({ row }) => (
    <div class={row.location.length > LONG_PLACE ? 'lines small' : 'lines two'} title={row.location}>
      <bdi>{row.location}</bdi>
    </div>
  ),
  scan: ({ row, nowMs }) => (
    <>
      <div class="line">{scanTime(row.acquiredAt)}</div>
      <div class="muted line">
        {[
          words.arrivedAt(minuteTime(row.arrivedAtMs, nowMs)),
          row.analysedAtMs !== null && words.finishedAt(minuteTime(row.analysedAtMs, nowMs)),
          row.otherObjects > 0 && words.otherObjects(row.otherObjects),
          row.refusedObjects !== null && words.refusedObjects(row.refusedObjects.count),
        ]
          .filter(Boolean)
          .join(', ')}
      </div>
    </>
  ),
  reader: ({ row, onClaim }) => {
    if (row.readAtMs !== null) return <div class="lines two">{words.readBy(row.readBy ?? '')}</div>;
    return (
      <>
        {row.claimedBy === null ? (
          <button type="button" class="small" onClick={() => onClaim(row)}>
            {words.claim}
          </button>
        ) : (
          <div class="lines two kind-info">{words.claimedBy(row.claimedBy)}</div>
        )}
      </>
    );
  },
  receipt: ({ row, nowMs }) => (
    <div class="lines two" title={receipt(row.deliveries, nowMs)}>
      {receiptBrief(row.deliveries, nowMs)}
    </div>
  ),
};

/** A flag that says where to look. What is the same on every flag is left to the line above the list, and to screen readers. */
function FlagText({ finding }: { finding: string }) {
  const at = words.plainFlag.indexOf('. ') + 1;
  return (
    <span class="lines two" title={words.plainFlag}>
      {words.plainFlag.slice(0, at)}
      <span class="unseen">{words.plainFlag.slice(at)}</span>
      <br />
      <strong class="finding">{finding}</strong>
    </span>
  );
}

/** A hold that one press ends: what the AI said in one short line, whose objects came, and the press. */
function HeldText({ row, study, onRelease }: { row: WorklistRow; study: HeldStudy; onRelease: (() => void) | null }) {
  const { state, advice } = releaseWords.states[row.decision ?? 'not-analysed'];
  return (
    <span class="hold">
      <span class="unseen">{row.stateText}</span>
      <span class="hold-state" title={row.stateText} aria-hidden="true">
        <span class="line">{state}</span>
        <span class="advice">{advice}</span>
      </span>
      <span class="hold-facts">
        {onRelease !== null && (
          <button
            type="button"
            class="small"
            aria-label={releaseWords.releaseOf(personName(study.patientName))}
            onClick={onRelease}
          >
            {releaseWords.release}
          </button>
        )}
        <span>
          {holdFacts(study).map((fact) => (
            <bdi key={fact} class="line" title={fact}>
              {fact}
            </bdi>
          ))}
        </span>
      </span>
    </span>
  );
}

/** However long the reason is, what to do stays in sight. */
function StateText({ text }: { text: string }) {
  const at = text.lastIndexOf(' - ');
  if (at === -1) return <span class="lines two">{text}</span>;
  return (
    <span>
      <span class="line reason" title={text}>
        {text.slice(0, at)}
      </span>
      <span class="advice">{text.slice(at)}</span>
    </span>
  );
}

/** The wait in words, and as a bar that fills towards the cap. */
function Wait({ row: { waitMs, stat }, maxWaitMinutes }: { row: WorklistRow; maxWaitMinutes: number }) {
  const minutes = Math.floor(waitMs / 60_000);
  const overdue = minutes >= maxWaitMinutes;
  return (
    <div class={overdue ? 'overdue' : ''}>
      <div class="line">
        {stat && <strong class="kind-fault">{words.urgent} </strong>}
        {words.waitOf(minutes, maxWaitMinutes)}
      </div>
      <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" width="100" height="6" />
        <rect class="filled" width={Math.min(100, (100 * minutes) / maxWaitMinutes)} height="6" />
      </svg>
    </div>
  );
}
