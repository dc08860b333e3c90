import { describe, expect, it } from 'vitest';
import { virtualKind, virtualRefusal } from '../../../src/assemble/virtualImage.ts';
import type { InstanceHeader } from '../../../src/case/case.ts';
import { instanceOf } from './syntheticStudy.ts';

const MAP = 'a map of materials, computed from two energies';
const COMPUTED = 'a picture that was computed from other images';
const MONO = 'a virtual monoenergetic image';
const PROJECTED = 'a projection of several slices';

const ORIGINAL = ['ORIGINAL', 'PRIMARY', 'AXIAL'];
const DERIVED = ['DERIVED', 'SECONDARY', 'AXIAL'];

describe('an image that is no plain reconstruction', () => {
  it.each<[string, Partial<InstanceHeader>, string | null, 'refused' | 'taken']>([
    ['plain', { seriesDescription: 'C-Spine bone 1.0' }, null, 'taken'],
    ['only the words behind the second of its type count', { imageType: ['VNC', 'WATER', 'AXIAL'] }, null, 'taken'],

    ['in other units', { rescaleType: 'MGML' }, 'a map of materials (RescaleType MGML)', 'refused'],
    [
      'in units of a long name',
      { rescaleType: 'ABCDEFGHIJKLMNOPQ' },
      'a map of materials (RescaleType ABCDEFGHIJKLMNOP)',
      'refused',
    ],
    ['of 59 keV', { kiloElectronvolt: 59 }, 'a virtual image at 59 keV', 'refused'],
    ['of 60 keV', { kiloElectronvolt: 60 }, 'a virtual image at 60 keV', 'taken'],
    ['of 90 keV', { kiloElectronvolt: 90 }, 'a virtual image at 90 keV', 'taken'],
    ['of 91 keV', { kiloElectronvolt: 91 }, 'a virtual image at 91 keV', 'refused'],

    ['a map by its type', { imageType: ['DERIVED', 'PRIMARY', 'VNC'] }, MAP, 'refused'],
    ['a map by its fourth value', { imageType: [...DERIVED, 'VNC'] }, MAP, 'refused'],
    ['a map that says it is original and axial', { imageType: [...ORIGINAL, 'VNC'] }, MAP, 'taken'],
    ['the same in lower case', { imageType: ['original', 'primary', 'axial', 'vnc'] }, MAP, 'taken'],
    ['original, but not axial', { imageType: ['ORIGINAL', 'PRIMARY', 'VNC'] }, MAP, 'refused'],
    ['a material in its type', { imageType: ['DERIVED', 'SECONDARY', 'IODINE'] }, MAP, 'refused'],
    ['a material in the type of an original', { imageType: [...ORIGINAL, 'WATER'] }, MAP, 'taken'],
    ['computed by its type', { imageType: ['DERIVED', 'SECONDARY', 'SUBTRACTION'] }, COMPUTED, 'refused'],
    ['computed, and original', { imageType: [...ORIGINAL, 'FUSED'] }, COMPUTED, 'taken'],

    ['a map by its description', { imageType: DERIVED, seriesDescription: 'Neck VNC' }, MAP, 'refused'],
    ['the same, derived in lower case', { imageType: ['derived'], seriesDescription: 'Neck VNC' }, MAP, 'refused'],
    ['the same without a type', { imageType: [], seriesDescription: 'Neck VNC' }, MAP, 'refused'],
    ['an original with such a description', { seriesDescription: 'Neck VNC' }, MAP, 'taken'],
    ['one value, which says original', { imageType: ['ORIGINAL'], seriesDescription: 'Neck iodine' }, null, 'taken'],
    ['derived, with a material in its name', { imageType: DERIVED, seriesDescription: 'Neck iodine' }, MAP, 'taken'],
    ['without a type, with a material', { imageType: [], seriesDescription: 'Neck Jod' }, MAP, 'taken'],
    ['an original with a material', { seriesDescription: 'Neck iodine contrast' }, null, 'taken'],
    ['derived, and an overlay', { imageType: DERIVED, seriesDescription: 'AI overlay' }, COMPUTED, 'taken'],
    ['an original of that name', { seriesDescription: 'AI overlay' }, null, 'taken'],

    ['monoenergetic by its type', { imageType: [...ORIGINAL, 'MONO'] }, MONO, 'taken'],
    ['derived and monoenergetic', { imageType: DERIVED, seriesDescription: 'VMI bone' }, MONO, 'taken'],
    ['an original of that name, too', { seriesDescription: 'VMI bone' }, null, 'taken'],
    ['a projection by its type', { imageType: [...ORIGINAL, 'MIP'] }, PROJECTED, 'taken'],
    ['a projection by its description', { seriesDescription: 'Bone MIP' }, PROJECTED, 'taken'],
  ])('%s', (_what, header, kind, verdict) => {
    const image = instanceOf(header).header;
    expect(virtualKind(image)).toBe(kind);
    expect(virtualRefusal(image)).toBe(verdict === 'refused' ? kind : null);
  });
});
