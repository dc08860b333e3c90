import { expect, test } from 'vitest';
import { CONTOUR_COLOUR_AT, CONTOUR_LEVEL, inferno, LARGEST_ALPHA } from '../../../src/case/responseColour.ts';

/** Of `matplotlib.cm.inferno(response)`. */
const MATPLOTLIB = [
  [0, 0.001462, 0.000466, 0.013866],
  [0.1, 0.087411, 0.044556, 0.224813],
  [0.2, 0.258234, 0.038571, 0.406485],
  [0.3, 0.416331, 0.090203, 0.432943],
  [0.4, 0.578304, 0.148039, 0.404411],
  [0.5, 0.735683, 0.215906, 0.330245],
  [0.6, 0.865006, 0.316822, 0.226055],
  [0.7, 0.954506, 0.468744, 0.099874],
  [0.8, 0.987622, 0.64532, 0.039886],
  [0.9, 0.964394, 0.843848, 0.273391],
  [1, 0.988362, 0.998364, 0.644924],
] as const;

test.each(MATPLOTLIB)('the colour of %d is that of matplotlib', (response, ...colour) => {
  expect(inferno(response)).toEqual(colour.map((channel) => Math.round(255 * channel)));
});

test.each([
  [0.25, [86, 17, 107]],
  [0.74, [247, 138, 19]],
  [0.98, [251, 247, 145]],
  [-0.5, [0, 0, 4]],
  [1.5, [252, 255, 164]],
])('the colour of %d lies between its neighbours', (response, colour) => {
  expect(inferno(response)).toEqual(colour);
});

test('the contour is drawn at half of the strongest response, and the tint ends at 35 %, as the guide for readers says', () => {
  expect([CONTOUR_LEVEL, LARGEST_ALPHA, CONTOUR_COLOUR_AT]).toEqual([0.5, 0.35, 0.8]);
});
