import './base.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { keepLinksBelowBase } from './parts/basePath.ts';
import { applyTheme, preference } from './parts/preferences.ts';
import { reportActivity, session, toSignIn } from './parts/session.ts';

keepLinksBelowBase();
applyTheme(preference('theme'));
const page = document.getElementById('page');
if (page) render(<App />, page);
session().then(
  ({ user, lockedFor }) => {
    if (user === null && lockedFor === null) toSignIn();
    else reportActivity();
  },
  () => undefined,
);
