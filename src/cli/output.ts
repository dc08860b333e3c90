import cliProgress from 'cli-progress';

/** Writes one JSON document to standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Writes a line of the report to standard output. */
export function printLine(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a line about progress to standard error. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

export interface Progress {
  set(done: number, detail?: string): void;
  stop(): void;
}

/** A progress bar on standard error: a real bar on a terminal, a line at every tenth where there is none. */
export function progressBar(label: string, total: number): Progress {
  if (process.stderr.isTTY && total > 0) {
    const bar = new cliProgress.SingleBar(
      {
        format: `${label.padEnd(24)} {bar} {value}/{total} {detail}`,
        stream: process.stderr,
        hideCursor: true,
        clearOnComplete: false,
      },
      cliProgress.Presets.shades_classic,
    );
    bar.start(total, 0, { detail: '' });
    return {
      set: (done, detail = '') => {
        bar.update(done, { detail });
      },
      stop: () => {
        bar.stop();
      },
    };
  }
  let lastTenth = -1;
  return {
    set: (done) => {
      const tenth = total === 0 ? 10 : Math.floor((10 * done) / total);
      if (tenth === lastTenth) return;
      lastTenth = tenth;
      note(`${label}: ${done}/${total}`);
    },
    stop: () => undefined,
  };
}

/** A table for people: columns padded to their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Tables with their titles and notes. */
export function printTables(
  tables: readonly {
    title: string;
    head: readonly string[];
    rows: readonly (readonly string[])[];
    notes: readonly string[];
  }[],
): void {
  for (const { title, head, rows, notes } of tables) {
    printLine();
    printLine(title);
    printLine(table(head, rows));
    for (const text of notes) printLine(text);
  }
  printLine();
}
