// Run by npm before `npm pack`: prepares node_modules/onnxruntime-node for bundling in the tarball (bundleDependencies in package.json).
// Its postinstall must not run where the tarball is installed: it downloads CUDA libraries from outside the npm registry, and where it cannot, the whole
// installation fails after 87 s. GPU sites run it by hand (docs/gpu.md). The libraries for macOS and Windows (200 MB) are left out: the tarball is for Linux.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const runtime = resolve(import.meta.dirname, '../node_modules/onnxruntime-node');
const file = resolve(runtime, 'package.json');
const { scripts: _, ...manifest } = JSON.parse(readFileSync(file, 'utf8'));
writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
for (const platform of ['darwin', 'win32'])
  rmSync(resolve(runtime, 'bin/napi-v6', platform), { recursive: true, force: true });
