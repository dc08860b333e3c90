import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { configSchema, type Config, type SecretSource } from './config.ts';
import { unsafeExposure } from './webSettings.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import { packageRoot } from '../base/packageRoot.ts';

/** Environment variables such as `ODONTOID__RECEIVE__PORT=11113` override the files; two underscores enter a section. */
const ENVIRONMENT_PREFIX = 'ODONTOID__';

interface Layer {
  /** For messages: a path, or `environment`. */
  name: string;
  value: unknown;
  document?: Document.Parsed;
  lines?: LineCounter;
}

/**
 * Reads `config/default.yaml`, the site's file over it, and the environment over both.
 * The site's file is `path`, else `ODONTOID_CONFIG`, else `odontoid.yaml` in the working directory where there is one.
 *
 * @throws TriageError `config-invalid` that names file, line, key, what was expected, and the nearest known key for a misspelt one.
 */
export function loadConfig(path: string | undefined, environment: NodeJS.ProcessEnv): Config {
  const layers = [readLayer(resolve(packageRoot, 'config/default.yaml'))];
  const site = path ?? environment['ODONTOID_CONFIG'] ?? (existsSync('odontoid.yaml') ? 'odontoid.yaml' : undefined);
  if (site !== undefined) layers.push(readLayer(resolve(site)));
  layers.push({ name: 'environment', value: environmentLayer(environment) });
  for (const layer of layers) checkLayer(layer);

  const merged = layers.reduce<unknown>((base, layer) => merge(base, layer.value), {});
  const parsed = configSchema.safeParse(merged);
  if (!parsed.success)
    throw new TriageError('config-invalid', parsed.error.issues.map((issue) => describe(issue, layers)).join('\n'));
  return finished(parsed.data);
}

/** A configuration from values alone (demo, `analyse`, tests), with defaults for everything else. @throws TriageError `config-invalid` */
export function configFrom(value: z.input<typeof configSchema>): Config {
  const layer = { name: 'settings', value };
  const parsed = configSchema.safeParse(value);
  if (!parsed.success)
    throw new TriageError('config-invalid', parsed.error.issues.map((issue) => describe(issue, [layer])).join('\n'));
  return finished(parsed.data);
}

function finished(config: z.infer<typeof configSchema>): Config {
  const exposure = unsafeExposure(config.web);
  if (exposure !== null) throw new TriageError('config-invalid', exposure);
  if (config.thresholds.secondPerson && config.web.signIn === 'off')
    throw new TriageError(
      'config-invalid',
      'thresholds.secondPerson: without sign-in nobody can be told from a second person. Set web.signIn to local or oidc.',
    );
  const pinned = config.receive.sources.find(({ certificates }) => certificates !== undefined);
  if (pinned !== undefined && config.receive.tls?.caFile === undefined)
    throw new TriageError(
      'config-invalid',
      `receive.sources ${pinned.aeTitle}: its certificates can be seen only with receive.tls and receive.tls.caFile. Name them.`,
    );
  const unknown = config.proofOfLife.sendTo.find(
    (name) => !config.destinations.some((destination) => destination.name === name),
  );
  if (unknown !== undefined)
    throw new TriageError(
      'config-invalid',
      `proofOfLife.sendTo: there is no destination ${unknown}. Name one of destinations[].name.`,
    );
  checkSelection(config);
  return freeze({
    ...config,
    dataDir: resolve(config.dataDir),
    infer: { ...config.infer, modelDir: resolve(packageRoot, config.infer.modelDir) },
  });
}

/** @throws TriageError `config-invalid` for two rules of one name, a destination that there is not, or one for a rule that sends nothing */
function checkSelection({ selection, destinations }: Config): void {
  const names = new Set<string>();
  for (const { name, do: action, destinations: sent = [] } of selection) {
    const problem = (text: string) => new TriageError('config-invalid', `selection, rule ${name}: ${text}`);
    if (names.has(name)) throw problem('another rule has this name too. Give it one of its own.');
    names.add(name);
    const unknown = sent.find((one) => !destinations.some((destination) => destination.name === one));
    if (unknown !== undefined) throw problem(`there is no destination ${unknown}. Name one of destinations[].name.`);
    if (sent.length > 0 && action !== 'accept')
      throw problem(`it sends nothing (do: ${action}), so leave its destinations out.`);
  }
}

