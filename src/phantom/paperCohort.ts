import { FRACTURE_TYPES, FRACTURES, type Grade } from './fractures.ts';
import { drawPhantomParams, type PhantomParams } from './phantomParams.ts';
import { seededRandom, type Random } from '../base/random.ts';

/** The paper's section 3.1: 729 of 3,666 cases have a fracture. */
const PAPER_PREVALENCE = 729 / 3666;

/**
 * The patients. Of its Table 1 the paper's text keeps three facts: the prevalence, "the average of positive cases is 9 years greater", and
 * more men among the positives. The rest is our choice: normal distributions between these ages whose means (50.3 and 59.3, once cut) are nine years apart.
 */
const AGES = { youngest: 18, oldest: 95, deviation: 20, negativeCentre: 48, positiveCentre: 60.2 } as const;
const SHARE_OF_MEN = { negative: 0.5, positive: 0.6 } as const;
const SHARE_WITH_TWO = 0.2;
const GRADES: readonly (readonly [Grade, number])[] = [
  ['obvious', 0.3],
  ['middle', 0.45],
  ['subtle', 0.25],
];

export interface PaperCohortWish {
  /** Case k is phantom `seed + k`. */
  readonly seed: number;
  readonly count: number;
  /** 0..1; the paper's prevalence when absent. */
  readonly prevalence?: number | undefined;
  readonly slices?: number | undefined;
  readonly rows?: number | undefined;
}

/**
 * Generates a cohort with the paper's description of its patients. Every prefix has the prevalence to within one case, and case k does not depend on
 * `count`: a cohort can grow.
 */
export function drawPaperCohort({
  seed,
  count,
  prevalence = PAPER_PREVALENCE,
  slices,
  rows,
}: PaperCohortWish): PhantomParams[] {
  const start = seededRandom('paper-cohort', seed).next();
  return Array.from({ length: count }, (_, k) => {
    const isPositive = Math.floor((k + 1) * prevalence + start) > Math.floor(k * prevalence + start);
    const random = seededRandom('paper-case', seed + k);
    const ageYears = drawAge(random, isPositive ? AGES.positiveCentre : AGES.negativeCentre);
    const sex = random.chance(isPositive ? SHARE_OF_MEN.positive : SHARE_OF_MEN.negative)
      ? ('M' as const)
      : ('F' as const);
    return drawPhantomParams(seed + k, {
      ageYears,
      sex,
      slices,
      rows,
      fractures: isPositive ? drawBreaks(random) : 'none',
    });
  });
}

function drawAge(random: Random, centre: number): number {
  for (;;) {
    const age = Math.round(random.normal(centre, AGES.deviation));
    if (age >= AGES.youngest && age <= AGES.oldest) return age;
  }
}

/** One fracture or two, chosen by type first: otherwise the types that occur at many levels crowd out the dens and the atlas. Two have the case's one grade. */
function drawBreaks(random: Random): { fracture: string; grade: Grade }[] {
  const u = random.next();
  const grade = u < GRADES[0]![1] ? GRADES[0]![0] : u < GRADES[0]![1] + GRADES[1]![1] ? GRADES[1]![0] : GRADES[2]![0];
  const names = new Set<string>();
  const wanted = random.chance(SHARE_WITH_TWO) ? 2 : 1;
  while (names.size < wanted) {
    const type = random.pick(FRACTURE_TYPES);
    names.add(random.pick(FRACTURES.filter((name) => name.startsWith(`${type}@`))));
  }
  return [...names].map((fracture) => ({ fracture, grade }));
}
