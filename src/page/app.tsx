import type { AttentionCount } from '../answers/adminAnswers.ts';
import type { SessionAnswer } from '../answers/accessAnswers.ts';
import './shell.css';
import type { ComponentChildren } from 'preact';
import { ErrorBoundary, lazy, LocationProvider, Route, Router, useLocation } from 'preact-iso';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { pagePathOf } from '../answers/pagePaths.ts';
import { Account } from './access/account.tsx';
import { AlertsOfShell, NewFlags, useOpenFlags } from './alerts/shellAlerts.tsx';
import { OldClaims } from './alerts/oldClaims.tsx';
import { useAlerts } from './alerts/useAlerts.ts';
import { BASE_PATH, below, withoutBase } from './parts/basePath.ts';
import { HandOverLine } from './handOver/handOverLine.tsx';
import { activeKeys, listenToKeys, useKeys } from './parts/keys.ts';
import { PAGES, type Page } from './pages.tsx';
import { Printed } from './printed.tsx';
import { applyTheme, keepPreference, preference } from './parts/preferences.ts';
import { ATTENDED } from './parts/attended.ts';
import { forgetSession, read, session, toSignIn, whenLocked } from './parts/session.ts';
import { shellWords } from './parts/shellWords.ts';
import { Unvalidated } from './parts/unvalidated.tsx';

/** Links to screens are followed inside the page; links to files of the API are left to the browser. */
const SCREENS = new RegExp(`^${BASE_PATH}/(?!api/)`);

/** The frame of every screen: navigation, theme, keys, and one page at a time. */
export function App() {
  return (
    <LocationProvider scope={SCREENS}>
      <BelowBase>
        <Shell />
      </BelowBase>
    </LocationProvider>
  );
}

/** Where the browser is, as the screens call it: without the base path. */
function BelowBase({ children }: { children: ComponentChildren }) {
  const location = useLocation();
  const here = useMemo(
    () => ({
      ...location,
      url: withoutBase(location.url),
      path: withoutBase(location.path),
      route: (to: string, replace?: boolean) => location.route(below(to), replace),
    }),
    [location],
  );
  return <LocationProvider.ctx.Provider value={here}>{children}</LocationProvider.ctx.Provider>;
}

const LockedPage = lazy(() => import('./wall/lockedPage.tsx'));
/** Screens that show nothing of the list to somebody who may not see it, or only what anybody may see. */
const OPEN_TO_ALL: readonly string[] = ['/wall', '/sign-in', '/set-up'];

const WAITING_LOOK_MS = 30_000;

const SHOWN = Object.entries(PAGES).map(([path, page]) => ({ path, ...page }));

