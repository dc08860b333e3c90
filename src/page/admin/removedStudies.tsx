import type { RemovedStudies } from '../../answers/adminAnswers.ts';
import { clockTime, personName } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { useLoaded } from '../parts/useLoaded.ts';
import { adminWords as words } from './adminWords.ts';
import { sizeText } from './sizeText.ts';

const LOOK_MS = 60_000;

/** Studies whose files retention has deleted: the worklist has no row of them any more. */
export function RemovedStudiesTable() {
  const { value, problem } = useLoaded<RemovedStudies>('/api/removed-studies', LOOK_MS);
  const now = Date.now();
  return (
    <>
      <h2>{words.removed}</h2>
      {problem !== '' && <p class="kind-fault">{problem}</p>}
      {value !== null && <p class="muted">{words.removedOf(value.total, value.studies.length)}</p>}
      {value !== null && value.studies.length > 0 && (
        <PlainTable name={words.removed} heads={words.removedHeads}>
          {value.studies.map((study) => (
            <tr key={study.studyInstanceUid}>
              <th scope="row">
                {personName(study.patientName)} <span class="muted">{study.patientId}</span>
              </th>
              <td>{study.accessionNumber}</td>
              <td>{clockTime(study.arrivedAtMs, now)}</td>
              <td>{study.readAtMs === null ? words.notRead : clockTime(study.readAtMs, now)}</td>
              <td>
                {clockTime(study.removedAtMs, now)}, {words.removedBecause[study.cause]}
              </td>
              <td>{words.removedFiles(study.objects, study.results, sizeText(study.sizeBytes))}</td>
            </tr>
          ))}
        </PlainTable>
      )}
    </>
  );
}
