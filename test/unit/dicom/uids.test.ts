import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivedUid, isValidUid } from '../../../src/dicom/uids.ts';

describe('UIDs', () => {
  it('derives the same UID from the same parts, on any machine', () => {
    expect(derivedUid('a', 'b')).toBe(derivedUid('a', 'b'));
    // Pinned: a change here would give every re-sent result a new identity.
    expect(derivedUid('implementation', 'odontoid')).toBe('2.25.48094409058686676218242877627043238933');
  });

  it('derives valid UIDs, and different ones for different lists of parts', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.string()), (a, b) => {
        expect(isValidUid(derivedUid(...a))).toBe(true);
        if (JSON.stringify(a) !== JSON.stringify(b)) expect(derivedUid(...a)).not.toBe(derivedUid(...b));
      }),
    );
    expect(derivedUid('ab', 'c')).not.toBe(derivedUid('a', 'bc'));
  });

  it.each(['1.2.3', '2.25.0', '1.2.840.10008.1.1'])('accepts %s', (uid) => expect(isValidUid(uid)).toBe(true));
  it.each(['', '1', '1.', '.1', '1..2', '1.02', '1.2/../3', '1.2\n', `1.${'1'.repeat(63)}`, '../../etc', '1.2.a'])(
    'refuses %j',
    (uid) => expect(isValidUid(uid)).toBe(false),
  );
});
