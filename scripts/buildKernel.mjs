// Compiles src/preprocess/kernel to WebAssembly, beside its source, unless what is there is newer. The build takes it from there to dist/;
// tests and scripts that run from the sources use it where it is.
import { existsSync, renameSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const KERNEL = 'src/preprocess/kernel/sliceKernel';

/** Absolute path of the compiled module. */
export const kernelPath = resolve(root, `${KERNEL}.wasm`);

/** Compiles the kernel where it is missing or older than its source, the compiler or this script. */
export default async function buildKernel() {
  const changedMs = (path) => (existsSync(resolve(root, path)) ? statSync(resolve(root, path)).mtimeMs : 0);
  const sources = [`${KERNEL}.ts`, 'package-lock.json', 'scripts/buildKernel.mjs'];
  if (sources.every((path) => changedMs(path) < changedMs(`${KERNEL}.wasm`))) return;
  const compiler = await import('assemblyscript/asc').catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('The AssemblyScript compiler is not installed: run `node scripts/ensureDeps.mjs`.');
  });
  // Several test runs may compile at once: each its own file, the last one wins.
  const written = `${KERNEL}.${process.pid}.tmp.wasm`;
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--use', 'abort='];
  const { error, stderr } = await compiler.main([`${KERNEL}.ts`, '--baseDir', root, '--outFile', written, ...options]);
  if (error !== null) throw new Error(`The kernel does not compile: ${error.message}\n${stderr.toString()}`);
  renameSync(resolve(root, written), kernelPath);
}

if (process.argv[1] === import.meta.filename) await buildKernel();
