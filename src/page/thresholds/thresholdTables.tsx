import type { ComponentChildren } from 'preact';
import type { WhatIfAnswer } from '../../answers/thresholdAnswers.ts';
import { FigureTable } from '../parts/figureTable.tsx';
import { IntervalPicture } from '../parts/intervalPicture.tsx';
import { scoreBeside } from '../../case/scoreTexts.ts';
import { dateTime } from '../parts/format.ts';
import { thresholdWords as words } from './thresholdsWords.ts';

type RuleFigures = WhatIfAnswer['now'];
type Proportion = RuleFigures['sensitivity'];

/** Counts before percentages, and no percentage where there is too little to judge by. */
function Share({ share: { hits, total, estimate, standing }, few }: { share: Proportion; few: string }) {
  const { figures } = words;
  return (
    <>
      <strong>{figures.counts(hits, total)}</strong>
      {estimate !== null && (
        <>
          {' '}
          <span class="interval-text">
            {Math.round(estimate.value * 100)} %, {figures.interval(estimate.low, estimate.high)}
          </span>
        </>
      )}
      {standing !== 'shown' && (
        <>
          {' '}
          <span class="uncertain">{standing === 'unverified' ? figures.unverified : few}</span>
        </>
      )}
    </>
  );
}

interface Heads {
  now: string;
  proposed: string;
}

/** The rule in force against the proposed one. */
export function Figures({ whatIf, heads }: { whatIf: WhatIfAnswer; heads: Heads }) {
  const { figures } = words;
  const { now, proposed, truthKnown, toVerify, netBenefit } = whatIf;
  const days = now.load?.days ?? 0;
  const shares: [name: string, of: (figures: RuleFigures) => Proportion, few: string][] = [
    [figures.sensitivity, (of) => of.sensitivity, figures.tooFew],
    [figures.specificity, (of) => of.specificity, figures.tooFewOthers],
    [figures.ppv, (of) => of.ppv, figures.tooFew],
  ];
  const counts: [name: string, now: ComponentChildren, proposed: ComponentChildren][] = [
    [figures.flagsMean, now.load?.mean.toFixed(1) ?? '-', proposed.load?.mean.toFixed(1) ?? '-'],
    [figures.flagsSpread, figures.spread(now.load), figures.spread(proposed.load)],
  ];
  return (
    <section>
      <h2>{figures.title}</h2>
      <FigureTable
        name={figures.title}
        heads={[
          figures.figure,
          heads.now,
          heads.proposed,
          <span key="picture" class="picture">
            {figures.scale}
          </span>,
        ]}
      >
        {counts.map(([name, before, after]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <strong>{before}</strong>
            </td>
            <td>
              <strong>{after}</strong>
            </td>
            <td class="picture" />
          </tr>
        ))}
        {shares.map(([name, of, few]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <Share share={of(now)} few={few} />
            </td>
            <td>
              <Share share={of(proposed)} few={few} />
            </td>
            <td class="picture">
              <IntervalPicture now={of(now).estimate} proposed={of(proposed).estimate} most={1} />
            </td>
          </tr>
        ))}
        {netBenefit.shown && (
          <tr>
            <th scope="row">{figures.netBenefit}</th>
            <td>
              <strong>{(netBenefit.now * 1000).toFixed(0)}</strong>
            </td>
            <td>
              <strong>{(netBenefit.proposed * 1000).toFixed(0)}</strong>
            </td>
            <td class="picture" />
          </tr>
        )}
      </FigureTable>
      <p class="muted">
        {figures.days(days)}{' '}
        {figures.weighted(
          figures.counts(truthKnown.flagged.known, truthKnown.flagged.total),
          figures.counts(truthKnown.unflagged.known, truthKnown.unflagged.total),
        )}{' '}
        {netBenefit.shown ? '' : figures.netBenefitHidden[netBenefit.why]}
      </p>
      {toVerify.scans > 0 && (
        <p class="kind-stale">
          {truthKnown.unflagged.known === 0 && `${figures.nothingVerified} `}
          {figures.readMore(toVerify.scans, toVerify.points)}
        </p>
      )}
    </section>
  );
}

/** Past scans that the two rules judge differently. */
export function Flips({
  whatIf: { flips, flipsTotal },
  thresholds,
}: {
  whatIf: WhatIfAnswer;
  /** No score is rounded onto one of these. */
  thresholds: readonly number[];
}) {
  const { flips: text } = words;
  return (
    <section class="long">
      <h2>
        {text.title} ({flipsTotal})
      </h2>
      {flips.length === 0 ? (
        <p>{text.none}</p>
      ) : (
        <FigureTable name={text.title} heads={[text.scan, text.truth, text.change, words.plots.score, text.source]}>
          {flips.map((flip) => (
            <tr key={flip.caseRef} class={flip.fracture === true ? 'fracture' : undefined}>
              <th scope="row">
                <CaseLink caseRef={flip.caseRef} atMs={flip.arrivedAtMs} present={flip.present} />
              </th>
              <td>{text.truths[String(flip.fracture) as 'true' | 'false' | 'null']}</td>
              <td class={flip.change}>{text.changes[flip.change]}</td>
              <td>{scoreBeside(flip.score, thresholds)}</td>
              <td>{flip.sourceAeTitle}</td>
            </tr>
          ))}
        </FigureTable>
      )}
      {flipsTotal > flips.length && <p class="muted">{text.some(flips.length, flipsTotal)}</p>}
    </section>
  );
}

