// How the network's response is drawn, on the page and in the objects for the PACS.

/** Maximum opacity of the tint, so that the bone under it stays readable. */
export const LARGEST_ALPHA = 0.35;
/** Level of the contour, as a share of the slice's own peak. */
export const CONTOUR_LEVEL = 0.5;
/** The response whose colour the contour has. */
export const CONTOUR_COLOUR_AT = 0.8;

/** matplotlib's inferno at tenths: even steps in lightness, readable in greyscale and by colour-blind people. */
const INFERNO = [
  [0, 0, 4],
  [22, 11, 57],
  [66, 10, 104],
  [106, 23, 110],
  [147, 38, 103],
  [188, 55, 84],
  [221, 81, 58],
  [243, 120, 25],
  [252, 165, 10],
  [246, 215, 70],
  [252, 255, 164],
] as const;

export type Rgb = readonly [red: number, green: number, blue: number];

/** Colour of a response from 0 to 1. */
export function inferno(response: number): Rgb {
  const place = Math.min(1, Math.max(0, response)) * (INFERNO.length - 1);
  const below = Math.min(INFERNO.length - 2, Math.floor(place));
  const [low, high, share] = [INFERNO[below]!, INFERNO[below + 1]!, place - below];
  const mixed = (channel: 0 | 1 | 2) => Math.round(low[channel] * (1 - share) + high[channel] * share);
  return [mixed(0), mixed(1), mixed(2)];
}
