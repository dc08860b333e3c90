import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { CaseAnswer, CaseVolume, PatientStudy } from '../../answers/caseAnswer.ts';
import type { WorklistRow } from '../../answers/worklistAnswer.ts';
import { scoreTexts } from '../../case/scoreTexts.ts';
import { calendarDate, clockTime, inThisZone } from '../parts/format.ts';
import { useKeys } from '../parts/keys.ts';
import { Refused } from '../parts/session.ts';
import { fetchCase } from './caseApi.ts';
import { identityOf } from './caseHead.tsx';
import { caseWords } from './caseWords.ts';
import { comparisonWords as words } from './comparisonWords.ts';
import type { DisplayWindow } from './drawSlice.ts';
import { nearestSlice, offsetOfTops } from './linkedHeights.ts';
import { placeName } from './sliceName.ts';
import { useHeightMatch, type HeightEstimate } from './useHeightMatch.ts';
import { useLinkedSlices, type LinkedSlices } from './useLinkedSlices.ts';
import { useDrawnSlice, useSlices, type Slices } from './useSlices.ts';
import { Viewport } from './viewerParts.tsx';

/** What both sides share. */
interface SharedView {
  /** The scan of the page. */
  slices: Slices;
  volume: CaseVolume;
  window: DisplayWindow;
  windowName: string;
  fill: number;
  onWindow: (acrossPx: number, downPx: number) => void;
}

/** A prior of the patient beside the scan of the page: which one, at what height, and why there is none to be seen. */
export function Comparison({ answer, ...shared }: SharedView & { answer: CaseAnswer }) {
  const { priors, row } = answer;
  const [wanted, setWanted] = useState(priors[0]?.caseRef);
  // A case that is held may be of two patients: then nobody knows whose prior it is.
  const listed = row.status === 'held' ? undefined : priors.find(({ caseRef }) => caseRef === wanted);
  const prior = usePrior(listed?.caseRef, answer);
  const choice = priors.length > 1 && (
    <label>
      {words.choice}{' '}
      <select value={wanted} onChange={(event) => setWanted(event.currentTarget.value)}>
        {priors.map((one) => (
          <option key={one.caseRef} value={one.caseRef}>
            {words.option(dateOf(one), one.studyDescription)}
          </option>
        ))}
      </select>
    </label>
  );
  const known = typeof prior === 'string' ? null : prior;
  const why = listed === undefined ? words.notLinked : typeof prior === 'string' ? prior : whyNotShown(prior);
  if (why === null && known?.volume != null)
    return (
      <PriorBeside
        key={`${known.row.caseRef} ${known.row.revision}`}
        {...shared}
        {...{ choice }}
        prior={known}
        priorVolume={known.volume}
      />
    );
  return (
    <>
      <div class="comparison-tools">{choice}</div>
      <div class="pane prior">
        <SideCaption name={words.prior} scannedAt={listed?.scannedAt ?? ''} row={known?.row ?? null} />
        <p class="no-prior" role="status">
          {why}
        </p>
      </div>
    </>
  );
}

/** Date of a study for people. */
export function dateOf({ scannedAt }: Pick<PatientStudy, 'scannedAt'>): string {
  return calendarDate(inThisZone(scannedAt).slice(0, 8)) || words.noDate;
}

/**
 * The case of a prior, or why it is not known, as a sentence; read again whenever the case of the page was. It is on record as a view, and its flag, if it has
 * one, goes on ringing.
 */
function usePrior(caseRef: string | undefined, of: CaseAnswer): CaseAnswer | string {
  const [known, setKnown] = useState<{ caseRef: string; answer: CaseAnswer | string } | null>(null);
  useEffect(() => {
    if (caseRef === undefined) return;
    let current = true;
    fetchCase(caseRef, 'still-open').then(
      (answer) => {
        if (current) setKnown({ caseRef, answer });
      },
      (error: unknown) => {
        const answer = error instanceof Refused && error.status === 410 ? error.message : words.unreadable;
        if (current) setKnown({ caseRef, answer });
      },
    );
    return () => {
      current = false;
    };
  }, [caseRef, of]);
  return known === null || known.caseRef !== caseRef ? words.loading : known.answer;
}

function whyNotShown({ row, volume, filesRemoved }: CaseAnswer): string | null {
  if (row.status === 'held') return words.held;
  if (filesRemoved !== null) return words.filesRemoved(clockTime(filesRemoved.atMs, Date.now()));
  return volume === null ? words.noSlices : null;
}

/** Which of the two scans stands here, of when, and what the network made of it. */
export function SideCaption({
  name,
  scannedAt,
  row,
}: {
  name: string;
  scannedAt: string;
  /** Null while it is not known. */
  row: Pick<WorklistRow, 'decision' | 'probability' | 'threshold' | 'model'> | null;
}) {
  return (
    <p class="side-caption">
      <strong>{words.side(name, momentText(scannedAt))}</strong>
      {row !== null && <span>{resultText(row)}</span>}
    </p>
  );
}

