import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { Route } from './route.ts';

const failure = z
  .strictObject({
    error: z.string().describe('A word for programs.'),
    message: z.string().describe('A sentence for people: what to do.'),
  })
  .meta({ id: 'Failure' });

const failed = (description: string) => ({ description, content: { 'application/json': { schema: failure } } });

/** OpenAPI 3.1 of a route table, built from the schemas that check the requests. */
export function openApiOf(routes: readonly Route[], version: string): { openapi: string } {
  const paths: ZodOpenApiPathsObject = {};
  for (const entry of routes) {
    const path = entry.path.replace(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[entry.method] = operationOf(entry);
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Odontoid',
      version,
      description:
        'Worklist and case results. Research software, not for diagnostic use. A scan without a flag is read as usual.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Of a machine: `odontoid token add`, with `--sender` for one that sends studies.',
        },
        wall: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-odontoid-wall',
          description: 'Of a screen on a wall (`odontoid-wall` over plain HTTP on the machine itself).',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-odontoid',
          description:
            'Of a person’s browser (`odontoid` over plain HTTP on the machine itself). What changes something also needs X-CSRF-Token, as GET /api/session gives it.',
        },
      },
    },
    paths,
  });
}

function operationOf(entry: Route): ZodOpenApiOperationObject {
  const { answer } = entry;
  const good =
    answer.kind === 'json'
      ? { [answer.status ?? 200]: { description: 'Done.', content: { 'application/json': { schema: answer.schema } } } }
      : answer.kind === 'nothing'
        ? { 204: { description: 'Done.' } }
        : { 200: { description: answer.description, content: { [answer.contentType]: {} } } };
  const others = Object.fromEntries(
    Object.entries(entry.alsoAnswers ?? {}).map(([status, text]) => [status, failed(text)]),
  );
  return {
    summary: entry.summary,
    'x-least-role': entry.least,
    ...(entry.recentSignIn === true ? { 'x-recent-sign-in': true } : {}),
    security:
      entry.least === 'public'
        ? []
        : [
            ...(entry.least === 'wall' ? [{ wall: [] }] : []),
            ...(['sender', 'service', 'wall'].includes(entry.least) ? [{ token: [] }] : []),
            { session: [] },
          ],
    ...(entry.params || entry.query
      ? { requestParams: { ...(entry.params && { path: entry.params }), ...(entry.query && { query: entry.query }) } }
      : {}),
    ...(entry.body ? { requestBody: { required: true, content: { 'application/json': { schema: entry.body } } } } : {}),
    responses: {
      ...good,
      ...(entry.params || entry.query || entry.body ? { 400: failed('The request could not be understood.') } : {}),
      ...(entry.least === 'public'
        ? {}
        : { 401: failed('Nobody is signed in.'), 403: failed('Not for this role, or from another page.') }),
      ...others,
    },
  };
}
