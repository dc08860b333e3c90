import { z } from 'zod';
import { milliseconds } from './values.ts';

/** Which studies and series are analysed, and when a study counts as complete. */
export const assembleSettings = z
  .strictObject({
    quietMs: milliseconds(100, 3_600_000)
      .default(20_000)
      .describe('A study whose geometry is not whole is assembled after this long without a new slice.'),
    longestPauseMs: milliseconds(0, 60_000)
      .default(5_000)
      .describe(
        'How soon after a released association a sender goes on with a study that it sends in parts. A sender that did so lately, or that no study has come from since the start, is waited for this long; all others are believed at once. Raise it where series of one study come further apart. 0: every release is believed.',
      ),
    minSlices: z.int().min(3).max(2_000).default(20).describe('Fewest slices of a series that is analysed.'),
    maxSlices: z
      .int()
      .min(50)
      .max(20_000)
      .default(3_000)
      .describe('Most slices of a series that is analysed; a longer one is not eligible, visibly.'),
    maxSliceThicknessMm: z
      .number()
      .min(0.3)
      .max(10)
      .default(4.5)
      .describe('Thickest slice, and widest distance between neighbours, that is analysed, mm.'),
    minCoverageMm: z
      .number()
      .min(10)
      .max(1_000)
      .default(80)
      .describe('Shortest cranio-caudal coverage that is analysed, mm.'),
    axialToleranceDegrees: z
      .number()
      .min(1)
      .max(45)
      .default(30)
      .describe('Largest angle between the slice normal and the cranio-caudal axis, degrees.'),
    maxAgeHours: z
      .number()
      .min(0)
      .max(876_000)
      .default(72)
      .describe(
        'A scan that is older than this when it comes is a prior: kept, linked from the newer cases of the patient, in no list of scans to read and in no alert. Its age is that of its newest date (acquisition or study); a scan without a readable date, or dated in the future, is new, and the case says so. 0: no scan is a prior.',
      ),
    priors: z
      .enum(['keep', 'analyse'])
      .default('keep')
      .describe(
        'What is done with a prior. `keep`: it is not analysed, and no report is written or sent. `analyse`: it is analysed after all new scans and its results are sent like those of others; it is still in no list of scans to read.',
      ),
    maxMissingShare: z
      .number()
      .min(0)
      .max(0.5)
      .default(0.05)
      .describe('Largest share of missing slices with which a series is still analysed, 0 to 1.'),
  })
  .prefault({});

/** The network and the process that runs it. */
export const inferSettings = z
  .strictObject({
    modelDir: z
      .string()
      .min(1)
      .default('models/compact')
      .describe('Folder of the model package. Relative paths start at the package root.'),
    provider: z
      .enum(['auto', 'cpu', 'cuda'])
      .default('auto')
      .describe('`auto` takes CUDA where it works, else the CPU, and says which. `cuda` fails where there is none.'),
    threads: z
      .int()
      .min(0)
      .max(256)
      .default(0)
      .describe(
        'Slices that are read, decoded and encoded at the same time, each in a thread with a network of its own; fewer where `memoryLimitMb` is small. 0 takes one for each core.',
      ),
    niceness: z
      .int()
      .min(0)
      .max(19)
      .default(10)
      .describe('Process priority of the inference child: receiving always comes first.'),
    memoryLimitMb: z
      .int()
      .min(256)
      .max(1_048_576)
      .default(4_096)
      .describe('Largest memory of the inference child, MB; beyond it the child is replaced and the case tried again.'),
    timeoutMs: milliseconds(1_000, 3_600_000)
      .default(120_000)
      .describe('Longest time for one slice or one classification before the child is killed and replaced.'),
    encodeOnArrival: z
      .boolean()
      .default(true)
      .describe('Encode slices while the study is still arriving, so that only the classifier waits for the last one.'),
  })
  .prefault({});

/** The result objects. */
export const reportSettings = z
  .strictObject({
    heatmaps: z
      .boolean()
      .default(true)
      .describe(
        'Write key slices with heatmaps. `false` is the triage-only mode: no heatmap and no slice scores leave the agent.',
      ),
    notEligible: z
      .boolean()
      .default(true)
      .describe('Write a "could not be analysed" SR for studies without an eligible series too.'),
    institutionName: z
      .string()
      .max(64)
      .default('')
      .describe('InstitutionName (0008,0080) of the written objects; empty leaves it out.'),
    memoryLimitMb: z
      .int()
      .min(256)
      .max(1_048_576)
      .default(1_024)
      .describe(
        'Largest memory of the process that writes reports, MB; beyond it the process is replaced and the report tried again.',
      ),
    timeoutMs: milliseconds(1_000, 3_600_000)
      .default(120_000)
      .describe(
        'Longest time for writing one report, without decoding its key slices, before the process is ended and the report tried again.',
      ),
  })
  .prefault({});

/** Attempts and leases of the stages. */
export const pipelineSettings = z
  .strictObject({
    maxAttempts: z
      .int()
      .min(1)
      .max(10)
      .default(3)
      .describe('Attempts of a stage before the case is marked failed, visibly.'),
    leaseMs: milliseconds(1_000, 600_000)
      .default(60_000)
      .describe('A stage that has not renewed its lease for this long has lost the case to another worker.'),
    retryMinMs: milliseconds(10, 600_000)
      .default(2_000)
      .describe('First wait after a failed attempt; doubled at each failure, with jitter.'),
  })
  .prefault({});
