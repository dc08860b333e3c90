import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { scoreCurves } from '../../../src/thresholds/scoreCurves.ts';
import {
  figuresOf,
  startWhatIfProcess,
  type WhatIfProcess,
  type WhatIfQuestion,
} from '../../../src/web/whatIfFigures.ts';

const DAY_MS = 86_400_000;
const rule = (site: number) => ({ site, bySource: {} });

/** Scans of an invented site, one in ten with a fracture and a higher score. */
function question(count: number, proposed: number): WhatIfQuestion {
  const scans = Array.from({ length: count }, (_, index) => {
    const fracture = index % 10 === 0;
    const arrivedAtMs = index * (DAY_MS / 40);
    return {
      studyInstanceUid: `2.25.${index}`,
      sourceAeTitle: 'CT',
      scanner: '',
      score: fracture ? 0.5 + (index % 50) / 100 : (index % 60) / 100,
      fracture,
      wasFlagged: fracture,
      patient: index,
      stat: false,
      arrivedAtMs,
      scoredAtMs: arrivedAtMs + 60_000,
      localDay: `day-${Math.floor(arrivedAtMs / DAY_MS)}`,
      localHour: index % 24,
      readAtMs: arrivedAtMs + 3_600_000,
    };
  });
  return { scored: scans, read: scans, now: rule(0.5), proposed: rule(proposed), maxWaitMs: 3_600_000 };
}

let figures: WhatIfProcess;
beforeEach(() => {
  figures = startWhatIfProcess();
});
afterEach(() => {
  figures.close();
});

it('answers each question with its own figures, in turn, as they would be computed here', async () => {
  const questions = [0.4, 0.6, 0.8].map((proposed) => question(400, proposed));
  expect(await Promise.all(questions.map((one) => figures.ask('whatIf', one)))).toEqual(questions.map(figuresOf));
});

it('answers with the curves of the scores, too', async () => {
  const { scored } = question(400, 0.4);
  expect(await figures.ask('curves', { scored })).toEqual(scoreCurves(scored));
});

it('leaves the agent free meanwhile', async () => {
  await figures.ask('whatIf', question(10, 0.4));
  const answered = figures.ask('whatIf', question(8_000, 0.4));
  // Computed here, the answer would be there before any timer could run.
  expect(await Promise.race([answered.then(() => 'the answer'), systemClock.sleep(1).then(() => 'a timer')])).toBe(
    'a timer',
  );
  await answered;
});

it('says what went wrong with a question, and goes on', async () => {
  await expect(
    figures.ask('whatIf', { ...question(10, 0.4), scored: null } as unknown as WhatIfQuestion),
  ).rejects.toThrow(/null/);
  expect(await figures.ask('whatIf', question(10, 0.4))).toEqual(figuresOf(question(10, 0.4)));
});
