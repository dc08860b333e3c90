import { expect, it } from 'vitest';
import { drawOver, setGrey, wrapText } from '../../../src/report/drawing.ts';

it('elements are drawn over the picture by their opacity, each pixel and channel of its own', () => {
  const rgb = Uint8Array.from([255, 101, 7, 12, 200, 50, 90, 80, 70, 1, 2, 3, 30, 255, 60, 251, 252, 253]);
  drawOver(
    { rgb, rows: 2, columns: 3 },
    '<rect width="2" height="1" fill="#FF0000" fill-opacity="0.2"/><rect x="1" y="1" width="1" height="1" fill="#102030"/>',
  );
  // A fifth of red and four fifths of what was there: 51 + 0.8 * red, 0.8 * green, 0.8 * blue.
  expect([...rgb]).toEqual([255, 81, 6, 61, 160, 40, 90, 80, 70, 1, 2, 3, 16, 32, 48, 251, 252, 253]);
});

it('the faintest element is drawn, too', () => {
  const rgb = new Uint8Array(3);
  drawOver({ rgb, rows: 1, columns: 1 }, '<rect width="1" height="1" fill="#FFFFFF" fill-opacity="0.004"/>');
  expect([...rgb]).toEqual([1, 1, 1]);
});

it('a grey is set in all three channels of its pixel', () => {
  const rgb = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  setGrey(rgb, 1, 77);
  expect([...rgb]).toEqual([1, 2, 3, 77, 77, 77, 7, 8, 9]);
  setGrey(rgb, 2, 78);
  expect([...rgb]).toEqual([1, 2, 3, 77, 77, 77, 78, 78, 78]);
});

// 60 px of a 10 px font hold ten characters.
it.each([
  ['abcd efghi jkl', 60, 3, ['abcd efghi', 'jkl']],
  ['abcd efghij jkl', 60, 3, ['abcd', 'efghij jkl']],
  ['abcd efghijk lm', 60, 3, ['abcd', 'efghijk lm']],
  ['abcdefghijklm', 60, 3, ['abcdefghij', 'klm']],
  ['abcd efghi jkl', 60, 1, ['abcd efgh\u2026']],
  ['one two three four five', 60, 2, ['one two', 'three fou\u2026']],
  ['one two three four', 60, 2, ['one two', 'three four']],
  ['abcdefghi', 1, 3, ['abcdefgh', 'i']],
])('%j on %d px in at most %d lines', (sentence, widthPx, most, lines) => {
  expect(wrapText(sentence, widthPx, 10, most)).toEqual(lines);
});