function Shell() {
  const { path, route } = useLocation();
  const main = useRef<HTMLElement>(null);
  const [help, setHelp] = useState(false);
  const [broken, setBroken] = useState(false);
  const [who, setWho] = useState<SessionAnswer | null>(null);
  useEffect(listenToKeys, []);
  const look = useCallback(() => {
    forgetSession();
    session().then(
      (found) => {
        setWho(found);
        if (found.user === null && found.lockedFor === null) toSignIn();
      },
      () => undefined,
    );
  }, []);
  useEffect(() => {
    session().then(setWho, () => undefined);
    whenLocked(look);
  }, [look]);
  useKeys([
    { keys: ['?'], shown: '?', does: shellWords.helpKey, run: () => setHelp((old) => !old) },
    ...(help ? [{ keys: ['Escape'], shown: 'Esc', does: shellWords.close, run: () => setHelp(false) }] : []),
  ]);
  const entered = () => {
    setBroken(false);
    setHelp(false);
    // Start a new page at its top, unless it has already set the focus.
    if (!main.current?.contains(document.activeElement)) main.current?.focus();
  };
  // A wall screen has only one page.
  useEffect(() => {
    if (who?.user?.role === 'wall' && !OPEN_TO_ALL.includes(path)) route('/wall', true);
  }, [who, path, route]);
  const at = pagePathOf(path);
  const { alerts, looksAt, watched } = useAlertsAnywhere(path, who, route);
  const looked = watched.open?.find(({ caseRef }) => caseRef === looksAt);
  const finding = (alerts.fresh[0] ?? looked)?.finding ?? null;
  useEffect(() => {
    document.title = shellWords.tabTitle(
      at === undefined ? shellWords.pages.unknown : PAGES[at].title,
      alerts.fresh.length,
      finding,
    );
  }, [at, alerts.fresh.length, finding]);
  const locked = who?.lockedFor != null && !OPEN_TO_ALL.includes(path);
  const bare = locked || (at !== undefined && PAGES[at].bare === true);
  return (
    <AlertsOfShell.Provider value={alerts}>
      {!bare && <Masthead who={who} path={path} help={help} onHelp={() => setHelp(!help)} />}
      {help && <Help />}
      <Printed />
      {!bare && who?.user != null && who.endsAtMs !== null && (
        <HandOverLine
          key={who.endsAtMs}
          signInEndsAtMs={who.endsAtMs}
          atHandOver={path === '/hand-over' || path === '/set-up'}
        />
      )}
      {!bare && <OldClaims claims={watched.oldClaims} onAnswered={watched.answered} />}
      <main id="main" tabIndex={-1} ref={main}>
        {broken ? (
          <Broken />
        ) : locked ? (
          <ErrorBoundary>
            <LockedPage who={who} onUnlocked={look} />
          </ErrorBoundary>
        ) : (
          <ErrorBoundary
            onError={(error) => {
              reportError(error);
              setBroken(true);
            }}
          >
            <Router onRouteChange={entered}>
              {[
                ...SHOWN.map((page) => <Route key={page.path} path={page.path} component={page.component} />),
                <Route key="default" default component={UnknownPage} />,
              ]}
            </Router>
          </ErrorBoundary>
        )}
      </main>
      {path !== '/' && !bare && <NewFlags fresh={alerts.fresh} looksAt={looksAt} />}
    </AlertsOfShell.Provider>
  );
}

interface MastheadProps {
  who: SessionAnswer | null;
  path: string;
  help: boolean;
  onHelp: () => void;
}

/** The head of every page: the ways to the others, whose session this is, and that this is not for diagnostic use. */
function Masthead({ who, path, help, onHelp }: MastheadProps) {
  const led = (to: Page['area']) =>
    SHOWN.filter(({ area, shownTo }) => area === to && who?.user != null && (shownTo?.(who) ?? true));
  const administration = led('admin');
  const inAdministration = administration.some((page) => page.path === path);
  const waiting = useWaiting(administration.length > 0);
  return (
    <>
      <a class="skip" href="#main">
        {shellWords.skip}
      </a>
      <header class="shell">
        <span class="brand">{shellWords.product}</span>
        <nav aria-label={shellWords.areas}>
          {led('main').map((page) => (
            <PageLink key={page.path} page={page} path={path} />
          ))}
          {administration[0] !== undefined && (
            <a href={administration[0].path} aria-current={inAdministration ? 'true' : undefined}>
              {shellWords.administration}
              <Badge count={sum(Object.values(waiting))} />
            </a>
          )}
        </nav>
        <div class="notices">
          <span class="muted">{shellWords.notDiagnostic}</span>
          {who?.user != null && <Unvalidated />}
        </div>
        <span class="spacer" />
        <ThemeButton />
        <Account who={who} />
        <button type="button" class="keys" aria-expanded={help} onClick={onHelp}>
          {shellWords.keys}
        </button>
      </header>
      {inAdministration && (
        <nav class="administration" aria-label={shellWords.administration}>
          {administration.map((page) => (
            <PageLink key={page.path} page={page} path={path} waiting={waiting[page.path] ?? 0} />
          ))}
        </nav>
      )}
    </>
  );
}

