import { TriageError } from '../base/errors.ts';
import { PAGE_SOURCES, pageSourcesOf, withSource, type Sender, type Source } from '../config/pageSources.ts';
import { createAssociationPolicy } from '../receive/associationPolicy.ts';
import { createPageSettings, type Why } from '../worklist/settings/pageSettings.ts';
import type { AgentPorts, Foundation } from './agentPorts.ts';

/** Who may send: the sources of the file, and those that admins let in on the page, from one moment to the next. */
export interface LiveSources {
  ofFile: readonly Source[];
  ofPage(): readonly Source[];
  all(): readonly Source[];
  /** False where the site keeps its settings in files (`web.settings`). */
  mayChange: boolean;
  /** @throws TriageError `command-invalid` when that is no sender, or the site keeps its settings in files */
  letIn(sender: Sender, why: Why): Promise<void>;
  /** The sender as it would be let in, with the addresses that it has already; nothing is changed. @throws TriageError `command-invalid` as for letting it in */
  wouldBe(sender: Sender): Source;
  /** Takes back what the page has said of a sender. @throws TriageError `not-found` */
  takeBack(aeTitle: string, why: Why): Promise<void>;
  /** @throws TriageError `command-invalid` where these senders cannot be let in on the page */
  check(sources: readonly Source[]): void;
  /** Puts into force what the database says. */
  read(): Promise<void>;
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
  const assertMayChange = (): void => {
    if (!mayChange)
      throw new TriageError(
        'command-invalid',
        'This site keeps its settings in files (web.settings). Change them there.',
      );
  };
  const read = async (): Promise<void> => {
    ofPage = pageSourcesOf(await settings.current(PAGE_SOURCES));
    listener(all());
  };
  const change = async (next: (current: Source[]) => Source[], why: Why): Promise<void> => {
    assertMayChange();
    await settings.change([{ key: PAGE_SOURCES, next: (current) => keptSources(next(pageSourcesOf(current))) }], why);
    await read();
  };
  const withSender = (current: readonly Source[], sender: Sender): Source[] => {
    const sources = withSource(current, ofFile, sender);
    assertAddresses(config.receive, sources);
    return sources;
  };
  return {
    ofFile,
    ofPage: () => ofPage,
    all,
    mayChange,
    letIn: (sender, why) => change((current) => withSender(current, sender), why),
    wouldBe: (sender) => {
      assertMayChange();
      return withSender(ofPage, sender).at(-1)!;
    },
    takeBack: (aeTitle, why) =>
      change((current) => {
        const left = current.filter((one) => one.aeTitle !== aeTitle);
        if (left.length === current.length)
          throw new TriageError('not-found', `${aeTitle} was not let in on this page.`);
        return left;
      }, why),
    check: (sources) => {
      assertMayChange();
      const pinned = sources.find(({ aeTitle }) =>
        ofFile.some((one) => one.aeTitle === aeTitle && one.certificates !== undefined),
      );
      if (pinned !== undefined)
        throw new TriageError(
          'command-invalid',
          `The configuration file lets ${pinned.aeTitle} in by its certificate only. Change its entry there.`,
        );
      assertAddresses(config.receive, sources);
    },
    read,
    onChange: (then) => {
      listener = then;
    },
  };
}

/** How senders stand among the page's settings: no sender is no setting. */
export const keptSources = (sources: readonly Source[]): readonly Source[] | null =>
  sources.length === 0 ? null : sources;

/** @throws TriageError `command-invalid` for what is neither an address nor a network */
function assertAddresses(receive: Parameters<typeof createAssociationPolicy>[0], sources: readonly Source[]): void {
  try {
    createAssociationPolicy({ ...receive, sources: [...sources] });
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    throw new TriageError('command-invalid', error.message, { cause: error });
  }
}
