import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runTool } from '../../interop/dcmtk.ts';

/** A finding of Jing: `path:line:column: error: message`. Its wrapper script also prints warnings of Java that say nothing of the documents. */
const FINDING = /:\d+:\d+: (?:error|fatal): /;

/**
 * What Jing finds in these documents by the schema of PS3.15 A.5.1, a line each; empty when all are valid.
 *
 * @throws when Jing objects without a finding: then it has not looked at them
 */
export async function complaintsOfSchema(documents: readonly string[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'odontoid-audit-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const paths = documents.map((_, index) => join(folder, `${index}.xml`));
  for (const [index, path] of paths.entries()) await writeFile(path, documents[index]!);
  const schema = join(import.meta.dirname, 'dicomAuditMessage.rnc');
  const { exitCode, stdout, stderr } = await runTool('jing', ['-c', schema, ...paths]);
  const findings = `${stdout}\n${stderr}`.split('\n').filter((line) => FINDING.test(line));
  // 0: all valid, 1: some are not.
  if ((exitCode === 0) !== (findings.length === 0)) throw new Error(`jing ended with ${exitCode}: ${stdout}${stderr}`);
  return findings;
}
