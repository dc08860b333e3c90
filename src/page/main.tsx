import './base.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { applyTheme, preference } from './parts/preferences.ts';
import { reportActivity, session, toSignIn } from './parts/session.ts';

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
