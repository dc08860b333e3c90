import { render } from 'preact';
import type { ComponentType } from 'preact';
import type { PagePath } from '../pagePaths.ts';
import { Account } from './account.tsx';
import AuditPage from './auditPage.tsx';
import { applyTheme, preference } from './preferences.ts';
import { reportActivity, session, toSignIn } from './session.ts';
import SessionsPage from './sessionsPage.tsx';
import SetUpPage from './setUpPage.tsx';
import SignInPage from './signInPage.tsx';
import UsersPage from './usersPage.tsx';
import { accessWords } from './words/access.ts';
import { WorklistPage } from './worklistPage.tsx';

/** Screens beside the worklist, which fills the page alone. */
const SCREENS: Readonly<Record<Exclude<PagePath, '/'>, ComponentType>> = {
  '/sign-in': SignInPage,
  '/set-up': SetUpPage,
  '/sessions': SessionsPage,
  '/users': UsersPage,
  '/audit': AuditPage,
};

function App() {
  const path = location.pathname;
  if (!(path in SCREENS)) return <WorklistPage />;
  const Screen = SCREENS[path as keyof typeof SCREENS];
  return (
    <>
      <header>
        <span class="brand">{accessWords.product}</span>
        <span class="muted">{accessWords.notDiagnostic}</span>
        <span class="spacer" />
        {path !== '/set-up' && <Account at={path} />}
      </header>
      <main>
        <Screen />
      </main>
    </>
  );
}

applyTheme(preference('theme'));
const page = document.getElementById('page');
if (page) render(<App />, page);
session().then(
  ({ user }) => {
    if (user === null) toSignIn();
    else reportActivity();
  },
  () => undefined,
);
