import { TriageError } from '../base/errors.ts';
import { PAGE_SOURCES, pageSourcesOf, withSource, type Source } from '../config/pageSources.ts';
import { createAssociationPolicy } from '../receive/associationPolicy.ts';
import { createPageSettings } from '../worklist/settings/pageSettings.ts';
import type { AgentPorts, Foundation } from './agentPorts.ts';

type Why = { reason: string; by: { name: string; address: string } };

/** Who may send: the sources of the file, and those that admins let in on the page, from one moment to the next. */
export interface LiveSources {
  ofFile: readonly Source[];
  ofPage(): readonly Source[];
  all(): readonly Source[];
  /** False where the site keeps its settings in files (`web.settings`). */
  mayChange: boolean;
  /** @throws TriageError `command-invalid` when that is no sender, or the site keeps its settings in files */
  letIn(sender: { aeTitle: string; address: string }, why: Why): Promise<void>;
  /** Takes back what the page has said of a sender. @throws TriageError `not-found` */
  takeBack(aeTitle: string, why: Why): Promise<void>;
  /** Puts these senders in the place of those of the page. @throws TriageError `command-invalid` */
  replace(sources: readonly Source[], why: Why): Promise<void>;
  /** Called with all sources after each change. */
  onChange(listener: (sources: readonly Source[]) => void): void;
}

export async function openSources({
  config,
  database,
  ports: { clock },
}: Pick<Foundation, 'config' | 'database'> & { ports: Pick<AgentPorts, 'clock'> }): Promise<LiveSources> {
  const settings = createPageSettings(database, clock);
  const ofFile = config.receive.sources;
  const mayChange = config.web.settings === 'page';
  let ofPage = mayChange ? pageSourcesOf(await settings.current(PAGE_SOURCES)) : [];
  const all = () => [...ofFile, ...ofPage];
  let listener: (sources: readonly Source[]) => void = () => undefined;
  const change = async (next: (current: Source[]) => Source[], why: Why): Promise<void> => {
    if (!mayChange)
      throw new TriageError(
        'command-invalid',
        'This site keeps its settings in files (web.settings). Change them there.',
      );
    await settings.change(
      PAGE_SOURCES,
      (current) => {
        const sources = next(pageSourcesOf(current));
        return sources.length === 0 ? null : sources;
      },
      why,
    );
    ofPage = pageSourcesOf(await settings.current(PAGE_SOURCES));
    listener(all());
  };
  return {
    ofFile,
    ofPage: () => ofPage,
    all,
    mayChange,
    letIn: (sender, why) =>
      change((current) => {
        const sources = withSource(current, ofFile, sender);
        assertAddresses(config.receive, sources);
        return sources;
      }, why),
    takeBack: (aeTitle, why) =>
      change((current) => {
        const left = current.filter((one) => one.aeTitle !== aeTitle);
        if (left.length === current.length)
          throw new TriageError('not-found', `${aeTitle} was not let in on this page.`);
        return left;
      }, why),
    replace: (next, why) =>
      change(() => {
        const pinned = next.find(({ aeTitle }) =>
          ofFile.some((one) => one.aeTitle === aeTitle && one.certificates !== undefined),
        );
        if (pinned !== undefined)
          throw new TriageError(
            'command-invalid',
            `The configuration file lets ${pinned.aeTitle} in by its certificate only. Change its entry there.`,
          );
        assertAddresses(config.receive, next);
        return [...next];
      }, why),
    onChange: (then) => {
      listener = then;
    },
  };
}

/** @throws TriageError `command-invalid` for what is neither an address nor a network */
function assertAddresses(receive: Parameters<typeof createAssociationPolicy>[0], sources: readonly Source[]): void {
  try {
    createAssociationPolicy({ ...receive, sources: [...sources] });
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    throw new TriageError('command-invalid', error.message, { cause: error });
  }
}
