// Run by npm before `npm pack`: makes node_modules/onnxruntime-node ready to travel inside the tarball (bundleDependencies in package.json).
// Whoever installs the tarball must not run its postinstall: that loads CUDA libraries from outside the npm registry, and where it cannot, the whole
// installation fails after 87 s. GPU sites run it by hand (docs/gpu.md). The libraries of macOS and Windows (200 MB) stay behind: the tarball is for Linux.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const runtime = resolve(import.meta.dirname, '../node_modules/onnxruntime-node');
const file = resolve(runtime, 'package.json');
const { scripts: _, ...manifest } = JSON.parse(readFileSync(file, 'utf8'));
writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
for (const platform of ['darwin', 'win32'])
  rmSync(resolve(runtime, 'bin/napi-v6', platform), { recursive: true, force: true });
