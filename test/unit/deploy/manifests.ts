import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, parse } from 'yaml';
import { packageRoot } from '../../../src/base/packageRoot.ts';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/configFile.ts';

export const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');

/** What the tests look at in a manifest; the schema has the rest. */
export interface Manifest {
  /** File, kind and name. */
  title: string;
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: Record<string, unknown>;
  data?: Record<string, string>;
}

interface Mount {
  name: string;
  mountPath: string;
  subPath?: string;
  readOnly?: boolean;
}

export interface Volume {
  name: string;
  emptyDir?: object;
  configMap?: { name: string };
  secret?: { secretName: string; optional?: boolean; defaultMode: number };
  persistentVolumeClaim?: { claimName: string };
}

interface Probe {
  httpGet: { path: string; port: string };
}

interface Container {
  image: string;
  env: { name: string; value: string }[];
  ports: { name: string; containerPort: number }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  resources: { requests: Amounts; limits: Amounts };
  securityContext: object;
  volumeMounts: Mount[];
}

interface Amounts {
  cpu: string;
  memory: string;
}

/** A StatefulSet or a Deployment of agents. */
export interface Agents {
  /** Name of its file. */
  part: string;
  kind: string;
  replicas: number;
  labels: Record<string, string>;
  pod: Record<string, unknown> & { containers: [Container]; volumes: Volume[] };
  container: Container;
  /** Volumes of the pod, those that each pod of a StatefulSet has a claim of its own for included. */
  volumes: Volume[];
  /** What the agent reads in this pod. */
  config: Config;
}

const FOLDER = 'docker/kubernetes';

export const manifests: readonly Manifest[] = readdirSync(join(packageRoot, FOLDER)).flatMap((file) =>
  parseAllDocuments(read(`${FOLDER}/${file}`), { strict: true, uniqueKeys: true }).map((document) => {
    if ('errors' in document && document.errors[0] !== undefined) throw document.errors[0];
    const manifest = document.toJS() as Manifest;
    return { ...manifest, title: `${file}: ${manifest.kind} ${manifest.metadata.name}` };
  }),
);

export const ofKind = (kind: string): Manifest[] => manifests.filter((one) => one.kind === kind);

/** The environment that docker/Dockerfile sets. */
const imageEnvironment = Object.fromEntries(
  read('docker/Dockerfile')
    .match(/^ENV (.*)$/m)![1]!
    .split(' ')
    .map((pair) => pair.split('=') as [string, string]),
);

/** The configuration in force for an agent of the image with this site's file and environment. @throws TriageError `config-invalid` */
export function configOf(siteFile: string, environment: Record<string, string>): Config {
  const folder = mkdtempSync(join(tmpdir(), 'odontoid-deploy-'));
  try {
    const path = join(folder, 'odontoid.yaml');
    writeFileSync(path, siteFile);
    return loadConfig(path, { ...imageEnvironment, ...environment });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const siteFile = ofKind('ConfigMap')[0]!.data!['odontoid.yaml']!;

export const agents: readonly Agents[] = manifests
  .filter(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment')
  .map(({ title, kind, spec }) => {
    const {
      replicas,
      template,
      volumeClaimTemplates = [],
    } = spec as {
      replicas: number;
      template: { metadata: { labels: Record<string, string> }; spec: Agents['pod'] };
      volumeClaimTemplates?: { metadata: { name: string } }[];
    };
    const [container] = template.spec.containers;
    return {
      part: title.replace(/\.yaml.*/, ''),
      kind,
      replicas,
      labels: template.metadata.labels,
      pod: template.spec,
      container,
      volumes: [...template.spec.volumes, ...volumeClaimTemplates.map(({ metadata }) => ({ name: metadata.name }))],
      config: configOf(siteFile, environmentOf(container)),
    };
  });

export function environmentOf({ env }: Pick<Container, 'env'>): Record<string, string> {
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

/** The agents that a selector finds. */
export function selected(labels: Record<string, string>): Agents[] {
  return agents.filter((one) => Object.entries(labels).every(([name, value]) => one.labels[name] === value));
}

/** The lines of a fenced block of a document that follow its first line `begin`. */
export function block(document: string, language: string, begin: string): string {
  const found = [...read(document).matchAll(new RegExp(`^ *\`\`\`${language}\n([\\s\\S]*?)^ *\`\`\``, 'gm'))]
    .map(([, text]) => text!)
    .find((text) => text.startsWith(begin));
  if (found === undefined) throw new Error(`${document} has no block of ${language} that begins with ${begin}`);
  return found;
}

export const parsed = (text: string): unknown => parse(text) as unknown;
