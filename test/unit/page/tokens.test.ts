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
