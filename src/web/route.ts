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
  /** Null only on public routes. */
  principal: Principal | null;
  /** Name of the principal; for public routes `anonymous`. */
  actor: string;
  /** Where the request came from. */
  address: string;
  request: Request;
  /** For responses that are not JSON, and for a status other than the usual one. */
  response: Response;
}

/** The successful response of a route. JSON is described by its schema, and sent as the handler returns it. */
type Answer<A extends z.ZodType = z.ZodType> =
  | { kind: 'json'; schema: A; status?: 200 | 201 }
  /** Status 204. */
  | { kind: 'nothing' }
  /** Sent as the handler returns it. */
  | { kind: 'bytes'; schema: A; contentType: string; description: string }
  /** The handler writes the response itself. */
  | { kind: 'other'; contentType: string; description: string };

interface RouteOf<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType, A extends z.ZodType> {
  method: 'get' | 'put' | 'post' | 'patch' | 'delete';
  /** In express's notation: `/api/cases/:studyInstanceUid`. */
  path: string;
  /** Least role that may use it. */
  least: LeastRole;
  /** A further condition, asked before anything is recorded or done: throws what is answered instead. */
  admit?: (principal: Principal, context: WebContext) => void;
  /** Requires a sign-in within the last minutes (`web.sessions.recentSignInMinutes`). */
  recentSignIn?: true;
  /**
   * How the audit records it. `store`: the store writes the entry in the transaction of the change itself; `route`: it is written before the response is
   * sent, with the named parameter as its target; `look`: the same for a look at a study (`recordLook.ts`).
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
  /** Further statuses with a specific meaning, besides those that every route has. */
  alsoAnswers?: Readonly<Record<number, string>>;
  handle: (call: Call<z.output<P>, z.output<Q>, z.output<B>>, context: WebContext) => unknown;
}

/** An entry of the route table. */
export type Route = RouteOf<z.ZodObject, z.ZodObject, z.ZodType, z.ZodType>;

/** Defines a route; the handler's parameters and its response are typed by the schemas. */
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
