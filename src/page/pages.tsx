import type { ComponentType } from 'preact';
import { lazy } from 'preact-iso';
import type { PagePath } from '../answers/pagePaths.ts';
import type { SessionAnswer } from '../answers/accessAnswers.ts';
import { adminTitles } from './admin/adminTitles.ts';
import { accessWords } from './access/accessWords.ts';
import { handOverWords } from './handOver/handOverWords.ts';
import { modelsTitle } from './models/modelsTitle.ts';
import { shellWords } from './parts/shellWords.ts';
import { wallWords } from './wall/wallWords.ts';

export interface Page {
  /** Title in the browser tab and the navigation. No identifiers. */
  title: string;
  /** Where it is linked: from everywhere, or from within the admin area. A page that is opened from another one has none. */
  area?: 'main' | 'admin';
  /** Roles whose navigation shows it; without, everybody's. The server decides what somebody may do. */
  shownTo?: (who: SessionAnswer) => boolean;
  /** Shown without the frame, because nobody operates it. */
  bare?: true;
  component: ComponentType;
}

const admins = ({ user }: SessionAnswer): boolean => user?.role === 'admin';
const whereOneSignsIn = ({ signIn }: SessionAnswer): boolean => signIn !== 'off';

/**
 * Every screen. To add one:
 * 1. its address in `../answers/pagePaths.ts` (the server then answers it; a missing screen here is a type error);
 * 2. a module that exports the component as `default`: it is rendered inside `<main>`, begins with an `<h1>`, and is loaded only when opened
 *    (import its style sheet there too);
 * 3. a line here, its title and its other texts in the words of its folder (`wall/wallWords.ts`);
 * 4. its keys by `useKeys` (keys.ts), so that "?" lists them.
 * Route parameters come from `useRoute().params`, links are plain `<a href>`.
 */
export const PAGES: Readonly<Record<PagePath, Page>> = {
  '/': { title: shellWords.pages.worklist, area: 'main', component: lazy(() => import('./worklist/worklistPage.tsx')) },
  '/case/:caseRef': { title: shellWords.pages.case, component: lazy(() => import('./case/casePage.tsx')) },
  '/hand-over': {
    title: handOverWords.title,
    area: 'main',
    shownTo: ({ user }) => user?.role === 'reader' || user?.role === 'admin',
    component: lazy(() => import('./handOver/handOverPage.tsx')),
  },
  '/thresholds': {
    title: shellWords.pages.thresholds,
    area: 'main',
    component: lazy(() => import('./thresholds/thresholdsPage.tsx')),
  },
  '/waiting': {
    title: adminTitles.needsAttention,
    area: 'admin',
    shownTo: admins,
    component: lazy(() => import('./admin/needsAttentionPage.tsx')),
  },
  '/connections': {
    title: adminTitles.connections,
    area: 'admin',
    shownTo: admins,
    component: lazy(() => import('./admin/connectionsPage.tsx')),
  },
  '/system': {
    title: adminTitles.system,
    area: 'admin',
    shownTo: admins,
    component: lazy(() => import('./admin/systemPage.tsx')),
  },
  '/settings': {
    title: adminTitles.settings,
    area: 'admin',
    shownTo: admins,
    component: lazy(() => import('./admin/settingsPage.tsx')),
  },
  '/proof-of-life': {
    title: adminTitles.proof,
    area: 'admin',
    shownTo: admins,
    component: lazy(() => import('./admin/proofPage.tsx')),
  },
  '/models': {
    title: modelsTitle,
    area: 'admin',
    shownTo: admins,
    component: lazy(() => import('./models/modelsPage.tsx')),
  },
  '/audit': {
    title: accessWords.audit,
    area: 'admin',
    shownTo: admins,
    component: lazy(() => import('./access/auditPage.tsx')),
  },
  '/users': {
    title: accessWords.users,
    area: 'admin',
    shownTo: (who) => admins(who) && whereOneSignsIn(who),
    component: lazy(() => import('./access/usersPage.tsx')),
  },
  '/sessions': { title: accessWords.sessions, component: lazy(() => import('./access/sessionsPage.tsx')) },
  '/wall': { title: wallWords.title, bare: true, component: lazy(() => import('./wall/wallPage.tsx')) },
  '/sign-in': { title: accessWords.signIn, component: lazy(() => import('./access/signInPage.tsx')) },
  '/set-up': { title: accessWords.setUp, component: lazy(() => import('./access/setUpPage.tsx')) },
};
