import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/packageRoot.ts';

export interface ShellBlock {
  /** Path of the document from the checkout. */
  document: string;
  /** The heading under which it stands. */
  heading: string;
  /** What a reader would type, without the indentation of a list. */
  text: string;
}

/** The ```sh blocks of a Markdown document, in its order. */
export async function shellBlocks(document: string): Promise<ShellBlock[]> {
  const blocks: ShellBlock[] = [];
  let heading = '';
  let fence: { language: string; indent: string; lines: string[] } | null = null;
  for (const line of (await readFile(join(packageRoot, document), 'utf8')).split('\n')) {
    const [, indent = '', language = ''] = /^( *)```(\w*)/.exec(line) ?? [];
    const isFence = line.trimStart().startsWith('```');
    if (!isFence) {
      if (fence) fence.lines.push(line.slice(fence.indent.length));
      else if (line.startsWith('#')) heading = line.replace(/^#+ /, '');
    } else if (fence === null) fence = { language, indent, lines: [] };
    else {
      if (fence.language === 'sh') blocks.push({ document, heading, text: `${fence.lines.join('\n')}\n` });
      fence = null;
    }
  }
  return blocks;
}
