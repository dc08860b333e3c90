import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pixelmatch from 'pixelmatch';
import type { Locator, Page } from 'playwright-core';
import { PNG } from 'pngjs';

const pictures = resolve(import.meta.dirname, '../../docs/pictures');
/** Pixels of a side of the square in which differences are counted: a word or two. */
const WINDOW = 48;
/** Most pixels that may differ in any such square. One letter of a word has more; edges that another build of the browser smooths otherwise do not count. */
const MOST_DIFFERENT = 12;

/**
 * Holds what is shown to the picture of the guides: docs/pictures/NAME.png. With `ODONTOID_DRAW_PICTURES` set (`npm run docs:pictures`) it becomes that
 * picture, unless it is that one already.
 *
 * @throws Error naming the new picture and one with the differences, when somebody reading the guide would see another page than this one
 */
export async function holdsToGuide(shown: Page | Locator, name: string): Promise<void> {
  const path = join(pictures, `${name}.png`);
  const drawn = await shown.screenshot({ animations: 'disabled' });
  const committed = await readFile(path).catch(() => null);
  const difference =
    committed === null ? 'there is none yet' : differenceOf(PNG.sync.read(committed), PNG.sync.read(drawn));
  if (difference === null) return;
  if (process.env['ODONTOID_DRAW_PICTURES']) {
    await writeFile(path, drawn);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'odontoid-guide-'));
  await writeFile(join(folder, `${name}.png`), drawn);
  if (typeof difference !== 'string')
    await writeFile(join(folder, `${name}-difference.png`), PNG.sync.write(difference));
  throw new Error(
    `docs/pictures/${name}.png is not what the page shows (${typeof difference === 'string' ? difference : 'where, is marked beside the new one'}). New: ${folder}. If the page is right, draw the guides' pictures anew (npm run docs:pictures), look at them and commit them.`,
  );
}

/** What differs, as a picture, or in words; null when nothing does that a reader could see. */
function differenceOf(committed: PNG, drawn: PNG): PNG | string | null {
  const { width, height } = drawn;
  if (committed.width !== width || committed.height !== height)
    return `it is ${committed.width} x ${committed.height} pixels, the page ${width} x ${height}`;
  const marked = new PNG({ width, height });
  const worst = pixelmatch(committed.data, drawn.data, marked.data, width, height, { windowSize: WINDOW });
  return worst > MOST_DIFFERENT ? marked : null;
}
