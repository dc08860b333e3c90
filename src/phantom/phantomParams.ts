import { FRACTURES, parseFracture, type Grade } from './fractures.ts';
import { seededRandom, type Random } from '../base/random.ts';
import { layOutSpine, type SpineShape } from './spine.ts';

/** How the patient lay: the pixels of the same patient, turned as such a scan stores them. */
type PatientPosition = 'HFS' | 'HFP' | 'FFS' | 'FFP';

/** Every random value of one phantom, drawn from its seed; plain data, so that it can be stored and read back. */
export interface PhantomParams {
  readonly seed: number;
  readonly rows: number;
  readonly columns: number;
  readonly slices: number;
  readonly sliceSpacingMm: number;
  readonly sliceThicknessMm: number;
  readonly pixelSpacingMm: number;
  readonly patient: { readonly sex: 'F' | 'M'; readonly ageYears: number };
  readonly spine: SpineShape;
  readonly tissue: {
    /** Girth of the neck and thickness of its fat, relative to the average. */
    readonly girth: number;
    readonly fatMm: number;
    /** Additional prevertebral soft tissue at a level: swelling also exists without a fracture. */
    readonly swellingMm: number;
    readonly swellingLevel: number;
    /** Contrast in the vessels, HU above blood. */
    readonly contrastHu: number;
    readonly shouldersRaisedMm: number;
  };
  readonly bone: {
    readonly cortexHu: number;
    readonly cancellousHu: number;
    readonly textureHu: number;
    readonly cortexFactor: number;
  };
  readonly position: {
    /** Image centre from the spine's. */
    readonly offsetXMm: number;
    readonly offsetYMm: number;
    readonly tableZMm: number;
    /** Tilt of the slice plane about the patient's x axis. */
    readonly tiltDegrees: number;
    readonly patientPosition: PatientPosition;
  };
  readonly acquisition: {
    readonly kernel: 'bone' | 'soft';
    readonly noiseHu: number;
    readonly shoulderStreakHu: number;
    readonly metalTeeth: number;
    readonly dentalStreakHu: number;
    readonly motionMm: number;
    readonly kvp: number;
  };
  readonly confounders: {
    /** 0 none to 1 severe: osteophytes, narrow discs, sclerotic end plates. */
    readonly degeneration: number;
    readonly nutrientChannels: number;
    readonly ossicles: number;
    readonly ligamentCalcifications: number;
    readonly healedFractures: number;
    readonly atlasCleft: boolean;
  };
  readonly fractures: readonly { readonly name: string; readonly grade: Grade }[];
}

/** What the caller chooses; everything else is random. */
export interface PhantomOptions {
  /** Names with or without a grade, `none`, or absent for a mix of positives and negatives. */
  fractures?: readonly { fracture: string; grade?: Grade | undefined }[] | 'none' | undefined;
  /** Number of slices; the spacing follows from the full coverage, up to 4.2 mm. With fewer slices the scan covers less, around the fracture. */
  slices?: number | undefined;
  sliceSpacingMm?: number | undefined;
  rows?: number | undefined;
  columns?: number | undefined;
  fieldOfViewMm?: number | undefined;
  ageYears?: number | undefined;
  sex?: 'F' | 'M' | undefined;
  kernel?: 'bone' | 'soft' | undefined;
  tiltDegrees?: number | undefined;
  patientPosition?: PatientPosition | undefined;
}

/** Beyond this a series would be refused as too thick, and a fracture could fall between two slices. */
const WIDEST_REQUESTED_SPACING_MM = 4.2;

/**
 * Draws a phantom's parameters from its seed: the same seed and request give the same parameters, and the same seed gives
 * the same patient and scan whatever fractures are requested.
 * @throws TriageError `phantom-fracture-unknown`
 */
