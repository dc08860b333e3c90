/** What a site sends, and how long it keeps it. */
export interface SiteLoad {
  studiesPerDay: number;
  studiesInPeakHour: number;
  /** CT slices of a study that arrive, all its series together. */
  slicesReceived: number;
  /** Of them, those of the series that is analysed. */
  slicesAnalysed: number;
  /** 0..1, of the studies. */
  jpeg2000Share: number;
  /** Days until a study's images are removed. */
  retentionDays: number;
  /** Years of rows, which are kept after the images. */
  rowYears: number;
}

/** What a study costs on a machine. CPU times are of one core. */
export interface MachineFigures {
  receiveMsPerSlice: number;
  encodeMsPerSlice: number;
  /** Beside `encodeMsPerSlice`. */
  jpeg2000MsPerSlice: number;
  /** Assembling, ranking, report, page: whatever the number of slices. */
  otherMsPerStudy: number;
  nativeBytesPerSlice: number;
  jpeg2000BytesPerSlice: number;
  resultBytesPerStudy: number;
  rowBytesPerAnalysedSlice: number;
  residentMib: {
    agent: number;
    receiver: number;
    report: number;
    inferenceFirstThread: number;
    inferenceFurtherThread: number;
  };
}

/** What a site needs. */
export interface SiteSize {
  /** Core-seconds that a study costs. */
  cpuSecondsPerStudy: number;
  /** So many that the peak hour leaves a third of their time free. */
  cores: number;
  /** Share of the cores' time that the peak hour takes, 0..1. */
  peakUse: number;
  memoryMib: number;
  spoolGib: number;
  databaseGib: number;
  /** Spool, database, and as much again of the database for its copy, with a quarter to spare. */
  diskGib: number;
}

/** A queue that uses more of its servers' time than this grows long at every burst. */
const MOST_USE = 2 / 3;
const DISK_SPARE = 1.25;
const GIB = 2 ** 30;
/** What the operating system and its page cache need beside the agent. */
const SYSTEM_MIB = 512;

/** The figures of docs/performance.md and docs/benchmarks.md (2 cores, AMD EPYC), rounded to the slower side. */
const MEASURED: MachineFigures = {
  receiveMsPerSlice: 3,
  encodeMsPerSlice: 30,
  jpeg2000MsPerSlice: 40,
  otherMsPerStudy: 2_000,
  nativeBytesPerSlice: 530_000,
  jpeg2000BytesPerSlice: 250_000,
  resultBytesPerStudy: 5_000_000,
  rowBytesPerAnalysedSlice: 400,
  residentMib: { agent: 180, receiver: 80, report: 140, inferenceFirstThread: 220, inferenceFurtherThread: 100 },
};

/** Cores, memory and disk for a load. The inference child has a thread for each core, as by default. */
export function siteSize(load: SiteLoad, figures: MachineFigures = MEASURED): SiteSize {
  const { slicesReceived, slicesAnalysed, jpeg2000Share, studiesPerDay } = load;
  const cpuSecondsPerStudy =
    (slicesReceived * figures.receiveMsPerSlice +
      slicesAnalysed * (figures.encodeMsPerSlice + jpeg2000Share * figures.jpeg2000MsPerSlice) +
      figures.otherMsPerStudy) /
    1000;
  const peakCores = (load.studiesInPeakHour * cpuSecondsPerStudy) / 3600;
  // The page, and whoever administers the machine, need one that is not busy.
  const cores = Math.max(2, Math.ceil(peakCores / MOST_USE));
  const { agent, receiver, report, inferenceFirstThread, inferenceFurtherThread } = figures.residentMib;
  const sliceBytes = jpeg2000Share * figures.jpeg2000BytesPerSlice + (1 - jpeg2000Share) * figures.nativeBytesPerSlice;
  const spoolGib =
    (studiesPerDay * load.retentionDays * (slicesReceived * sliceBytes + figures.resultBytesPerStudy)) / GIB;
  const databaseGib = (studiesPerDay * 365 * load.rowYears * slicesAnalysed * figures.rowBytesPerAnalysedSlice) / GIB;
  return {
    cpuSecondsPerStudy,
    cores,
    peakUse: peakCores / cores,
    memoryMib: SYSTEM_MIB + agent + receiver + report + inferenceFirstThread + (cores - 1) * inferenceFurtherThread,
    spoolGib,
    databaseGib,
    diskGib: DISK_SPARE * (spoolGib + 2 * databaseGib),
  };
}
