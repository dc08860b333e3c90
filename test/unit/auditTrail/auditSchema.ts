import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runTool } from '../../interop/dcmtk.ts';

/** What Jing says of these documents by the schema of PS3.15 A.5.1, a line each; empty when all are valid. */
export async function complaintsOfSchema(documents: readonly string[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'odontoid-audit-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const paths = documents.map((_, index) => join(folder, `${index}.xml`));
  for (const [index, path] of paths.entries()) await writeFile(path, documents[index]!);
  const { stdout, stderr } = await runTool('jing', ['-c', join(import.meta.dirname, 'dicomAuditMessage.rnc'), ...paths]);
  return `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !line.startsWith('Picked up '));
}
