import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { AuditAction } from '../worklist/audit/audit.ts';
import type { LeastRole, Principal } from './principal.ts';
import type { Look } from './recordLook.ts';
import type { WebContext } from './webContext.ts';

/** One request, checked against its route's schemas. */
export interface Call<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  /** Null on public routes only. */
  principal: Principal | null;
  /** Name of the principal; for public routes `anonymous`. */
  actor: string;
  /** Where the request came from. */
  address: string;
  request: Request;
  /** For answers that are no JSON, and for another status than the usual one. */
  response: Response;
}

/** What a route answers when all is well. JSON is described by its schema, and sent as the handler returns it. */
type Answer<A extends z.ZodType = z.ZodType> =
  | { kind: 'json'; schema: A; status?: 200 | 201 }
  /** 204. */
  | { kind: 'nothing' }
  /** The handler writes the answer itself. */
  | { kind: 'other'; contentType: string; description: string };

interface RouteOf<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType, A extends z.ZodType> {
  method: 'get' | 'put' | 'post' | 'patch' | 'delete';
  /** As express writes it: `/api/cases/:studyInstanceUid`. */
  path: string;
  /** Least role that may use it. */
  least: LeastRole;
  /** Asks for a sign-in within the last minutes (`web.sessions.recentSignInMinutes`). */
  recentSignIn?: true;
  /**
   * What the audit keeps of it. `store`: the store writes the entry in the transaction of the change itself; `route`: it is written before the answer
   * goes out, with the named parameter as its target; `look`: the same of a study that somebody sees (`recordLook.ts`).
   */
  audit?:
    | { by: 'store'; action: AuditAction | readonly AuditAction[] }
    | { by: 'route'; action: AuditAction; target?: keyof z.output<P> & string }
    | { by: 'look'; study: keyof z.output<P> & string; look: (query: z.output<Q>) => Look };
  /** One sentence for the description of the API. */
  summary: string;
  params?: P;
  query?: Q;
  body?: B;
  answer: Answer<A>;
  /** Other statuses with a meaning of their own, beside those of every route. */
  alsoAnswers?: Readonly<Record<number, string>>;
  handle: (call: Call<z.output<P>, z.output<Q>, z.output<B>>, context: WebContext) => unknown;
}

/** An entry of the route table. */
export type Route = RouteOf<z.ZodObject, z.ZodObject, z.ZodType, z.ZodType>;

/** States a route; the handler's parameters and its answer are typed by the schemas. */
export function route<
  P extends z.ZodObject = z.ZodObject<Record<string, never>>,
  Q extends z.ZodObject = z.ZodObject<Record<string, never>>,
  B extends z.ZodType = z.ZodUndefined,
  A extends z.ZodType = z.ZodUndefined,
>(
  definition: Omit<RouteOf<P, Q, B, A>, 'handle'> & {
    handle: (
      call: Call<z.output<P>, z.output<Q>, z.output<B>>,
      context: WebContext,
    ) => z.input<A> | Promise<z.input<A>>;
  },
): Route {
  return definition as unknown as Route;
}
