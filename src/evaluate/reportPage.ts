import { escapeHtml } from './plots.ts';
import type { ReportTable } from './reportTables.ts';

const STYLE = `
:root { color-scheme: light dark; --page: #fff; --ink: #1c2430; --soft: #5b6675; --grid: #e1e6ec; --panel: #f4f6f9; --positive: #b3391b; --negative: #8a97a8; font: 15px/1.55 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { :root { --page: #12161c; --ink: #e4e9ef; --soft: #9aa7b6; --grid: #2a323d; --panel: #1b212a; --positive: #ff9a6b; --negative: #66758a; } }
@media print { :root { --page: #fff; --ink: #000; --soft: #444; --grid: #ddd; --panel: #fff; --positive: #b3391b; --negative: #8a97a8; } }
body { max-width: 82rem; margin: 2rem auto; padding: 0 1.25rem; background: var(--page); color: var(--ink); }
h1 { font-size: 1.6rem; margin: 0 0 0.5rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 0.4rem; }
p { margin: 0.3rem 0; max-width: 62rem; }
.facts, .note { color: var(--soft); }
.warning { border-left: 4px solid var(--positive); background: var(--panel); padding: 0.6rem 0.9rem; margin: 0.8rem 0; }
.short { background: var(--panel); padding: 0.7rem 1rem 0.7rem 2.2rem; margin: 0.8rem 0; }
.short li { margin: 0.2rem 0; }
.wide { overflow-x: auto; }
table { font-size: 0.92em; border-collapse: collapse; margin: 0.4rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.25rem 0.8rem 0.25rem 0; border-bottom: 1px solid var(--grid); vertical-align: top; }
th { font-weight: 600; }
.charts { display: flex; flex-wrap: wrap; gap: 1.2rem; margin-top: 1rem; }
.charts svg { background: var(--panel); border-radius: 6px; padding: 0.4rem; max-width: 100%; height: auto; }
.gallery { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; max-width: 20rem; }
figure img { display: block; max-width: 100%; border-radius: 6px; }
figcaption { color: var(--soft); font-size: 0.92em; overflow-wrap: anywhere; }
section, tr, svg, figure { break-inside: avoid; }
`;
const NOT_FOR_DIAGNOSIS =
  'Research software, not for diagnostic use. A scan that was not flagged can still show a fracture: never show no alert as no fracture.';

/** A picture that the page carries with it. */
export interface ReportPicture {
  /** A data URI. */
  readonly source: string;
  readonly caption: string;
}

/** Contents of a report's page; texts are plain, charts are SVG. */
export interface ReportPage {
  readonly title: string;
  /** Dataset, model, date: a line each. */
  readonly facts: readonly string[];
  /** What a reader in a hurry should know, a sentence each. */
  readonly inShort: readonly string[];
  readonly charts: readonly string[];
  readonly tables: readonly ReportTable[];
  readonly galleries?: readonly {
    readonly title: string;
    readonly note: string;
    readonly pictures: readonly ReportPicture[];
  }[];
}

/** One page: no script, nothing fetched. */
export function reportPage({ title, facts, inShort, charts, tables, galleries = [] }: ReportPage): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Odontoid: ${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><h1>${escapeHtml(title)}</h1>
<p class="warning"><strong>${NOT_FOR_DIAGNOSIS}</strong></p>
${facts.map((fact) => `<p class="facts">${escapeHtml(fact)}</p>`).join('\n')}
${inShort.length === 0 ? '' : `<h2>In short</h2>\n<ul class="short">${inShort.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`}
${charts.length === 0 ? '' : `<div class="charts">${charts.join('\n')}</div>`}
${galleries.map(htmlGallery).join('\n')}
${tables.map(htmlTable).join('\n')}
</body></html>
`;
}

function htmlTable({ title, head, rows, notes }: ReportTable): string {
  const cells = (tag: string, texts: readonly string[]): string =>
    texts.map((text) => `<${tag}>${escapeHtml(unbroken(text))}</${tag}>`).join('');
  return `<section><h2>${escapeHtml(title)}</h2>
<div class="wide"><table><thead><tr>${cells('th', head)}</tr></thead><tbody>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('')}</tbody></table></div>
${notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join('\n')}</section>`;
}

function htmlGallery({ title, note, pictures }: NonNullable<ReportPage['galleries']>[number]): string {
  return `<section><h2>${escapeHtml(title)}</h2>
<p class="note">${escapeHtml(note)}</p>
<div class="gallery">${pictures.map(({ source, caption }) => `<figure><img src="${escapeHtml(source)}" alt="${escapeHtml(caption)}"><figcaption>${escapeHtml(caption)}</figcaption></figure>`).join('')}</div></section>`;
}

/** A figure may wrap before its interval and nowhere else. */
function unbroken(text: string): string {
  return /^[+-]?\d/.test(text)
    ? text.replaceAll(' ± ', '\u00a0±\u00a0').replaceAll(' to ', '\u00a0to\u00a0').replaceAll(' of ', '\u00a0of\u00a0')
    : text;
}
