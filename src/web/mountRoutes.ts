import type { Express, RequestHandler } from 'express';
import type { z } from 'zod';
import { TriageError } from '../base/errors.ts';
import { validatorWords } from '../base/validatorWords.ts';
import { addressOf } from './access/address.ts';
import { recordLook } from './recordLook.ts';
import { mayUse, type Principal } from './principal.ts';
import type { Route } from './route.ts';
import type { WebContext } from './webContext.ts';

interface MountOptions {
  /** Fails a response that does not match its schema. For tests only: in service it would only delay a reader. */
  checkAnswers: boolean;
}

/** Serves a route table: checks the role first, then the shape of the request, then calls the handler. */
export function mountRoutes(app: Express, routes: readonly Route[], context: WebContext, options: MountOptions): void {
  for (const entry of routes) app[entry.method](entry.path, handlerOf(entry, context, options));
}

function handlerOf(entry: Route, context: WebContext, { checkAnswers }: MountOptions): RequestHandler {
  const { access, clock } = context;
  return async (request, response) => {
    const principal = access.principalOf(request);
    const refusal =
      refusalOf(entry, principal, clock.now() - access.recentMs) ??
      (entry.method === 'get' || access.carriesCsrfToken(request) ? null : NO_CSRF_TOKEN);
    const address = addressOf(request);
    if (refusal !== null) {
      if (refusal === NOT_ALLOWED)
        await access.audit.append({
          action: 'access.denied',
          actor: principal!.name,
          address,
          target: `${entry.method} ${entry.path}`,
        });
      response.status(refusal.status).json({ error: refusal.error, message: refusal.message });
      return;
    }
    // Pages poll by themselves; only a request that changes something shows that a person is there.
    if (principal?.session?.locked === false && entry.method !== 'get')
      await access.sessions.seen(principal.session.id);
    entry.admit?.(principal!, context);
    const params = checked(entry.params, request.params, 'address');
    const actor = principal?.name ?? 'anonymous';
    const call = {
      params,
      query: checked(entry.query, request.query, 'query'),
      body: entry.body === undefined ? undefined : checked(entry.body, request.body ?? {}, 'body'),
      principal,
      actor,
      address,
      request,
      response,
    };
    const record = async (): Promise<void> => {
      if (entry.audit?.by === 'look') {
        // The request may name the study by its case reference or by its UID; the audit keeps the UID.
        const study = await context.query.studyOf(String(params[entry.audit.study]));
        await recordLook(access, principal!, address, study, entry.audit.look(call.query), clock.now());
      } else if (entry.audit?.by === 'route') {
        const target = entry.audit.target === undefined ? '' : String(params[entry.audit.target]);
        await access.audit.append({ action: entry.audit.action, actor, address, target });
      }
    };
    if (entry.answer.kind === 'other') {
      await record();
      await entry.handle(call, context);
      return;
    }
    const answer = await entry.handle(call, context);
    // Nothing is shown unless it could be recorded.
    await record();
    if (entry.answer.kind === 'nothing') {
      response.status(204).end();
      return;
    }
    if (checkAnswers) entry.answer.schema.parse(answer);
    if (entry.answer.kind === 'bytes') {
      response.type(entry.answer.contentType).send(answer);
      return;
    }
    if (entry.answer.status !== undefined) response.status(entry.answer.status);
    response.json(answer);
  };
}

interface Refusal {
  status: 401 | 403;
  error: string;
  message: string;
}
const NOT_SIGNED_IN: Refusal = { status: 401, error: 'not-signed-in', message: 'Sign in first.' };
const LOCKED: Refusal = {
  status: 401,
  error: 'session-locked',
  message: 'Nobody has been active here for too long: confirm who you are.',
};
const NOT_ALLOWED: Refusal = { status: 403, error: 'not-allowed', message: 'Your role does not allow this.' };
const SIGN_IN_AGAIN: Refusal = { status: 403, error: 'sign-in-again', message: 'Confirm who you are, then try again.' };
const NO_CSRF_TOKEN: Refusal = { status: 403, error: 'csrf-token', message: 'The page is too old: load it again.' };

function refusalOf(entry: Route, principal: Principal | null, recentSinceMs: number): Refusal | null {
  if (!mayUse(principal?.role ?? null, entry.least)) {
    if (principal === null) return NOT_SIGNED_IN;
    return principal.session?.locked === true ? LOCKED : NOT_ALLOWED;
  }
  if (entry.recentSignIn === true && principal?.session != null && principal.session.confirmedAtMs < recentSinceMs)
    return SIGN_IN_AGAIN;
  return null;
}

function checked<S extends z.ZodType>(schema: S | undefined, value: unknown, where: string): z.output<S> {
  if (schema === undefined) return {} as z.output<S>;
  const parsed = schema.safeParse(value, { error: validatorWords });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const at = issue.path.map(String).join('.');
  throw new TriageError(
    'command-invalid',
    `The ${where} of the request is wrong${at === '' ? '' : ` at ${at}`}: ${issue.message}`,
  );
}