/** Shows flags on every page. Not where nobody is signed in, nor on a wall screen, which rings by itself. */
function useAlertsAnywhere(path: string, who: SessionAnswer | null, route: (to: string) => void) {
  const reads = who?.user?.role === 'reader' || who?.user?.role === 'admin';
  const watched = useOpenFlags(!reads || OPEN_TO_ALL.includes(path) ? 'off' : path === '/' ? 'of-list' : 'by-itself');
  const looksAt = /^\/case\/([\w-]+)$/.exec(path)?.[1];
  const onNotice = (caseRef: string | null) => route(caseRef === null ? '/' : `/case/${caseRef}`);
  return { alerts: useAlerts({ ...watched, looksAt, onNotice }), looksAt, watched };
}

function PageLink({ page, path, waiting = 0 }: { page: (typeof SHOWN)[number]; path: string; waiting?: number }) {
  return (
    <a href={page.path} aria-current={page.path === path ? 'page' : undefined}>
      {page.title}
      <Badge count={waiting} />
    </a>
  );
}

/** How much waits for a person behind a link; nothing where nothing does. */
function Badge({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <span class="badge">
      <span aria-hidden="true">{count}</span>
      <span class="unseen">{shellWords.waiting(count)}</span>
    </span>
  );
}

/** How much waits for an admin, by page; asked again every half minute. */
function useWaiting(isAdmin: boolean): Readonly<Record<string, number>> {
  const [count, setCount] = useState<AttentionCount | null>(null);
  useEffect(() => {
    if (!isAdmin) return undefined;
    const look = () => {
      if (document.visibilityState === 'visible')
        read<AttentionCount>('/api/troubles/count').then(setCount, () => undefined);
    };
    look();
    const timer = window.setInterval(look, WAITING_LOOK_MS);
    window.addEventListener(ATTENDED, look);
    return () => {
      window.clearInterval(timer);
      window.removeEventListener(ATTENDED, look);
    };
  }, [isAdmin]);
  if (!isAdmin || count === null) return {};
  const { waiting, proof, models, roles } = count;
  return { '/waiting': waiting, '/proof-of-life': Number(proof), '/models': Number(models), '/system': roles };
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

function ThemeButton() {
  const [theme, setTheme] = useState(preference('theme'));
  const next = theme === 'light' ? 'dark' : 'light';
  return (
    <button
      type="button"
      aria-pressed={theme === 'light'}
      onClick={() => {
        setTheme(next);
        applyTheme(next);
        keepPreference('theme', next);
      }}
    >
      {shellWords.lightTheme}
    </button>
  );
}

/** Lists the keys of whatever is on the screen now. */
function Help() {
  const [singleKeys, setSingleKeys] = useState(preference('singleKeys') === 'on');
  const [bindings, setBindings] = useState(activeKeys);
  useEffect(() => setBindings(activeKeys()), []);
  return (
    <section class="help" aria-label={shellWords.keys}>
      <dl>
        {bindings
          .filter(({ shown }) => shown !== '')
          .map(({ shown, does }) => (
            <div key={`${shown} ${does}`}>
              <dt>{shown}</dt>
              <dd>{does}</dd>
            </div>
          ))}
      </dl>
      <label>
        <input
          type="checkbox"
          checked={singleKeys}
          onChange={() => {
            setSingleKeys(!singleKeys);
            keepPreference('singleKeys', singleKeys ? 'off' : 'on');
          }}
        />{' '}
        {shellWords.singleKeys}
      </label>
    </section>
  );
}

function UnknownPage() {
  return (
    <div class="page">
      <h1>{shellWords.pages.unknown}</h1>
      <p>{shellWords.unknownPage}</p>
      <p>
        <a href="/">{shellWords.toWorklist}</a>
      </p>
    </div>
  );
}

/** When a page throws, says so instead of leaving an old list on the screen as if it were current. */
function Broken() {
  return (
    <div class="page" role="alert">
      <p class="kind-fault">{shellWords.broken}</p>
      <button type="button" onClick={() => location.reload()}>
        {shellWords.reload}
      </button>
    </div>
  );
}
