import { expect, it } from 'vitest';
import { robustnessRow, type Judged } from '../../../training/robustnessTable.ts';

const scan = (id: string, label: boolean, probability: number | null): Judged => ({ id, label, probability });
const BEFORE = [
  scan('intact-low', false, 0.1),
  scan('intact-at', false, 0.4),
  scan('intact-refused', false, null),
  scan('broken-high', true, 0.9),
  scan('broken-low', true, 0.39),
  scan('broken-lost', true, 0.8),
];

it('an unchanged scan flips nothing, and the threshold itself is flagged', () => {
  expect(robustnessRow('none', BEFORE, BEFORE, 0.4)).toBe('| none | 1/2 | 2/3 | 0/5 | 0/5 | 1/6 |');
});

it('flips are counted of the scans that were analysed both times, whatever the order of the cases', () => {
  const after = [
    scan('broken-lost', true, null),
    scan('broken-low', true, 0.7),
    scan('broken-high', true, 0.2),
    scan('intact-refused', false, 0.9),
    scan('intact-at', false, 0.3),
    scan('intact-low', false, 0.5),
  ];
  // To flagged: broken-low and intact-low. To not flagged: broken-high and intact-at. Refused before or after: no flip.
  expect(robustnessRow('blur', BEFORE, after, 0.4)).toBe('| blur | 2/3 | 1/2 | 2/4 | 2/4 | 1/6 |');
});
