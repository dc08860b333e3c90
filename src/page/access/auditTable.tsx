import type { AuditAnswer } from '../../answers/accessAnswers.ts';
import { clockTime } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { accessWords } from './accessWords.ts';

/** Entries of the audit, in the order given. */
export function AuditTable({ entries }: Pick<AuditAnswer, 'entries'>) {
  const now = Date.now();
  return (
    <PlainTable
      name={accessWords.audit}
      heads={[
        accessWords.time,
        accessWords.action,
        accessWords.actor,
        accessWords.address,
        accessWords.target,
        accessWords.detail,
      ]}
    >
      {entries.map((entry) => (
        <tr key={entry.seq}>
          <td>{clockTime(entry.atMs, now)}</td>
          <td>{entry.action}</td>
          <td>
            <bdi>{entry.actor}</bdi>
          </td>
          <td>{entry.address}</td>
          <td>
            <bdi>{entry.target}</bdi>
          </td>
          <td>
            <bdi>
              {Object.entries(entry.detail)
                .map(([name, value]) => `${name}: ${String(value)}`)
                .join(', ')}
            </bdi>
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}
