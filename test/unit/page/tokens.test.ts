import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const page = new URL('../../../src/page/', import.meta.url);
const sheets = new Map(
  readdirSync(page, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.css'))
    .map((name) => [name, readFileSync(new URL(name, page), 'utf8')]),
);
const base = sheets.get('base.css')!;
/** Where colours are named; everything else uses the names. */
const RULES_BEGIN = '* {\n  box-sizing';

function tokens(selector: string): Record<string, string> {
  const block = base.slice(base.indexOf(`${selector} {`)).split('}')[0]!;
  return Object.fromEntries([...block.matchAll(/--([a-z]+): (#[0-9a-f]{6});/g)].map((match) => [match[1]!, match[2]!]));
}
const THEMES = { dark: tokens(':root'), light: tokens(":root[data-theme='light']") };
const channels = (hex: string): [number, number, number] =>
  [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];

/** Relative luminance and contrast of WCAG 2.2. */
function luminance(hex: string): number {
  const [red, green, blue] = channels(hex).map((value) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  ) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
function contrast(one: string, other: string): number {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

test('contrast is calculated as WCAG does', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

test.each(Object.entries(THEMES))(
  'every text of the %s theme can be read on both grounds, and every border be seen',
  (_theme, theme) => {
    expect(Object.keys(theme).sort()).toEqual([
      'background',
      'border',
      'domain',
      'fault',
      'flag',
      'info',
      'muted',
      'raised',
      'stale',
      'text',
    ]);
    for (const [name, colour] of Object.entries(theme)) {
      if (name === 'background' || name === 'raised') continue;
      for (const ground of [theme['background']!, theme['raised']!])
        expect(contrast(colour, ground), `${name} on ${ground}`).toBeGreaterThanOrEqual(name === 'border' ? 3 : 4.5);
    }
  },
);

/** Linear RGB as a person with one kind of cone missing has it (Machado, Oliveira, Fernandes 2009, severity 1). */
const DEFICIENCIES: Readonly<Record<string, readonly (readonly number[])[]>> = {
  none: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};
/** CIE L*a*b* (D65) of a colour as it is seen with that deficiency. */
function labSeen(hex: string, deficiency: readonly (readonly number[])[]): number[] {
  const linear = channels(hex).map((value) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  );
  const times = (matrix: readonly (readonly number[])[], of: readonly number[]) =>
    matrix.map((row) => row.reduce((sum, factor, at) => sum + factor * of[at]!, 0));
  const seen = times(deficiency, linear).map((value) => Math.min(1, Math.max(0, value)));
  const toXyz = [
    [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
    [0.2126729, 0.7151522, 0.072175],
    [0.0193339 / 1.08883, 0.119192 / 1.08883, 0.9503041 / 1.08883],
  ];
  const [x, y, z] = times(toXyz, seen).map((value) =>
    value > 216 / 24389 ? Math.cbrt(value) : ((24389 / 27) * value + 16) / 116,
  ) as [number, number, number];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
/** Colours that mean something: none may be taken for another. */
const MEANING = ['text', 'flag', 'fault', 'info', 'stale', 'domain'] as const;
/** CIE76: about six times what two patches side by side need to be told apart. */
const LEAST_DIFFERENCE = 15;

test('a colour difference is calculated as CIE76 does', () => {
  const difference = (one: string, other: string) =>
    Math.hypot(
      ...labSeen(one, DEFICIENCIES['none']!).map((value, at) => value - labSeen(other, DEFICIENCIES['none']!)[at]!),
    );
  expect(labSeen('#ff0000', DEFICIENCIES['none']!).map((value) => Math.round(value))).toEqual([53, 80, 67]);
  expect(difference('#000000', '#ffffff')).toBeCloseTo(100, 2);
});

test('no two colours with a meaning look alike to anybody, in either theme', () => {
  const alike = Object.entries(THEMES).flatMap(([theme, colours]) =>
    Object.entries(DEFICIENCIES).flatMap(([name, deficiency]) =>
      MEANING.flatMap((one, at) =>
        MEANING.slice(at + 1).flatMap((other) => {
          const [a, b] = [labSeen(colours[one]!, deficiency), labSeen(colours[other]!, deficiency)];
          const difference = Math.hypot(...a.map((value, axis) => value - b[axis]!));
          return difference < LEAST_DIFFERENCE ? [`${theme} ${name}: ${one}, ${other} ${difference.toFixed(1)}`] : [];
        }),
      ),
    ),
  );
  expect(alike).toEqual([]);
});

test('nothing is green: no colour where green leads both others', () => {
  const all = [...base.matchAll(/#[0-9a-f]{6}\b/gi)].map((match) => match[0]);
  expect(all.length).toBeGreaterThanOrEqual(20);
  for (const colour of all) {
    const [red, green, blue] = channels(colour);
    expect(green > red + 12 && green > blue + 12, colour).toBe(false);
  }
});

test('colours are named once: the rules of every room use the tokens', () => {
  expect(base).toContain(RULES_BEGIN);
  expect([...sheets.keys()].length).toBeGreaterThanOrEqual(10);
  for (const [name, css] of sheets) {
    // Ink on paper has no theme: print.css gives the tokens another value.
    const rules =
      name === 'print.css'
        ? css.replace(/--[a-z]+: #[0-9a-f]{6};/g, '')
        : name === 'base.css'
          ? css.slice(css.indexOf(RULES_BEGIN))
          : css;
    expect(rules, name).not.toMatch(/#[0-9a-f]{3,8}\b/i);
    expect(rules, name).not.toMatch(/\b(green|lime|teal|hsl|rgb|oklch|accent-color: (?!var))/);
  }
});
