import type { RefObject } from 'preact';
import type { WorklistRow } from '../../answers/worklistAnswer.ts';
import { CaseRow } from './caseRow.tsx';
import { COLUMNS, type ColumnName } from './columns.ts';
import type { HeldList } from './heldList.ts';
import type { Rows } from './useRows.ts';
import { words } from './worklistWords.ts';

interface Properties {
  list: HeldList;
  rows: Rows;
  body: RefObject<HTMLTableSectionElement | null>;
  columns: readonly ColumnName[];
  onPoint: (target: EventTarget | null) => void;
  /** Focus or pointer have left the rows. */
  onRelease: () => void;
  onOpen: (caseRef: string) => void;
  onClaim: (row: WorklistRow) => void;
  /** Asks whether a held study is to be released; null for who may not. */
  askRelease: ((row: WorklistRow) => void) | null;
}

/** The visible rows, with empty space for the others. */
export function CaseTable({ list, rows, body, columns, onPoint, onRelease, onOpen, onClaim, askRelease }: Properties) {
  const { answer } = list;
  const left = () => {
    onPoint(null);
    onRelease();
  };
  return (
    <table role="table" aria-rowcount={answer.total + 1}>
      <caption class="unseen">{words.title}</caption>
      <colgroup>
        {columns.map((name) => (
          <col key={name} class={`column-${name}`} />
        ))}
      </colgroup>
      <thead role="rowgroup">
        <tr role="row">
          {COLUMNS.filter(({ name }) => columns.includes(name)).map(({ name, title }) => (
            <th key={name} class={`column-${name}`} scope="col" role="columnheader">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody
        role="rowgroup"
        ref={body}
        onPointerOver={(event) => onPoint(event.target)}
        onPointerLeave={left}
        onFocusIn={(event) => {
          rows.focusCame();
          onPoint(event.target);
        }}
        onFocusOut={left}
      >
        {rows.above > 0 && <Space key="above" px={rows.above} columns={columns.length} />}
        {rows.items.map(({ index }) => {
          const row = list.rows.get(index);
          return row === undefined ? (
            <Space key={`space-${index}`} px={rows.rowPx} columns={columns.length} />
          ) : (
            <CaseRow
              key={row.caseRef}
              row={row}
              index={index}
              columns={columns}
              nowMs={answer.nowMs}
              maxWaitMinutes={answer.maxWaitMinutes}
              viewerTemplate={answer.viewerTemplate}
              masked={answer.masked}
              onOpen={onOpen}
              onClaim={onClaim}
              askRelease={askRelease}
            />
          );
        })}
        {rows.below > 0 && <Space key="below" px={rows.below} columns={columns.length} />}
      </tbody>
    </table>
  );
}

/** Space of rows that are not drawn. */
function Space({ px, columns }: { px: number; columns: number }) {
  return (
    <tr class="space" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${px}px` }} />
    </tr>
  );
}
