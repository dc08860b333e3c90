import { OTHER_STORAGE_SOP_CLASSES, STORAGE_ROOT } from './sopClasses.ts';

/** Endings of the Storage SOP classes after the common root (PS3.6 A), by their first number; `-`: that number alone. */
const ENDINGS: readonly (readonly [first: string, rest: string])[] = [
  ['1', '- .1 .1.1 .2 .2.1 .3 .3.1'], // Radiography, mammography
  ['2', '- .1 .2'], // CT
  ['3', '- .1'], // Ultrasound multi-frame
  ['4', '- .1 .2 .3 .4'], // MR
  ['5', '-'], // Nuclear Medicine, retired
  ['6', '- .1 .2 .3'], // Ultrasound
  ['7', '- .1 .2 .3 .4'], // Secondary Capture
  ['8', '-'], // Overlay, retired
  ['9', '- .1 .1.1 .1.2 .1.3 .1.4 .2.1 .3.1 .4.1 .4.2 .5.1 .6.1 .6.2 .7.1 .7.2 .7.3 .7.4 .8.1 .100.1 .100.2'], // Waveforms
  ['10', '-'], // Modality LUT, retired
  ['11', '- .1 .2 .3 .4 .5 .6 .7 .8 .9 .10 .11 .12'], // Presentation states
  ['12', '.1 .1.1 .2 .2.1 .3 .77'], // X-ray angiography, radiofluoroscopy
  ['13', '.1.1 .1.2 .1.3 .1.4 .1.5'], // X-ray 3D, tomosynthesis
  ['14', '.1 .2'], // Intravascular OCT
  ['20', '-'], // Nuclear Medicine
  ['30', '-'], // Parametric Map
  ['40', '-'], // Retired
  ['66', '- .1 .2 .3 .4 .5 .6 .7 .8'], // Raw data, registration, segmentation
  ['67', '-'], // Real World Value Mapping
  ['68', '.1 .2'], // Surface scan
  [
    '77',
    '.1 .1.1 .1.1.1 .1.2 .1.2.1 .1.3 .1.4 .1.4.1 .1.5.1 .1.5.2 .1.5.3 .1.5.4 .1.5.5 .1.5.6 .1.5.7 .1.5.8 .1.6 .1.7 .1.8 .1.9 .2',
  ], // Visible light, ophthalmology
  ['78', '.1 .2 .3 .4 .5 .6 .7 .8'], // Ophthalmic measurements
  ['79', '.1'], // Macular grid
  ['80', '.1'], // Visual field
  ['81', '.1'], // Ophthalmic thickness
  ['82', '.1'], // Corneal topography
  ['88', '.1 .2 .3 .4 .11 .22 .33 .34 .35 .40 .50 .59 .65 .67 .68 .69 .70 .71 .72 .73 .74 .75 .76 .77'], // Structured reports
  ['90', '.1'], // Content assessment
  ['91', '.1'], // Microscopy annotations
  ['104', '.1 .2 .3 .4 .5'], // Encapsulated documents
  ['128', '- .1'], // PET
  ['129', '-'], // PET curve, retired
  ['130', '-'], // Enhanced PET
  ['131', '-'], // Structured Display
  ['200', '.1 .2 .3 .7 .8'], // Procedure protocols
  ['201', '.1'], // Inventory
  ['481', '.1 .2 .3 .4 .5 .6 .7 .8 .9 .10 .11 .12 .13 .14 .15 .16 .17 .18 .19 .20 .21 .22 .23 .24 .25'], // Radiotherapy
  ['501', '.1 .2.1 .2.2 .3 .4 .5 .6'], // DICOS
  ['601', '.1 .2'], // Eddy current
];

/**
 * The Storage SOP classes of the standard by name (PS3.4 B.5, GG.3), retired ones included: for a requestor that must name each class that may come. What is
 * taken is decided by `isStorageSopClass`, which takes later ones too.
 */
export const STORAGE_SOP_CLASSES: readonly string[] = [
  ...ENDINGS.flatMap(([first, rest]) =>
    rest.split(' ').map((ending) => `${STORAGE_ROOT}${first}${ending === '-' ? '' : ending}`),
  ),
  ...OTHER_STORAGE_SOP_CLASSES,
];
