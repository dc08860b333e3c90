import type { ListedNode, SystemDetail } from '../../answers/adminAnswers.ts';
import { clockTime } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { afterwards, nodeWords as words } from './nodeWords.ts';

/** The agents on the database, what each does and has in hand, and who takes over from one that is no longer there. Nothing where one does everything. */
export function NodesTable({ system, nowMs }: { system: SystemDetail; nowMs: number }) {
  const { nodes, takenOverWithinMs } = system;
  if (nodes.length === 0) return null;
  return (
    <>
      <h2>{words.title}</h2>
      <PlainTable name={words.title} heads={words.heads}>
        {nodes.map((node) => (
          <tr key={node.name}>
            <th scope="row">
              {node.name}
              {node.isThis && <span class="muted reason">{words.thisOne}</span>}
            </th>
            <td>
              {words.does(node.roles)}
              {node.differs.length > 0 && <span class="reason kind-fault">{words.differs(node.differs)}</span>}
              {node.state !== 'alive' &&
                afterwards(node, nodes, takenOverWithinMs).map((sentence) => (
                  <span key={sentence} class="reason">
                    {sentence}
                  </span>
                ))}
            </td>
            <td>{node.version}</td>
            <td>{clockTime(node.startedAtMs, nowMs)}</td>
            <td class={node.state === 'gone' ? 'kind-fault' : ''}>
              <LastHeard node={node} nowMs={nowMs} />
            </td>
            <td>{inHandOf(node)}</td>
            <td>{node.loopLagMs === null ? '' : words.stoodStill(node.loopLagMs)}</td>
          </tr>
        ))}
      </PlainTable>
    </>
  );
}

function LastHeard({ node: { state, seenAtMs, silentMs }, nowMs }: { node: ListedNode; nowMs: number }) {
  if (state === 'alive') return <>{words.justNow(silentMs)}</>;
  return (
    <>
      {clockTime(seenAtMs, nowMs)}
      <span class="reason">{state === 'gone' ? words.gone : words.stopped}</span>
    </>
  );
}

function inHandOf({ cases, works }: ListedNode): string {
  const parts = [...(cases === 0 ? [] : [words.cases(cases)]), ...works.map(words.work)];
  return parts.length === 0 ? words.nothing : parts.join(', ');
}
