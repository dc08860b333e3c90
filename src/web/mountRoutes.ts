import type { Express, Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { TriageError } from '../errors.ts';
import { mayUse, type Principal, type Route } from './route.ts';
import type { WebContext } from './webContext.ts';

export interface MountOptions {
  /** Who asks, or null when nobody is signed in. */
  principalOf: (request: Request) => Principal | null;
  /** Fails an answer that is not as its schema says. For tests: in service a reader is not kept waiting for it. */
  checkAnswers: boolean;
}

/** Serves a route table: role first, then the shape of the request, then the handler. */
export function mountRoutes(app: Express, routes: readonly Route[], context: WebContext, options: MountOptions): void {
  for (const entry of routes) app[entry.method](entry.path, handlerOf(entry, context, options));
}

function handlerOf(entry: Route, context: WebContext, { principalOf, checkAnswers }: MountOptions): RequestHandler {
  return async (request, response) => {
    const principal = principalOf(request);
    if (!mayUse(principal?.role ?? null, entry.least)) {
      refuse(response, principal);
      return;
    }
    const answer = await entry.handle(
      {
        params: checked(entry.params, request.params, 'address'),
        query: checked(entry.query, request.query, 'query'),
        body: entry.body === undefined ? undefined : checked(entry.body, request.body ?? {}, 'body'),
        principal,
        actor: principal?.name ?? 'anonymous',
        request,
        response,
      },
      context,
    );
    if (entry.answer.kind === 'other') return;
    if (entry.answer.kind === 'nothing') {
      response.status(204).end();
      return;
    }
    if (checkAnswers) entry.answer.schema.parse(answer);
    if (entry.answer.status !== undefined) response.status(entry.answer.status);
    response.json(answer);
  };
}

function refuse(response: Response, principal: Principal | null): void {
  if (principal === null) response.status(401).json({ error: 'not-signed-in', message: 'Sign in first.' });
  else response.status(403).json({ error: 'not-allowed', message: 'Your role does not allow this.' });
}

function checked<S extends z.ZodType>(schema: S | undefined, value: unknown, where: string): z.output<S> {
  if (schema === undefined) return {} as z.output<S>;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const at = issue.path.map(String).join('.');
  throw new TriageError('command-invalid', `The ${where} of the request is wrong${at === '' ? '' : ` at ${at}`}: ${issue.message}`);
}
