import { useRef, useState } from 'preact/hooks';
import type { InstalledModel } from '../../answers/modelAnswers.ts';
import { sizeText } from '../admin/sizeText.ts';
import { send } from '../parts/session.ts';
import { modelWords } from './modelsWords.ts';

const words = modelWords.install;
/** The server ends a request after an hour. */
const UPLOAD_WITHIN_MS = 3_600_000;
/** Not in the types of Preact. */
const CHOOSES_FOLDER = { webkitdirectory: true };
const MANIFEST = 'model.json';
const TEST_SCORES = 'testScores.json';

/** Takes the folder of a package. `run` does it, and shows what the server says against it. */
export function PackageInstall({
  mostBytes,
  isBusy,
  run,
}: {
  mostBytes: number;
  isBusy: boolean;
  /** Resolves when it is done or refused; `done` says what has happened. */
  run: (action: () => Promise<void>, done: () => string) => Promise<void>;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState('');
  const [sending, setSending] = useState('');
  if (mostBytes === 0) return <p class="muted">{words.onCommandLine}</p>;

  const upload = async (chosen: readonly File[]): Promise<void> => {
    const files = await filesOfPackage(chosen);
    const sizeBytes = files.reduce((sum, file) => sum + file.size, 0);
    const wrong =
      files.length === 0 ? words.noManifest : sizeBytes > mostBytes ? words.tooLarge(sizeText(mostBytes)) : '';
    setProblem(wrong);
    if (wrong !== '') return;
    setSending(words.sending(sizeText(sizeBytes)));
    let installed: InstalledModel | null = null;
    const names = files.map((file) => `${file.name}:${file.size}`).join(',');
    await run(
      async () => {
        const answer = await send(
          `/api/models/packages?files=${encodeURIComponent(names)}`,
          'POST',
          { type: 'application/octet-stream', content: new Blob(files) },
          UPLOAD_WITHIN_MS,
        );
        installed = (await answer.json()) as InstalledModel;
      },
      () => (installed === null ? '' : said(installed)),
    );
    setSending('');
  };

  return (
    <div class="install">
      <button type="button" disabled={isBusy || sending !== ''} onClick={() => input.current?.click()}>
        {words.choose}
      </button>{' '}
      <span role="status" class="muted">
        {isBusy ? '' : sending || words.what(sizeText(mostBytes))}
      </span>
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        {...CHOOSES_FOLDER}
        aria-label={words.choose}
        onChange={({ currentTarget }) => {
          const chosen = [...(currentTarget.files ?? [])];
          // The same folder can be chosen again when it was mended.
          currentTarget.value = '';
          upload(chosen).catch(() => setProblem(words.unreadable));
        }}
      />
    </div>
  );
}

function said({ model, wasThere }: InstalledModel): string {
  const name = modelWords.name(model.name, model.version);
  return wasThere ? words.wasThere(name) : words.done(name);
}

/**
 * The manifest, the files that it names and the scores of its test, from the folder that was chosen; none without a manifest. Whether they are right is for
 * the server to say.
 */
async function filesOfPackage(chosen: readonly File[]): Promise<File[]> {
  // Of the folder itself, and of no folder in it.
  const own = chosen.filter(({ webkitRelativePath }) => webkitRelativePath.split('/').length <= 2);
  const manifest = own.find(({ name }) => name === MANIFEST);
  if (manifest === undefined) return [];
  const named = namedBy(await manifest.text());
  return [manifest, ...own.filter(({ name }) => name !== MANIFEST && (named.has(name) || name === TEST_SCORES))];
}

function namedBy(manifest: string): ReadonlySet<unknown> {
  try {
    const { files } = JSON.parse(manifest) as { files?: object };
    return new Set(Object.values(files ?? {}).map((file) => (file as { path?: unknown } | null)?.path));
  } catch {
    return new Set();
  }
}
