import type { Clock, Log } from '../ports.ts';
import type { WorklistStore } from '../worklist/caseStore.ts';
import type { ThresholdDesk } from '../worklist/thresholdDesk.ts';
import type { WorklistQuery } from '../worklist/worklistQuery.ts';
import type { Access } from './access/access.ts';
import type { SystemStatus } from './answers/systemAnswer.ts';
import type { LiveFeed } from './liveFeed.ts';

/** What the handlers of the routes may use. */
export interface WebContext {
  query: WorklistQuery;
  store: WorklistStore;
  thresholds: ThresholdDesk;
  system: () => Promise<SystemStatus>;
  maxWaitMinutes: number;
  feed: LiveFeed;
  access: Access;
  /** OpenAPI of the route table. */
  description: () => { openapi: string };
  clock: Clock;
  log: Log;
}
