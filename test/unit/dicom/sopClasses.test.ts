import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isStorageSopClass } from '../../../src/dicom/sopClasses.ts';

const list = readFileSync(new URL('./storageSopClasses.txt', import.meta.url), 'utf8');
const storage = [...list.matchAll(/^([0-9.]+) (.+)$/gm)].map(([, uid, name]) => [uid!, name!] as const);

describe('which SOP classes are Storage', () => {
  it('knows the list of another implementation', () => expect(storage).toHaveLength(194));
  it.each(storage)('%s %s', (uid) => expect(isStorageSopClass(uid)).toBe(true));
  it.each([
    ['1.2.840.10008.1.1', 'Verification'],
    ['1.2.840.10008.1.3.10', 'Media Storage Directory'],
    ['1.2.840.10008.1.20.1', 'Storage Commitment Push Model'],
    ['1.2.840.10008.5.1.4.1.2.2.1', 'Study Root Query/Retrieve - FIND'],
    ['1.2.840.10008.5.1.4.31', 'Modality Worklist - FIND'],
    ['1.2.840.10008.5.1.4.34.6.1', 'Unified Procedure Step - Push'],
    ['1.3.12.2.1107.5.9.1', 'a private class'],
    ['1.2.840.10008.5.1.4.1.1', 'the root itself'],
  ])('not %s %s', (uid) => expect(isStorageSopClass(uid)).toBe(false));
});
