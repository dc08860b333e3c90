/**
 * Score and threshold for people: two decimals, more if two different numbers would look the same, and never rounded to a certainty. A score of 0.996
 * that is not flagged from 1 never reads "1.00 from 1.00".
 */
export function scoreTexts(score: number, threshold: number): { score: string; threshold: string } {
  let digits = 2;
  while (digits < 6 && score !== threshold && rounded(score, digits) === rounded(threshold, digits)) digits++;
  return { score: rounded(score, digits), threshold: rounded(threshold, digits) };
}

/** A score in a table beside several thresholds: three decimals, more where it would look like one of them that it is not. */
export function scoreBeside(score: number, thresholds: readonly number[]): string {
  let digits = 3;
  while (
    digits < 6 &&
    thresholds.some((threshold) => threshold !== score && rounded(threshold, digits) === rounded(score, digits))
  )
    digits++;
  return rounded(score, digits);
}

function rounded(value: number, digits: number): string {
  const step = 10 ** -digits;
  if (value > 0 && value < step) return `< ${step.toFixed(digits)}`;
  if (value < 1 && value > 1 - step) return `> ${(1 - step).toFixed(digits)}`;
  return value.toFixed(digits);
}