export function drawPhantomParams(seed: number, options: PhantomOptions = {}): PhantomParams {
  const stream = (name: string): Random => seededRandom('phantom', seed, name);

  const who = stream('patient');
  const ageYears = Math.round(who.chance(0.5) ? who.between(18, 50) : who.between(45, 92));
  const sex = who.chance(0.45) ? 'F' : 'M';
  const patient = { ageYears: options.ageYears ?? ageYears, sex: options.sex ?? sex } as const;
  const aged = Math.min(1, Math.max(0, (patient.ageYears - 30) / 60));

  const a = stream('anatomy');
  const degeneration = Math.min(1, Math.max(0, aged * a.between(0.3, 1.3) + a.normal(0, 0.08)));
  const spine: SpineShape = {
    scale: (patient.sex === 'F' ? 0.92 : 1.0) * Math.max(0.88, Math.min(1.12, a.normal(1, 0.045))),
    t1SlopeDegrees: Math.max(5, Math.min(38, a.normal(22, 6))),
    lordosisDegrees: Math.max(-8, Math.min(38, a.normal(15, 10))),
    headPitchDegrees: a.normal(0, 4),
    headRotationDegrees: Math.max(-12, Math.min(12, a.normal(0, 4))),
    lateralTiltDegrees: Math.max(-6, Math.min(6, a.normal(0, 2.2))),
    discFactors: [2, 3, 4, 5, 6, 7].map((level) =>
      Math.max(0.4, 1 - degeneration * (level >= 4 && level <= 6 ? a.between(0.1, 0.6) : a.between(0, 0.3))),
    ),
    heightFactors: Array.from({ length: 8 }, () => a.normal(1, 0.03)),
    widthFactors: Array.from({ length: 8 }, () => a.normal(1, 0.03)),
    jitterDegrees: Array.from({ length: 8 }, () => a.normal(0, 0.9)),
    canalFactor: Math.max(0.85, a.normal(1, 0.06)),
    bifid: Array.from({ length: 8 }, () => a.between(0.3, 1)),
  };

  const t = stream('tissue');
  const tissue = {
    girth: Math.max(0.86, Math.min(1.25, t.normal(patient.sex === 'F' ? 0.96 : 1.04, 0.07))),
    fatMm: t.between(3, 14),
    swellingMm: t.chance(0.25) ? t.between(1, 7) : 0,
    swellingLevel: t.between(1, 7),
    contrastHu: t.chance(0.15) ? t.between(120, 300) : 0,
    shouldersRaisedMm: t.chance(0.2) ? t.between(10, 25) : t.between(-6, 6),
  };

  const b = stream('bone');
  const dense = (1 - 0.45 * aged * (patient.sex === 'F' ? 1.15 : 0.85)) * Math.max(0.7, b.normal(1, 0.1));
  const bone = {
    cortexHu: b.between(1150, 1500) * (0.55 + 0.45 * dense),
    cancellousHu: 130 + b.between(210, 330) * dense,
    textureHu: b.between(45, 100),
    cortexFactor: b.between(0.85, 1.2) * (0.7 + 0.3 * dense),
  };

  const p = stream('position');
  const position = {
    offsetXMm: p.normal(0, 5),
    offsetYMm: p.normal(-6, 6),
    tableZMm: Math.round(p.between(-400, 400) * 10) / 10,
    tiltDegrees: options.tiltDegrees ?? 0,
    patientPosition: options.patientPosition ?? 'HFS',
  } as const;

  const q = stream('acquisition');
  const kernel = q.chance(0.65) ? ('bone' as const) : ('soft' as const);
  const chosenKernel = options.kernel ?? kernel;
  const fieldOfViewMm = q.chance(0.7) ? q.between(160, 205) : q.between(205, 250);
  const spacing = q.pick([0.5, 0.625, 0.75, 1, 1, 1, 1.25, 1.5, 2, 2, 2.5, 3]);
  const quiet = q.between(0.6, 1.4);
  const acquisition = {
    kernel: chosenKernel,
    noiseHu: (chosenKernel === 'bone' ? 38 : 11) * quiet,
    shoulderStreakHu: q.between(10, 75),
    metalTeeth: q.chance(0.45) ? q.integer(1, 5) : 0,
    dentalStreakHu: q.between(60, 320),
    motionMm: q.chance(0.12) ? q.between(0.3, 1.4) : 0,
    kvp: q.pick([100, 120, 120, 120, 140]),
  };

  const c = stream('confounders');
  const confounders = {
    degeneration,
    nutrientChannels: c.integer(2, 9),
    ossicles: c.chance(0.3) ? c.integer(1, 2) : 0,
    ligamentCalcifications: c.chance(0.15 + 0.35 * aged) ? c.integer(1, 3) : 0,
    healedFractures: c.chance(0.1) ? 1 : 0,
    atlasCleft: c.chance(0.04),
  };

  const rows = options.rows ?? options.columns ?? 512;
  const columns = options.columns ?? rows;
  const coverageMm = layOutSpine(spine).coverageMm;
  const sliceSpacingMm =
    options.sliceSpacingMm ??
    (options.slices === undefined
      ? spacing
      : Math.min(WIDEST_REQUESTED_SPACING_MM, Math.round((coverageMm / options.slices) * 1000) / 1000));
  const slices = options.slices ?? Math.ceil(coverageMm / sliceSpacingMm);
  return {
    seed,
    rows,
    columns,
    slices,
    sliceSpacingMm,
    // Beyond 3 mm a cervical CT would not be read for fractures, so quick tests use thinner slices with gaps.
    sliceThicknessMm: Math.min(3, Math.max(0.5, sliceSpacingMm)),
    pixelSpacingMm: Math.round(((options.fieldOfViewMm ?? fieldOfViewMm) / columns) * 1e5) / 1e5,
    patient,
    spine,
    tissue,
    bone,
    position,
    acquisition,
    confounders,
    fractures: drawFractures(stream('fractures'), options.fractures),
  };
}

function drawFractures(random: Random, options: PhantomOptions['fractures']): PhantomParams['fractures'] {
  const drawGrade = (): Grade => {
    const u = random.next();
    return u < 0.35 ? 'obvious' : u < 0.75 ? 'middle' : 'subtle';
  };
  if (options === 'none') return [];
  if (options !== undefined) {
    return options.map(({ fracture, grade }) => {
      const drawn = drawGrade();
      return { name: parseFracture(fracture).name, grade: grade ?? drawn };
    });
  }
  if (random.chance(0.5)) return [];
  const count = random.chance(0.3) ? 2 : 1;
  const names = new Set<string>();
  // By type first: otherwise the types that occur at many levels crowd out the dens and the atlas.
  const types = [...new Set(FRACTURES.map((name) => name.split('@')[0]!))];
  while (names.size < count) {
    const type = random.pick(types);
    names.add(random.pick(FRACTURES.filter((name) => name.startsWith(`${type}@`))));
  }
  return [...names].map((name) => ({ name, grade: drawGrade() }));
}