/** `12-Mar-2025 09:30` */
function momentText(scannedAt: string): string {
  const time = /^\d{8}(\d{2})(\d{2})/.exec(inThisZone(scannedAt));
  return [dateOf({ scannedAt }), time && `${time[1]!}:${time[2]!}`].filter(Boolean).join(' ');
}

function resultText({
  decision,
  probability,
  threshold,
  model,
}: Pick<WorklistRow, 'decision' | 'probability' | 'threshold' | 'model'>): string {
  if (decision === null || probability === null || threshold === null || model === null)
    return decision === null ? words.notScored : caseWords.decisions[decision];
  const result = `${caseWords.decisions[decision]}. ${caseWords.score(scoreTexts(probability, threshold.value))}`;
  return words.result(result, words.model(model.name, model.version));
}

function PriorBeside({
  prior,
  priorVolume,
  choice,
  slices,
  volume,
  window,
  windowName,
  fill,
  onWindow,
}: SharedView & { prior: CaseAnswer; priorVolume: CaseVolume; choice: ComponentChildren }) {
  const { positionsMm } = priorVolume;
  const [first] = useState(() =>
    nearestSlice(positionsMm, volume.positionsMm[slices.index]! + offsetOfTops(volume.positionsMm, positionsMm)),
  );
  const priorSlices = useSlices(prior.row.caseRef, prior.row.revision, priorVolume, first);
  const estimate = useHeightMatch({ store: slices.store, volume }, { store: priorSlices.store, volume: priorVolume });
  const link = useLinkedSlices({ slices, volume }, { slices: priorSlices, volume: priorVolume }, estimate);
  const [overlay, setOverlay] = useState(false);
  const keySlices = prior.findings?.keySlices ?? [];
  const image = useRef<HTMLCanvasElement>(null);
  const map = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const response = overlay ? keySlices.find(({ sliceIndex }) => sliceIndex === priorSlices.index) : undefined;
  const fault = useDrawnSlice(priorSlices, image, map, { window, response, fill });
  useKeys([
    { keys: ['l'], shown: 'L', does: words.keys.link, run: link.toggleLink },
    { keys: [','], shown: ', .', does: words.keys.nudge, repeats: true, run: () => link.nudge(-1) },
    { keys: ['.'], shown: '', does: '', repeats: true, run: () => link.nudge(1) },
  ]);
  const heatmap = keySlices.length === 0 ? null : { on: overlay, toggle: () => setOverlay(!overlay) };
  return (
    <>
      <ComparisonTools {...{ link, estimate, choice, heatmap }} />
      <div class="pane prior">
        <SideCaption name={words.prior} scannedAt={prior.row.acquiredAt} row={prior.row} />
        <Viewport
          {...{ frame, image, map, window, windowName, onWindow }}
          volume={priorVolume}
          index={priorSlices.index}
          identity={identityOf(prior.row)}
          place={placeName(prior, priorVolume, priorSlices.index)}
          side={words.side(words.prior, dateOf({ scannedAt: prior.row.acquiredAt }))}
          fault={link.isBeyondPrior ? words.priorEnds : fault}
          cross={null}
          onPoint={() => undefined}
          onStep={link.step}
        />
      </div>
    </>
  );
}

function ComparisonTools({
  link,
  estimate,
  choice,
  heatmap,
}: {
  link: LinkedSlices;
  estimate: HeightEstimate;
  choice: ComponentChildren;
  heatmap: { on: boolean; toggle: () => void } | null;
}) {
  return (
    <div class="comparison-tools" role="group" aria-label={words.tools}>
      {choice}
      <button type="button" aria-pressed={link.linked} onClick={link.toggleLink}>
        {words.linked}
      </button>
      <button type="button" onClick={() => link.nudge(-1)}>
        {words.up}
      </button>
      <button type="button" onClick={() => link.nudge(1)}>
        {words.down}
      </button>
      {(link.byHandMm !== null || !link.linked) && (
        <button type="button" onClick={link.reset}>
          {words.reset}
        </button>
      )}
      {heatmap !== null && (
        <button type="button" aria-pressed={heatmap.on} onClick={heatmap.toggle}>
          {words.heatmap}
        </button>
      )}
      <p role="status">{heightText(link, estimate)}</p>
      {heatmap?.on === true && <p>{caseWords.heatmapCaption}</p>}
    </div>
  );
}

/** How the height of the prior was found. */
function heightText({ linked, byHandMm, apartMm }: LinkedSlices, { kind }: HeightEstimate): string {
  if (!linked) return words.unlinked;
  const how = byHandMm !== null ? words.byHand(byHandMm) : kind === 'working' ? words.matching : words[kind];
  return apartMm === null ? how : `${words.apart(apartMm)} ${how}`;
}
