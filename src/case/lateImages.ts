import type { CaseManifest, Findings, InstanceHeader, StoredInstance } from './case.ts';

/** Images that came after their study was assembled, and what has become of it so far. */
export interface LateImages {
  late: readonly InstanceHeader[];
  /** Null while the study has none. */
  manifest: CaseManifest | null;
  findings: Pick<Findings, 'decision' | 'reasonCode' | 'reason'> | null;
  /** Header of the object with the first analysed image; null where there is none. */
  analysed: InstanceHeader | null;
  /** UIDs of the series that were judged, where retention has removed their files since; null while the files are here. */
  goneSeries: ReadonlySet<string> | null;
  /** Every object of the study that is here, the late ones included: read only where the headers do not decide. */
  all: () => Promise<readonly StoredInstance[]>;
}
