import { expect, test } from 'vitest';
import { scoreBeside, scoreTexts } from '../../../src/case/scoreTexts.ts';

test.each([
  [0.31, 0.5, '0.31', '0.50'],
  [0.996, 1, '> 0.99', '1.00'],
  [0.99, 0.01, '0.99', '0.01'],
  [0.009, 0, '< 0.01', '0.00'],
  [0.5012, 0.5031, '0.501', '0.503'],
  [0.5000001, 0.5000002, '0.500000', '0.500000'],
])('%f from %f reads %s from %s', (score, threshold, scoreText, thresholdText) => {
  expect(scoreTexts(score, threshold)).toEqual({ score: scoreText, threshold: thresholdText });
});

test.each([
  [0.5, [0.5], '0.500'],
  [0.1234, [0.9, 0.1233], '0.1234'],
  [0.1234, [0.9, 0.7], '0.123'],
  [0.2000001, [0.2000002], '0.200000'],
])('%f beside %j reads %s', (score, thresholds, text) => {
  expect(scoreBeside(score, thresholds)).toBe(text);
});
