/** The operating point used to judge a scan. */
export interface Threshold {
  version: number;
  value: number;
  /** The site has stopped AI flags: scans are not analysed, and say so. */
  stopped: boolean;
}
