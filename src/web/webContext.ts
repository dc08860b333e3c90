import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import type { ThresholdChanges } from '../worklist/thresholds/thresholdChanges.ts';
import type { WorklistQuery } from '../worklist/list/worklistQuery.ts';
import type { Access } from './access/access.ts';
import type { Administration } from './administration.ts';
import type { SystemStatus } from '../answers/systemAnswer.ts';
import type { DicomWeb } from './dicomWeb/dicomWeb.ts';
import type { LiveFeed } from './liveFeed.ts';
import type { PatientNames } from './patientNames.ts';
import type { StowGate } from './stowGate.ts';
import type { SliceImages } from './sliceImages.ts';
import type { WhatIfProcess } from './whatIfFigures.ts';

/** What the route handlers may use. */
export interface WebContext {
  query: WorklistQuery;
  store: WorklistStore;
  thresholds: ThresholdChanges;
  whatIf: WhatIfProcess;
  system: () => Promise<SystemStatus>;
  maxWaitMinutes: number;
  /** A site's choice: no heatmap and no slice score in any response. */
  triageOnly: boolean;
  /** Address of the site's viewer, with placeholders; null without one. */
  viewerTemplate: string | null;
  slices: SliceImages;
  /** The key image on the triage card at a path, as PNG; null for a card without one. */
  keyImage: (path: string) => Promise<Uint8Array | null>;
  names: PatientNames;
  admin: Administration;
  stow: StowGate;
  /** Null where the site has not switched it on. */
  dicomWeb: DicomWeb | null;
  feed: LiveFeed;
  access: Access;
  /** Path below which a reverse proxy serves the page; empty for none. */
  basePath: string;
  /** OpenAPI of the route table. */
  description: () => { openapi: string };
  clock: Clock;
  log: Log;
}
