import type { Route } from './route.ts';
import { adminRoutes } from './routes/admin.ts';
import { apiRoutes } from './routes/api.ts';
import { auditRoutes } from './routes/audit.ts';
import { caseRoutes } from './routes/case.ts';
import { dicomWebRoutes } from './routes/dicomWeb.ts';
import { handOverRoutes } from './routes/handOver.ts';
import { dicomWebRetrievalRoutes } from './routes/dicomWebRetrieval.ts';
import { modelRoutes } from './routes/models.ts';
import { oidcRoutes } from './routes/oidc.ts';
import { readingRoutes } from './routes/reading.ts';
import { sessionRoutes } from './routes/session.ts';
import { setUpRoutes } from './routes/setUp.ts';
import { systemRoutes } from './routes/system.ts';
import { thresholdRoutes } from './routes/thresholds.ts';
import { userRoutes } from './routes/users.ts';
import { wallRoutes } from './routes/wall.ts';
import { worklistRoutes } from './routes/worklist.ts';

/**
 * Every HTTP route except the files of the page. The server mounts this table and nothing else, `/api/openapi.json` describes it, and a test requests each
 * route with each method as each role. A new area is a file under `routes/` and a line here.
 */
export const ROUTES: readonly Route[] = [
  ...systemRoutes,
  ...apiRoutes,
  ...sessionRoutes,
  ...setUpRoutes,
  ...oidcRoutes,
  ...userRoutes,
  ...auditRoutes,
  ...worklistRoutes,
  ...handOverRoutes,
  ...wallRoutes,
  ...caseRoutes,
  ...readingRoutes,
  ...thresholdRoutes,
  ...modelRoutes,
  ...adminRoutes,
  ...dicomWebRoutes,
  ...dicomWebRetrievalRoutes,
];
