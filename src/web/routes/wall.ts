import { z } from 'zod';
import { setUpLink, wallsAnswer } from '../../answers/accessAnswers.ts';
import { wallAnswer } from '../../answers/wallAnswer.ts';
import { wallRow, withoutFindings, withoutLocations } from '../maskedRow.ts';
import { route } from '../route.ts';
import { stoppedWork } from '../stoppedWork.ts';
import { MOST_FLAGS } from './worklist.ts';

const MOST_ROWS = 50;

/** Wall screens: what they show, and how they are admitted. */
export const wallRoutes = [
  route({
    method: 'get',
    path: '/api/wall',
    least: 'wall',
    summary: 'The unread list for a screen that anybody can see. It names no patient, whoever asks.',
    answer: { kind: 'json', schema: wallAnswer },
    handle: async ({ principal, request }, { query, system, clock, maxWaitMinutes, triageOnly, access }) => {
      if (principal!.role === 'wall') access.keepWall(request);
      const { rows, total } = await query.page({
        show: 'all',
        search: '',
        location: '',
        read: false,
        list: null,
        offset: 0,
        limit: MOST_ROWS,
      });
      const status = await system();
      const totals = await query.totals();
      const flags = await query.flags(MOST_FLAGS);
      const { open, openCount } = triageOnly ? withoutFindings(flags) : flags;
      return {
        nowMs: clock.now(),
        maxWaitMinutes,
        stopped: stoppedWork(status, totals, clock.now()),
        proofAlarm: status.proofOfLife.alarm !== null,
        unread: totals.unread,
        lastReceivedAtMs: totals.lastReceivedAtMs,
        total,
        flagged: openCount,
        flags: open,
        rows: rows.filter((row) => row !== null).map((row) => wallRow(triageOnly ? withoutLocations(row) : row)),
      };
    },
  }),
  route({
    method: 'post',
    path: '/api/wall/open',
    least: 'public',
    summary:
      'Uses the link of a wall screen up: from then on this browser is that screen, until it is revoked. The secret comes as a cookie.',
    body: z.strictObject({ secret: z.string().min(20).max(200) }),
    audit: { by: 'store', action: 'wall.opened' },
    answer: { kind: 'nothing' },
    alsoAnswers: { 403: 'The link was used, or is too old.', 429: 'Too many attempts.' },
    handle: async ({ request, body }, { access }) => {
      await access.openWall(request, body.secret);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/api/walls',
    least: 'admin',
    summary: 'Screens on walls.',
    answer: { kind: 'json', schema: wallsAnswer },
    handle: async (_call, { access }) => ({
      walls: (await access.tokens.list())
        .filter(({ kind }) => kind === 'wall')
        .map(({ name, createdAtMs, expiresAtMs, lastUsedAtMs }) => ({
          name,
          createdAtMs,
          linkUntilMs: expiresAtMs,
          lastSeenAtMs: lastUsedAtMs,
        })),
    }),
  }),
  route({
    method: 'post',
    path: '/api/walls',
    least: 'admin',
    recentSignIn: true,
    summary: 'Lets a screen in: its link is opened once, in the browser of that screen, within a day.',
    body: z.strictObject({ name: z.string().max(200) }),
    audit: { by: 'store', action: 'wall.added' },
    answer: { kind: 'json', schema: setUpLink, status: 201 },
    alsoAnswers: { 409: 'There is a screen or a token of this name.' },
    handle: async ({ body, actor, address }, { access }) => {
      const { secret, token } = await access.tokens.addWall(body.name, { name: actor, address });
      // In the fragment, so that it is sent to no server and appears in no log.
      return { path: `/wall#${secret}`, expiresAtMs: token.expiresAtMs! };
    },
  }),
  route({
    method: 'delete',
    path: '/api/walls/:name',
    least: 'admin',
    summary: 'Keeps a screen out, within five seconds.',
    params: z.strictObject({ name: z.string().max(64) }),
    audit: { by: 'store', action: 'wall.revoked' },
    answer: { kind: 'nothing' },
    alsoAnswers: { 404: 'There is no such screen.' },
    handle: async ({ params: { name }, actor, address }, { access }) => {
      await access.tokens.revoke(name, actor, { kind: 'wall', address });
      return undefined;
    },
  }),
];
