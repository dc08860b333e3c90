import { useState } from 'preact/hooks';
import type { ModelsAnswer } from '../../answers/modelAnswers.ts';
import '../admin/admin.css';
import './models.css';
import { useConfirmed } from '../access/confirmIdentity.tsx';
import { clockTime, thresholdText } from '../parts/format.ts';
import { keepText } from '../parts/keptText.ts';
import { ModelCard } from './modelCard.tsx';
import { CHANGE_REASON, ChangeDialog, titleOf, type Decision, type ModelChange } from './modelChange.tsx';
import { ModelComparison } from './modelComparison.tsx';
import { ModelUse } from './modelUse.tsx';
import { PackageInstall } from './packageInstall.tsx';
import { PackageRemoval } from './packageRemoval.tsx';
import { PlainTable } from '../parts/plainTable.tsx';
import { ask, Refused } from '../parts/session.ts';
import { useLoaded } from '../parts/useLoaded.ts';
import { modelWords as words } from './modelsWords.ts';

type Package = ModelsAnswer['packages'][number];
type Activation = ModelsAnswer['history'][number];

const LOOK_MS = 2_000;
/** The server checks a package before it answers, and a large network takes time to load. */
const CHECK_WITHIN_MS = 300_000;
const ROLES = ['active', 'shadow'] as const;

/** A damaged package goes by its folder. */
const titleOfPackage = ({ model, folder }: Package): string => (model === null ? folder : nameOf(model));
const nameOf = ({ name, version }: { name: string; version: string }): string => words.name(name, version);

/** The packages of this machine, which of them are active and shadow, and who decided so. */
export default function ModelsPage() {
  const { value, problem, reload } = useLoaded<ModelsAnswer>('/api/models', LOOK_MS);
  const [opened, setOpened] = useState<string | null>(null);
  const [change, setChange] = useState<ModelChange | null>(null);
  const [leaving, setLeaving] = useState<Package | null>(null);
  const [refused, setRefused] = useState('');
  const [said, setSaid] = useState('');
  const { run, dialog } = useConfirmed();
  const now = Date.now();

  /** Does what an admin has asked for, and shows what came of it. */
  const act = (action: () => Promise<void>, done: () => string): Promise<void> => {
    setRefused('');
    setSaid('');
    return run(async () => {
      const over = action();
      reload();
      await over;
      setSaid(done());
    })
      .catch((error: unknown) => setRefused(error instanceof Refused ? error.message : words.failed))
      .finally(reload);
  };
  const decide = (of: ModelChange, decision: Decision): void => {
    setChange(null);
    act(
      async () => {
        await ask('/api/models/activations', 'POST', decision, CHECK_WITHIN_MS);
        keepText(CHANGE_REASON, '');
      },
      () => words.change.decided(titleOf(of)),
    ).catch(() => undefined);
  };
  const remove = (of: Package): void => {
    setLeaving(null);
    act(
      async () => {
        await ask(`/api/models/packages/${encodeURIComponent(of.folder)}`, 'DELETE', undefined, CHECK_WITHIN_MS);
      },
      () => words.remove.done(titleOfPackage(of)),
    ).catch(() => undefined);
  };

  return (
    <section class="wide admin models">
      <h1>{words.title}</h1>
      <p>{words.what}</p>
      <p role="alert" class="kind-fault">
        {refused || problem}
      </p>
      {value === null ? (
        <p>{words.loading}</p>
      ) : (
        <>
          <p role="status">
            {[value.isDeciding ? words.checking : said, ...loadingOf(value)].filter((text) => text !== '').join(' ')}
          </p>
          <Serving value={value} onEnd={() => setChange({ kind: 'end', package: null })} />
          <h2>{words.packages}</h2>
          <p class="muted">
            {value.isChecking || value.checkedAtMs === null
              ? words.checkingFiles
              : words.checkedAt(clockTime(value.checkedAtMs, now))}
          </p>
          <Packages value={value} opened={opened} onOpen={setOpened} onChoose={setChange} onRemove={setLeaving} />
          <PackageInstall mostBytes={value.mostUploadBytes} isBusy={value.isDeciding} run={act} />
          {opened !== null && (
            <ModelCard
              key={opened}
              sha256={opened}
              name={nameOf(
                value.packages.find(({ model }) => model?.sha256 === opened)?.model ?? { name: '', version: '' },
              )}
              onClose={() => {
                setOpened(null);
                document.getElementById(`card-${opened}`)?.focus();
              }}
            />
          )}
          {value.wanted.shadow !== null && (
            <ModelComparison key={`${value.wanted.active?.sha256 ?? ''} ${value.wanted.shadow.sha256}`} />
          )}
          <h2>{words.history}</h2>
          <History value={value} />
          <ModelUse key={value.wanted.active?.sha256 ?? ''} />
        </>
      )}
      {change !== null && (
        <ChangeDialog
          change={change}
          secondPerson={value?.secondPerson ?? false}
          secondSignature={value?.secondSignature ?? 'command-line'}
          onEnd={(decision) => (decision === null ? setChange(null) : decide(change, decision))}
        />
      )}
      {leaving !== null && (
        <PackageRemoval
          name={titleOfPackage(leaving)}
          onEnd={(isWanted) => (isWanted ? remove(leaving) : setLeaving(null))}
        />
      )}
      {dialog}
    </section>
  );
}

