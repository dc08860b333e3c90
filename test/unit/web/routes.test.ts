import { expect, test } from 'vitest';
import { openApiOf } from '../../../src/web/openApi.ts';
import { mayUse } from '../../../src/web/principal.ts';
import { ROUTES } from '../../../src/web/routes.ts';
import { startWeb } from './webFixture.ts';

interface Operation {
  summary: string;
  'x-least-role': string;
  parameters?: { name: string; in: string }[];
  requestBody?: unknown;
  security: unknown;
  responses: Record<string, unknown>;
}
type Paths = Record<string, Record<string, Operation>>;

test('what a role may use grows with its standing, and nobody uses what asks for somebody', () => {
  const uses = (['wall', 'service', 'reader', 'admin', null] as const).map((role) =>
    (['public', 'wall', 'service', 'reader', 'admin'] as const).filter((least) => mayUse(role, least)),
  );
  expect(uses).toEqual([
    ['public', 'wall'],
    ['public', 'wall', 'service'],
    ['public', 'wall', 'service', 'reader'],
    ['public', 'wall', 'service', 'reader', 'admin'],
    ['public'],
  ]);
});

test('no two routes share method and address', () => {
  const names = ROUTES.map(({ method, path }) => `${method} ${path.replace(/:\w+/g, ':')}`);
  expect(new Set(names).size).toBe(names.length);
});

test('a route states the parameters that its address has', () => {
  for (const { path, params } of ROUTES)
    expect(Object.keys(params?.shape ?? {}).sort(), path).toEqual(
      [...path.matchAll(/:(\w+)/g)].map((match) => match[1]).sort(),
    );
});

test('the description names every route with its role, parameters, body and failures, and nothing else', async () => {
  const { url } = await startWeb();
  const described = (await (await fetch(`${url}/api/openapi.json`)).json()) as { openapi: string; paths: Paths };
  expect(described).toEqual(JSON.parse(JSON.stringify(openApiOf(ROUTES, '0.0.0'))));
  expect(described.openapi).toBe('3.1.0');
  const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  );
  expect(operations.map(({ name }) => name).sort()).toEqual(
    ROUTES.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`).sort(),
  );
  for (const entry of ROUTES) {
    const operation = described.paths[entry.path.replace(/:(\w+)/g, '{$1}')]![entry.method]!;
    expect(operation['x-least-role']).toBe(entry.least);
    expect(operation.summary).toMatch(/\.$/);
    expect((operation.parameters ?? []).map(({ name }) => name).sort()).toEqual(
      [...Object.keys(entry.params?.shape ?? {}), ...Object.keys(entry.query?.shape ?? {})].sort(),
    );
    expect(operation.requestBody !== undefined).toBe(entry.body !== undefined);
    expect('401' in operation.responses, entry.path).toBe(
      entry.least !== 'public' || entry.alsoAnswers?.[401] !== undefined,
    );
    expect(operation.security).toEqual(
      {
        public: [],
        sender: [{ token: [] }, { session: [] }],
        wall: [{ wall: [] }, { token: [] }, { session: [] }],
        service: [{ token: [] }, { session: [] }],
        reader: [{ session: [] }],
        admin: [{ session: [] }],
      }[entry.least],
    );
  }
});

test('no operation of the description leaves its JSON undescribed', () => {
  const text = JSON.stringify(openApiOf(ROUTES, '0.0.0'));
  expect(text).toContain('"#/components/schemas/WorklistRow"');
  expect(text).not.toContain('"application/json":{"schema":{}}');
});
