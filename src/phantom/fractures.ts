import type { Vertebra } from '../case/vertebrae.ts';
import { TriageError } from '../base/errors.ts';

/** Patterns of cervical fracture; the three dens types after Anderson and D'Alonzo. */
export const FRACTURE_TYPES = [
  'dens-1',
  'dens-2',
  'dens-3',
  'hangman',
  'jefferson',
  'burst',
  'teardrop',
  'compression',
  'facet',
  'lamina',
  'spinous',
  'transverse',
] as const;
export type FractureType = (typeof FRACTURE_TYPES)[number];

/** How easily a fracture is seen: gap, displacement, fragments and swelling decrease from obvious to subtle. */
export type Grade = 'obvious' | 'middle' | 'subtle';

export interface Fracture {
  /** `type@level`, as on the command line. */
  readonly name: string;
  readonly type: FractureType;
  readonly level: Vertebra;
}

const SUBAXIAL: readonly Vertebra[] = ['C3', 'C4', 'C5', 'C6', 'C7'];

const LEVELS_BY_TYPE: Readonly<Record<FractureType, readonly Vertebra[]>> = {
  'dens-1': ['C2'],
  'dens-2': ['C2'],
  'dens-3': ['C2'],
  hangman: ['C2'],
  jefferson: ['C1'],
  burst: SUBAXIAL,
  teardrop: ['C2', ...SUBAXIAL],
  compression: SUBAXIAL,
  facet: SUBAXIAL,
  lamina: SUBAXIAL,
  spinous: ['C5', 'C6', 'C7'],
  transverse: SUBAXIAL,
};

const CATALOGUE: readonly Fracture[] = FRACTURE_TYPES.flatMap((type) =>
  LEVELS_BY_TYPE[type].map((level) => ({ name: `${type}@${level}`, type, level })),
);

/** Every fracture that the phantom can have, by name. */
export const FRACTURES: readonly string[] = CATALOGUE.map((fracture) => fracture.name);

/** The names that {@link parseFracture} accepts. */
export function listFractures(): string[] {
  return [...FRACTURES];
}

/**
 * Reads a name such as `dens-2@C2` (case does not matter).
 * @throws TriageError `phantom-fracture-unknown`, naming the nearest known one.
 */
export function parseFracture(name: string): Fracture {
  const wanted = name.trim().toLowerCase();
  const found = CATALOGUE.find((fracture) => fracture.name.toLowerCase() === wanted);
  if (found) return found;
  const nearest = [...FRACTURES].sort(
    (a, b) => editDistance(wanted, a.toLowerCase()) - editDistance(wanted, b.toLowerCase()),
  )[0]!;
  throw new TriageError('phantom-fracture-unknown', `no fracture is called "${name}"; the nearest is "${nearest}"`, {
    context: { name, nearest },
  });
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