/** The value of a secret. @throws TriageError `config-invalid` when the variable or the file does not exist */
export function readSecret(source: SecretSource, environment: NodeJS.ProcessEnv): string {
  if (source.env !== undefined) {
    const value = environment[source.env];
    if (value === undefined || value === '')
      throw new TriageError(
        'config-invalid',
        `The secret is to come from the environment variable ${source.env}, which is not set.`,
      );
    return value;
  }
  try {
    return readFileSync(source.file!, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new TriageError(
      'config-invalid',
      `The secret is to come from the file ${String(source.file)}, which cannot be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** The contents of a certificate or key file. @throws TriageError `config-invalid` when the file cannot be read */
export function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TriageError(
      'config-invalid',
      `The file ${path}, named in the configuration, cannot be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function readLayer(path: string): Layer {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new TriageError('config-invalid', `The configuration file ${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true });
  const first = document.errors[0];
  if (first) throw new TriageError('config-invalid', `${path}: ${first.message}`);
  return { name: path, value: document.toJS() ?? {}, document, lines };
}

/** Checks the shape only: unknown keys and wrong types, layer by layer, so that the message can name the line. */
function checkLayer(layer: Layer): void {
  const parsed = configSchema.safeParse(layer.value);
  if (parsed.success) return;
  throw new TriageError('config-invalid', parsed.error.issues.map((issue) => describe(issue, [layer])).join('\n'));
}

function describe(issue: z.core.$ZodIssue, layers: readonly Layer[]): string {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .map((key) => {
        const near = nearest(key, knownKeys(path));
        return `${place([...path, key], layers)}${[...path, key].join('.')} is not an option${near === null ? '' : `; did you mean ${[...path, near].join('.')}?`}`;
      })
      .join('\n');
  }
  return `${place(path, layers)}${path.join('.') || 'the configuration'}: ${issue.message}`;
}

function place(path: readonly string[], layers: readonly Layer[]): string {
  for (const layer of [...layers].reverse()) {
    // A missing key has no node of its own: point to its nearest parent.
    for (let depth = path.length; depth > 0; depth--) {
      const steps = path.slice(0, depth).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
      if (layer.document === undefined || layer.lines === undefined) {
        if (valueAt(layer.value, path) !== undefined) return `${layer.name}: `;
        break;
      }
      const node = layer.document.getIn(steps, true);
      if (isNode(node) && node.range) {
        const { line, col } = layer.lines.linePos(node.range[0]);
        return `${layer.name}:${line}:${col}: `;
      }
    }
  }
  return '';
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, step) => (isSection(inner) ? inner[step] : undefined), value);
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Merges sections key by key; everything else, including lists, is replaced. */
function merge(base: unknown, over: unknown): unknown {
  if (!isSection(base) || !isSection(over)) return over;
  const out: Record<string, unknown> = Object.assign(Object.create(null) as Record<string, unknown>, base);
  for (const [key, value] of Object.entries(over)) out[key] = key in out ? merge(out[key], value) : value;
  return { ...out };
}

function knownKeys(path: readonly string[]): string[] {
  let node = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  for (const step of path) node = node.properties?.[step] ?? node.items ?? {};
  const alternatives = node.oneOf ?? node.anyOf ?? [node];
  return alternatives.flatMap((alternative) => Object.keys(alternative.properties ?? {}));
}
interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
}

/** The known word nearest to `word` by edit distance, or null when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: { word: string; distance: number } | null = null;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (best === null || distance < best.distance) best = { word: candidate, distance };
  }
  return best !== null && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.word : null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}

function environmentLayer(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const layer: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || text === undefined) continue;
    const path: string[] = [];
    for (const word of name.slice(ENVIRONMENT_PREFIX.length).split('__')) {
      const wanted = word.replaceAll('_', '').toLowerCase();
      const known = knownKeys(path).find((key) => key.toLowerCase() === wanted);
      if (known === undefined) {
        const near = nearest(wanted, knownKeys(path));
        throw new TriageError(
          'config-invalid',
          `environment: ${name} names no option${near === null ? '' : `; did you mean ${[...path, near].join('.')}?`}`,
        );
      }
      path.push(known);
    }
    let section = layer;
    for (const step of path.slice(0, -1)) section = (section[step] ??= {}) as Record<string, unknown>;
    // Values are parsed as YAML, so numbers, booleans and lists are read as in the files.
    section[path.at(-1)!] = parseDocument(text).toJS() as unknown;
  }
  return layer;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