/** What has been decided and is not in use yet, in words. */
function loadingOf({ history }: ModelsAnswer): string[] {
  return ROLES.flatMap((role) => {
    const newest = history.find((one) => one.role === role);
    return newest?.model != null && newest.inUseAtMs === null && newest.failure === null
      ? [words.loadingModel(nameOf(newest.model))]
      : [];
  });
}

function Serving({ value: { serving, wanted }, onEnd }: { value: ModelsAnswer; onEnd: () => void }) {
  const line = (of: ModelsAnswer['serving']['shadow'], nothing: string, isFault: boolean) => (
    <>
      {of?.model == null ? (
        <span class={isFault ? 'kind-fault' : 'muted'}>{nothing}</span>
      ) : (
        <>
          {`${nameOf(of.model)}, ${words.serving(of.model.provider)} `}
          <span class="muted digest">{of.model.sha256.slice(0, 12)}</span>
        </>
      )}
      {of?.error != null && <span class="kind-fault reason">{of.error}</span>}
    </>
  );
  return (
    <>
      <h2>{words.inUse}</h2>
      <dl class="system-facts">
        <dt>{words.roles.active}</dt>
        <dd>{line(serving.active, words.nothingActive, true)}</dd>
        <dt>{words.roles.shadow}</dt>
        <dd>
          {line(
            serving.shadow,
            wanted.shadow === null ? words.noShadow : words.loadingModel(nameOf(wanted.shadow)),
            false,
          )}{' '}
          {wanted.shadow !== null && (
            <button type="button" onClick={onEnd}>
              {words.endShadow}
            </button>
          )}
        </dd>
      </dl>
    </>
  );
}

