import { describe, expect, it } from 'vitest';
import { TriageError } from '../../../src/base/errors.ts';
import { FRACTURES, listFractures, parseFracture } from '../../../src/phantom/fractures.ts';

describe('fracture names', () => {
  it('lists each once, and reads back every one that it lists', () => {
    const names = listFractures();
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(FRACTURES);
    for (const name of names) expect(parseFracture(name).name).toBe(name);
    expect(names).toContain('dens-2@C2');
  });

  it('reads names whatever their case', () => {
    expect(parseFracture(' Burst@c5 ')).toEqual({ name: 'burst@C5', type: 'burst', level: 'C5' });
  });

  it('refuses an unknown name and says the nearest', () => {
    const read = (): unknown => parseFracture('dens2@C2');
    expect(read).toThrow(TriageError);
    expect(read).toThrow(/nearest is "dens-[123]@C2"/);
    expect(() => parseFracture('hangman@C5')).toThrow(/hangman@C2/);
  });
});
