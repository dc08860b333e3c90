import { z } from 'zod';
import { route } from '../route.ts';

/** The description of the API itself. It contains no patient and no setting, so anybody may read it. */
export const apiRoutes = [
  route({
    method: 'get',
    path: '/api/openapi.json',
    least: 'public',
    summary: 'This description.',
    answer: { kind: 'json', schema: z.looseObject({ openapi: z.string() }) },
    handle: (_call, { description }) => description(),
  }),
];