/** A scan named by the time of its arrival, as a link to a new tab; a removed scan has no page to open. */
export function CaseLink({ caseRef, atMs, present }: { caseRef: string; atMs: number | null; present: boolean }) {
  const name = words.flips.name(atMs === null ? null : dateTime(atMs), caseRef.slice(0, 6));
  if (!present)
    return (
      <>
        {name} <span class="muted">{words.flips.removed}</span>
      </>
    );
  return (
    <a href={`/case/${caseRef}`} target="_blank" rel="noreferrer">
      {name} <span class="unseen">{words.flips.newTab}</span>
    </a>
  );
}

const GROUPS = ['fractures', 'lostFractures', 'gainedFractures', 'others'] as const;
const minutes = (ms: number): string => (ms / 60_000).toFixed(0);

/** Waiting times under both rules. */
export function Waits({ whatIf: { queue, neverRead }, heads }: { whatIf: WhatIfAnswer; heads: Heads }) {
  const { waits } = words;
  const most = Math.max(
    1,
    ...GROUPS.flatMap((group) => [queue.now[group], queue.proposed[group]]).map(({ meanMs }) => meanMs?.high ?? 0),
  );
  const cell = ({ scans, meanMs, p95Ms, maxMs }: (typeof queue.now)['others']) =>
    meanMs === null || p95Ms === null || maxMs === null ? (
      waits.none
    ) : (
      <>
        <strong>{waits.mean(minutes(meanMs.value))}</strong>{' '}
        <span class="interval-text">{waits.interval(minutes(meanMs.low), minutes(meanMs.high))}</span>{' '}
        <span class="interval-text">{waits.rest(scans, minutes(p95Ms.value), minutes(maxMs))}</span>
      </>
    );
  const moved = (['lost', 'gained'] as const).flatMap((kind) => {
    const [now, proposed] = [queue.now[`${kind}Fractures`], queue.proposed[`${kind}Fractures`]];
    return now.meanMs === null || proposed.meanMs === null
      ? []
      : [waits.moved(now.scans, kind, minutes(now.meanMs.value), minutes(proposed.meanMs.value))];
  });
  return (
    <section>
      <h2>{waits.title}</h2>
      {moved.length > 0 && <p class="moved">{moved.join(' ')}</p>}
      {queue.scans === 0 ? (
        <p>{waits.nothing}</p>
      ) : (
        <FigureTable
          name={waits.title}
          heads={[
            waits.group,
            heads.now,
            heads.proposed,
            <span key="picture" class="picture">
              {waits.scale(minutes(most))}
            </span>,
          ]}
        >
          {GROUPS.map((group) => (
            <tr key={group}>
              <th scope="row">{waits.groups[group]}</th>
              <td>{cell(queue.now[group])}</td>
              <td>{cell(queue.proposed[group])}</td>
              <td class="picture">
                <IntervalPicture now={queue.now[group].meanMs} proposed={queue.proposed[group].meanMs} most={most} />
              </td>
            </tr>
          ))}
        </FigureTable>
      )}
      <p class="muted">
        {queue.scans > 0 && waits.basis(queue.scans, queue.days, queue.maxWaitMinutes, queue.everyKth)}{' '}
        {neverRead > 0 && waits.left(neverRead)}
      </p>
    </section>
  );
}

/** The same figures by source and scanner. */
export function Subgroups({ whatIf: { subgroups } }: { whatIf: WhatIfAnswer }) {
  const { groups, figures } = words;
  return (
    <section class="groups">
      <h2>{groups.title}</h2>
      <FigureTable
        name={groups.title}
        heads={[groups.name, groups.scans, groups.fractures, groups.flags, groups.sensitivity, groups.specificity]}
      >
        {subgroups.map(({ kind, name, scans, fractures, now, proposed }) => (
          <tr key={`${kind} ${name}`}>
            <th scope="row">
              {name === '' ? groups.noName : name} <span class="muted">{groups.kinds[kind]}</span>
            </th>
            <td>{scans}</td>
            <td>{fractures}</td>
            <td>{groups.change(now.flags, proposed.flags)}</td>
            <td>
              <Share share={proposed.sensitivity} few={figures.tooFew} />
            </td>
            <td>
              <Share share={proposed.specificity} few={figures.tooFewOthers} />
            </td>
          </tr>
        ))}
      </FigureTable>
    </section>
  );
}