function Packages({
  value,
  opened,
  onOpen,
  onChoose,
  onRemove,
}: {
  value: ModelsAnswer;
  opened: string | null;
  onOpen: (sha256: string | null) => void;
  onChoose: (change: ModelChange) => void;
  onRemove: (of: Package) => void;
}) {
  if (value.packages.length === 0) return <p>{value.checkedAtMs === null ? words.loading : words.noPackages}</p>;
  return (
    <PlainTable
      name={words.packages}
      heads={[
        words.package,
        words.digest,
        words.kind,
        words.from,
        words.state,
        words.validated,
        words.role,
        words.actions,
      ]}
    >
      {value.packages.map((one) => (
        <tr key={one.folder}>
          <th scope="row">{titleOfPackage(one)}</th>
          <td class="digest">{one.model?.sha256.slice(0, 12) ?? '-'}</td>
          <td>{one.kind ?? '-'}</td>
          <td>{words.sources[one.source]}</td>
          <td class={one.state === 'damaged' ? 'kind-fault' : ''}>
            {words.states[one.state]}
            {one.problem !== null && <span class="reason">{one.problem}</span>}
          </td>
          <td>{one.model === null ? '-' : validationText(one.validation, value.nowMs)}</td>
          <td>{one.roles.map((role) => words.roles[role]).join(', ')}</td>
          <td class="actions">
            {one.model !== null && (
              <Actions
                of={one}
                name={nameOf(one.model)}
                sha256={one.model.sha256}
                isBusy={value.isDeciding}
                opened={opened}
                onOpen={onOpen}
                onChoose={onChoose}
              />
            )}
            {one.removable && (
              <button
                type="button"
                disabled={value.isDeciding}
                aria-label={words.doTo(words.removal, titleOfPackage(one))}
                onClick={() => onRemove(one)}
              >
                {words.removal}
              </button>
            )}
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

/** When the package was last validated here, on how much, and why that may not count. */
function validationText(validation: Package['validation'], nowMs: number): string {
  if (validation === null) return words.never;
  const { atMs, positives, negatives, suffices, synthetic } = validation;
  const text = words.validation(clockTime(atMs, nowMs), positives, negatives);
  return suffices ? text : `${text}: ${synthetic ? words.onPhantoms : words.notEnough}`;
}

function Actions({
  of,
  name,
  sha256,
  isBusy,
  opened,
  onOpen,
  onChoose,
}: {
  of: Package;
  name: string;
  sha256: string;
  isBusy: boolean;
  opened: string | null;
  onOpen: (sha256: string | null) => void;
  onChoose: (change: ModelChange) => void;
}) {
  const changes: [ModelChange['kind'], string, hidden: boolean][] = [
    ['activate', words.activate, of.roles.includes('active')],
    ['shadow', words.makeShadow, of.roles.length > 0],
  ];
  return (
    <>
      <button
        type="button"
        id={`card-${sha256}`}
        aria-expanded={opened === sha256}
        aria-controls={opened === sha256 ? 'model-card' : undefined}
        aria-label={words.doTo(words.card, name)}
        onClick={() => onOpen(opened === sha256 ? null : sha256)}
      >
        {words.card}
      </button>
      {changes.map(
        ([kind, title, hidden]) =>
          !hidden && (
            <button
              key={kind}
              type="button"
              disabled={isBusy}
              aria-label={words.doTo(title, name)}
              onClick={() => onChoose({ kind, package: of })}
            >
              {title}
            </button>
          ),
      )}
    </>
  );
}

function History({ value: { history, nowMs } }: { value: ModelsAnswer }) {
  if (history.length === 0) return <p class="muted">{words.noHistory}</p>;
  return (
    <PlainTable name={words.history} heads={words.historyHeads}>
      {history.map((one) => (
        <tr key={one.id}>
          <td>{clockTime(one.atMs, nowMs)}</td>
          <td>{words.roles[one.role]}</td>
          <td>{one.model === null ? words.emptied : nameOf(one.model)}</td>
          <td>
            {one.role === 'shadow' ? '-' : one.threshold === null ? words.asInForce : thresholdText(one.threshold)}
          </td>
          <td class="reason-text">
            <bdi>{one.reason}</bdi>
          </td>
          <td>
            <bdi>{one.approvedBy === null ? one.by : words.signedBy(one.by, one.approvedBy)}</bdi>
          </td>
          <td class={one.failure === null ? '' : 'kind-fault'}>
            {cameOf(one, history.find(({ role }) => role === one.role) === one, nowMs)}
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

function cameOf({ model, failure, inUseAtMs }: Activation, isNewest: boolean, nowMs: number): string {
  const { came } = words;
  if (model === null) return came.ended;
  if (failure !== null) return came.failed(failure);
  if (inUseAtMs === null) return isNewest ? came.loading : came.replaced;
  return (isNewest ? came.inUse : came.wasInUse)(clockTime(inUseAtMs, nowMs));
}
