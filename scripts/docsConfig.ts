// Writes docs/configuration.md from the schema, so that the page cannot contradict the code. `--check` fails when the page would change.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { configSchema } from '../src/config/config.ts';

interface Schema {
  type?: string;
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  format?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  oneOf?: Schema[];
}

const rows: string[] = [];

function range(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.minimum !== undefined && schema.maximum !== undefined) return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'boolean') return '`true`, `false`';
  return schema.format ?? schema.type ?? '';
}

function walk(path: string, schema: Schema): void {
  if (schema.properties) {
    for (const [key, inner] of Object.entries(schema.properties)) walk(path === '' ? key : `${path}.${key}`, inner);
    return;
  }
  const text = schema.description ?? '';
  const fallback = schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``;
  if (schema.oneOf) {
    rows.push(`| \`${path}\` | one of the kinds below | ${fallback} | ${text} |`);
    for (const option of schema.oneOf) walk(path, option);
    return;
  }
  if (schema.type === 'array' && schema.items) {
    rows.push(`| \`${path}\` | list | ${fallback} | ${text} |`);
    if (schema.items.properties || schema.items.oneOf) walk(`${path}[]`, schema.items);
    return;
  }
  rows.push(`| \`${path}\` | ${range(schema)} | ${fallback} | ${text} |`);
}

walk('', z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Schema);
const page = `# Configuration

<!-- Written by \`npm run docs:config\` from src/config. Do not edit. -->

Three layers, the later over the earlier: \`config/default.yaml\`, the site's file (\`--config\`, else \`ODONTOID_CONFIG\`, else \`odontoid.yaml\` in the
working directory), the environment (\`ODONTOID__RECEIVE__PORT=11113\` sets \`receive.port\`; values are read as YAML). Sections merge, lists are replaced.
An unknown key stops the start, with its line and the nearest known key. Secrets come from a file or an environment variable only.

| Option | Range | Default | What it does |
|---|---|---|---|
${rows.join('\n')}
`;
const path = resolve(import.meta.dirname, '../docs/configuration.md');
if (process.argv.includes('--check')) {
  if (readFileSync(path, 'utf8') !== page) {
    console.error('docs/configuration.md is not what src/config says. Run: npm run docs:config');
    process.exit(1);
  }
} else writeFileSync(path, page);
