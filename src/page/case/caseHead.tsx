import type { Freshness } from '../parts/freshness.ts';
import { ageText, calendarDate, personName } from '../parts/format.ts';
import type { WorklistRow } from '../../answers/worklistAnswer.ts';
import { scoreTexts } from '../../case/scoreTexts.ts';
import { LOOKS } from '../parts/looks.ts';
import { statusLine } from '../parts/statusLine.ts';
import { caseWords as words } from './caseWords.ts';

/** The patient in one line, for display near the image. */
export function identityOf(row: WorklistRow): string {
  return [personName(row.patientName), calendarDate(row.patientBirthDate), row.sex, words.patientId(row.patientId)]
    .filter(Boolean)
    .join(' · ');
}

/** The patient of this case; always in sight. */
export function PatientBanner({ row, fresh }: { row: WorklistRow; fresh: Freshness }) {
  const born = calendarDate(row.patientBirthDate);
  const facts = [
    born && words.born(born, ageText(row.age)),
    row.sex,
    words.patientId(row.patientId),
    row.accessionNumber && words.accession(row.accessionNumber),
  ].filter(Boolean);
  return (
    <div class="patient-banner" role="group" aria-label={words.patient}>
      <h1>
        <bdi>{personName(row.patientName)}</bdi>
      </h1>
      {facts.map((fact) => (
        <bdi key={fact}>{fact}</bdi>
      ))}
      <span class="spacer" />
      <span class="feed" data-feed={fresh.kind}>
        {fresh.kind === 'live' ? '' : statusLine(fresh, [], Date.now()).text}
      </span>
      <a href="/">{words.back}</a>
    </div>
  );
}

/** The AI result in the fixed words, where it looked, what is odd about the age of the scan, and the score, network and threshold behind it. */
export function StateSentence({ row, ageNote }: { row: WorklistRow; ageNote: string }) {
  const look = LOOKS[row.status];
  return (
    <section class="sentence" aria-label={words.state}>
      <p class={`state kind-${look.kind}`}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d={look.shape} />
        </svg>
        <span>
          {row.stateText}
          {row.finding !== null && <strong class="finding"> {row.finding}</strong>}
        </span>
      </p>
      {ageNote !== '' && !row.prior && <p>{ageNote}.</p>}
      {row.priorNote !== null && <p>{row.priorNote}.</p>}
      <p class="muted">
        {row.why}
        {row.probability !== null && row.threshold !== null && row.model !== null && (
          <>
            {' · '}
            {words.score(scoreTexts(row.probability, row.threshold.value))}
            {' · '}
            {words.model(row.model.name, row.model.version, row.threshold.version)}
          </>
        )}
      </p>
    </section>
  );
}
