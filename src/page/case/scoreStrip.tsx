import type { CaseVolume } from '../../answers/caseAnswer.ts';
import { caseWords as words } from './caseWords.ts';

const HEIGHT = 56;

interface Properties {
  volume: CaseVolume;
  /** One value for each slice, superior first; null at a triage-only site or without a result. */
  scores: readonly number[] | null;
  threshold: number | null;
  index: number;
  onGo: (index: number) => void;
}

/** Score of every slice as a bar: where to look, and where slices are missing. It is a slider: arrows, Home and End move it, a click jumps. */
export function ScoreStrip({ volume, scores, threshold, index, onGo }: Properties) {
  const total = volume.positionsMm.length;
  const { places, width } = placesOf(volume);
  const y = (score: number) => HEIGHT - score * HEIGHT;
  const go = (event: MouseEvent & { currentTarget: Element }) => {
    const { left, width: shown } = event.currentTarget.getBoundingClientRect();
    const at = ((event.clientX - left) / shown) * width;
    const nearest = places.reduce(
      (best, place, candidate) => (Math.abs(place + 0.5 - at) < Math.abs(places[best]! + 0.5 - at) ? candidate : best),
      0,
    );
    onGo(nearest);
  };
  return (
    <div class="strip">
      <div
        class="strip-bars"
        role="slider"
        tabIndex={0}
        aria-label={words.strip}
        aria-valuemin={1}
        aria-valuemax={total}
        aria-valuenow={index + 1}
        aria-valuetext={words.stripValue(index + 1, total, scores?.[index]?.toFixed(2) ?? '-')}
        onClick={go}
      >
        <svg viewBox={`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <defs>
            <pattern id="hatch" width="2" height="4" patternUnits="userSpaceOnUse">
              <path class="hatch" d="M0 4 2 0" vector-effect="non-scaling-stroke" />
            </pattern>
          </defs>
          {volume.gaps.map(({ afterSliceIndex, missingSlices }) => (
            <rect
              key={afterSliceIndex}
              class="gap"
              x={places[afterSliceIndex]! + 1}
              width={missingSlices}
              height={HEIGHT}
              fill="url(#hatch)"
            >
              <title>{words.gap(missingSlices)}</title>
            </rect>
          ))}
          {scores?.map((score, at) => (
            <rect
              key={at}
              class={threshold !== null && score >= threshold ? 'bar-high' : 'bar-low'}
              x={places[at]}
              y={y(score)}
              width="1"
              height={Math.max(0.5, score * HEIGHT)}
            />
          ))}
          {threshold !== null && (
            <line
              class="threshold"
              x1="0"
              x2={width}
              y1={y(threshold)}
              y2={y(threshold)}
              vector-effect="non-scaling-stroke"
            />
          )}
          <rect class="here" x={places[index]} width="1" height={HEIGHT} vector-effect="non-scaling-stroke" />
        </svg>
      </div>
      <div class="muted strip-legend">
        <span>{words.strip}</span>
        {threshold !== null && <span>{words.stripThreshold(threshold)}</span>}
        {volume.gaps.length > 0 && <span>{words.gaps(volume.gaps.length)}</span>}
      </div>
    </div>
  );
}

/** Where each slice stands: a missing one leaves a gap of its width. */
function placesOf({ positionsMm, gaps }: CaseVolume): { places: number[]; width: number } {
  const missingAfter = new Map(gaps.map((gap) => [gap.afterSliceIndex, gap.missingSlices]));
  const places: number[] = [];
  let place = 0;
  for (let at = 0; at < positionsMm.length; at += 1) {
    places.push(place);
    place += 1 + (missingAfter.get(at) ?? 0);
  }
  return { places, width: Math.max(1, place) };
}

/** The next slice in that direction whose score is a peak worth a look: at least half of the highest. */
export function nextPeak(scores: readonly number[], from: number, direction: -1 | 1): number | null {
  const highest = Math.max(...scores);
  for (let at = from + direction; at >= 0 && at < scores.length; at += direction) {
    const score = scores[at]!;
    if (score >= highest / 2 && score >= (scores[at - 1] ?? -1) && score > (scores[at + 1] ?? -1)) return at;
  }
  return null;
}
