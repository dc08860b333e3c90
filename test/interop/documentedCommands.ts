import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { shellBlocks } from './shellBlocks.ts';

/** The beginnings of commands that another test runs, with smaller numbers or with a partner that documentedCommands.test.ts does not have. */
export const RUN_ELSEWHERE: Record<string, string> = {
  'odontoid pull --from archive --accession': 'test/interop/pull.test.ts',
  'npm run demo': 'test/interop/demo.test.ts',
  'odontoid demo': 'test/interop/demo.test.ts',
  'npx odontoid demo --model': 'test/pipeline/training.test.ts',
  'odontoid validate --site': 'test/pipeline/evaluate.test.ts',
  'npx odontoid validate --site': 'test/pipeline/evaluate.test.ts',
  'npm run soak': 'test/interop/soak.test.ts',
  'training/train --profile compact --seed': 'test/pipeline/training.test.ts',
  'training/train --profile paper --seed': 'test/pipeline/training.test.ts',
  'training/train --profile volume --seed': 'test/pipeline/training.test.ts',
  'training/train --profile vertebra --seed': 'test/pipeline/training.test.ts',
  'training/train --profile resnet50 --seed': 'test/pipeline/training.test.ts',
  'training/train --profile paper --dataset rsna-2022 --split split.json --name our-network':
    'test/pipeline/training.test.ts',
  'npx odontoid model verify trained/package': 'test/pipeline/training.test.ts',
  'odontoid model install trained/package': 'test/pipeline/training.test.ts',
  'npx odontoid evaluate rsna-2022 --model our-network': 'test/pipeline/training.test.ts',
  'odontoid model activate our-network': 'test/pipeline/training.test.ts',
  'odontoid model recalibrate': 'test/pipeline/recalibration.test.ts',
  'training/crossval': 'test/pipeline/training.test.ts',
  'odontoid doctor': 'test/postgres/agent.test.ts',
  'odontoid migrate': 'test/postgres/agent.test.ts',
  'odontoid serve': 'test/postgres/agent.test.ts',
};

/** The beginnings of commands that no test runs, and why: what runs here is not for this list. */
export const NOT_RUN: Record<string, string> = {
  'npm test': 'it runs the tests',
  'npm run check': '.ci/run runs its parts',
  'npm run bench': 'takes minutes on an idle machine',
  'ONNXRUNTIME_NODE_INSTALL=cuda12 node': 'fetches CUDA, for a GPU',
  'docker build': 'needs a Docker engine; test/interop/dockerImage.test.ts does its steps',
  'docker compose': 'needs a Docker engine; test/unit/deploy checks the file',
  'MACHINE=2 docker compose': 'needs a Docker engine; test/unit/deploy checks the file',
  'kubectl ': 'needs a cluster; test/unit/deploy checks the manifests',
};

export interface DocumentedCommand {
  /** Path of the document from the checkout. */
  document: string;
  /** What a reader would type: one command, on one line, without its comment. */
  text: string;
}

/** Every document in which a reader finds commands. */
export async function guides(): Promise<string[]> {
  const docs = (await readdir(join(packageRoot, 'docs'))).filter((name) => name.endsWith('.md')).sort();
  return ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'training/README.md', ...docs.map((name) => `docs/${name}`)];
}

/**
 * The commands of a document, in its order and each once: the lines of its shell blocks, what stands in backticks in its text and calls `odontoid` with
 * arguments, and the table of docs/command-line.md, each row with all its options and the first of several alternatives.
 */
export async function documentedCommands(document: string): Promise<DocumentedCommand[]> {
  const blocks = (await shellBlocks(document)).filter(({ heading }) => heading !== 'With Orthanc');
  const lines = blocks.flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'));
  const prose = (await readFile(join(packageRoot, document), 'utf8')).replace(/^ *```[\s\S]*?^ *```/gm, '');
  const rows = document === 'docs/command-line.md' ? prose.split('\n').filter((line) => line.startsWith('| `')) : [];
  const inText = prose
    .split('\n')
    .filter((line) => !rows.includes(line))
    .flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, code]) => code!))
    .filter((code) => /^(npx )?odontoid /.test(code) && !isOnlyAName(code));
  const texts = [
    ...lines.map((line) =>
      line
        .replace(/\s+#.*/, '')
        .replaceAll(/ {2,}/g, ' ')
        .trim(),
    ),
    ...inText,
  ];
  for (const row of rows)
    for (const [, usage] of row.split(' | ')[0]!.matchAll(/`([^`]+)`/g))
      texts.push(`odontoid ${withAllOptions(usage!.replaceAll('\\|', '|'))}`);
  return [...new Set(texts)].filter((text) => text !== '').map((text) => ({ document, text }));
}

/** `odontoid model list` in a sentence names a command; the table of docs/command-line.md has it too. */
function isOnlyAName(code: string): boolean {
  return /^(npx )?odontoid( [a-z]+){1,2}$/.test(code) || code === 'npx odontoid COMMAND';
}

/** `echo AE@host [--calling AE] [--a | --b] (--c | --d)` becomes `echo AE@host --calling AE --a --c`. */
function withAllOptions(usage: string): string {
  return usage
    .replaceAll(/ \| [^\])]*/g, '')
    .replaceAll(/[[\]()]/g, '')
    .replaceAll(/\|[^\s|]+/g, '');
}
