import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { BlockList } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { configProblems } from '../../../src/compose/checkConfig.ts';
import { databasePlace } from '../../../src/compose/places.ts';
import { NODE_ROLES } from '../../../src/config/databaseSettings.ts';
import {
  agents,
  block,
  configOf,
  environmentOf,
  manifests,
  ofKind,
  parsed,
  read,
  selected,
  siteFile,
  type Agents,
} from './manifests.ts';

const MIB = { Mi: 1, Gi: 1024 } as const;
const mib = (text: string): number => Number(text.slice(0, -2)) * MIB[text.slice(-2) as keyof typeof MIB];
const byPart = (part: string): Agents => agents.find((one) => one.part === part)!;
const portsOf = ({ container }: Agents): Record<string, number> =>
  Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort]));

test('everything is in the namespace that is made for it', () => {
  const [namespace] = ofKind('Namespace');
  for (const one of manifests)
    if (one.kind !== 'Namespace') expect(one.metadata.namespace, one.title).toBe(namespace!.metadata.name);
});

test('each role has agents, and those that receive keep their names', () => {
  expect(new Set(agents.flatMap(({ config }) => config.node.roles))).toEqual(new Set(NODE_ROLES));
  for (const { part, kind, replicas, config } of agents) {
    const receives = config.node.roles.includes('receive');
    expect(config.node.roles.includes('infer'), part).toBe(receives);
    expect(kind, part).toBe(receives ? 'StatefulSet' : 'Deployment');
    expect(replicas, part).toBe(receives ? 1 : 2);
  }
  expect(agents.filter(({ config }) => config.node.roles.includes('receive'))).toHaveLength(1);
});

describe.each(agents)('$part', (agent) => {
  const { config, container, pod, volumes } = agent;
  const mountAt = (path: string) => container.volumeMounts.find((mount) => mount.mountPath === path);
  const volumeAt = (path: string) => volumes.find(({ name }) => name === mountAt(path)?.name);

  test('what the agent checks before it starts finds nothing to object to', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'odontoid-site-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const here = (text: string) => text.replaceAll(/\/(etc|srv)\/odontoid/g, join(dir, '$1'));
    const environment = {
      ...Object.fromEntries(Object.entries(environmentOf(container)).map(([name, value]) => [name, here(value)])),
      ODONTOID__DATA_DIR: join(dir, 'data'),
      ODONTOID__RECEIVE__PORT: '0',
      ODONTOID__WEB__PORT: '0',
    };
    const found = configOf(here(siteFile), environment);
    expect(() => databasePlace(found, environment)).toThrow('database-password');
    await mkdir(join(dir, 'etc/secrets'), { recursive: true });
    for (const name of ['database-password', 'database-ca.pem']) await writeFile(join(dir, 'etc/secrets', name), name);
    expect(databasePlace(found, environment)).toMatchObject({
      url: 'postgres://odontoid@db.hospital:5432/odontoid',
      password: 'database-password',
      tls: { ca: 'database-ca.pem' },
    });
    expect(await configProblems(found, environment)).toEqual([]);
  });

  test('ports are those of its roles, and probes ask node.health as the document says', () => {
    const { health, roles } = config.node;
    expect(portsOf(agent)).toEqual({
      ...(roles.includes('receive') ? { dicom: config.receive.port } : {}),
      ...(roles.includes('web') ? { page: config.web.port } : {}),
      health: health.port,
    });
    expect([config.receive.host, config.web.host, health.host]).toEqual(['0.0.0.0', '0.0.0.0', '0.0.0.0']);
    const documented = parsed(block('docs/scale-out.md', 'yaml', 'ports: [{ name: health')) as typeof container;
    const { startupProbe, livenessProbe, readinessProbe } = container;
    expect({ startupProbe, livenessProbe }).toEqual({
      startupProbe: documented.startupProbe,
      livenessProbe: documented.livenessProbe,
    });
    const { httpGet, ...often } = documented.readinessProbe;
    // A page that is taken away cannot say what is wrong.
    const path = agent.part === 'web' ? '/healthz' : '/readyz';
    expect(readinessProbe).toEqual({ httpGet: { ...httpGet, path }, ...often });
    expect(documented.ports).toEqual([{ name: 'health', containerPort: health.port }]);
  });

  test('every folder and file of its configuration is mounted, and nothing else can be written to', () => {
    const written = container.volumeMounts.filter(({ readOnly }) => readOnly !== true);
    expect(written.map(({ mountPath }) => mountPath).sort()).toEqual(
      [config.dataDir, config.node.sharedDir, '/tmp'].sort(),
    );
    expect(volumes.map(({ name }) => name).sort()).toEqual(container.volumeMounts.map(({ name }) => name).sort());
    const file = environmentOf(container)['ODONTOID_CONFIG']!;
    expect(mountAt(file)).toMatchObject({ subPath: 'odontoid.yaml', readOnly: true });
    expect(volumeAt(file)?.configMap).toEqual({ name: ofKind('ConfigMap')[0]!.metadata.name });
    const [claim] = ofKind('PersistentVolumeClaim');
    expect(volumeAt(config.node.sharedDir!)?.persistentVolumeClaim).toEqual({ claimName: claim!.metadata.name });
    expect(claim!.spec['accessModes']).toEqual(['ReadWriteMany']);
    // One StatefulSet has a claim of its own for each pod; the others begin with nothing.
    expect(volumeAt(config.dataDir)).toEqual({ name: 'data', ...(agent.kind === 'Deployment' && { emptyDir: {} }) });
  });

  test('secrets are files, which the document says how to make', () => {
    const secret = volumeAt('/etc/odontoid/secrets')!.secret!;
    // 0440, as a number that YAML 1.1 and 1.2 read alike.
    expect(secret).toEqual({ secretName: 'odontoid', defaultMode: 0o440 });
    const made = /create secret generic odontoid (.*)/.exec(read('docs/scale-out.md'))![1]!;
    const keys = [...made.matchAll(/--from-file=(\S+)/g)].map(([, name]) => name!);
    const named = [config.database.password!.file!, config.database.tls!.caFile!];
    expect(named.map((path) => path.replace('/etc/odontoid/secrets/', '')).sort()).toEqual(keys.sort());
    // What the page may name never lies beside the password of the database.
    expect(volumeAt(config.web.secretsDir!)?.secret).toEqual({
      secretName: 'odontoid-destinations',
      defaultMode: 0o440,
      optional: true,
    });
    expect(JSON.stringify(manifests)).not.toMatch(/"kind":"Secret"/);
  });

  test('it runs as the image’s user, and may do no more than it needs', () => {
    // The image's user `node` has the numbers 1000 and 1000 (docker-node, Dockerfile-slim.template).
    expect(read('docker/Dockerfile')).toMatch(/^USER node$/m);
    expect(pod['securityContext']).toEqual({
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      fsGroup: 1000,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(container.image).toBe(
      `registry.example/odontoid:${(JSON.parse(read('package.json')) as { version: string }).version}`,
    );
    expect(read('docs/scale-out.md')).toContain(`-t ${container.image} .`);
  });

  test('a stop has as long as elsewhere', () => {
    const seconds = pod['terminationGracePeriodSeconds'];
    expect(read('docker/odontoid.service')).toContain(`TimeoutStopSec=${String(seconds)}\n`);
    expect(read('docker/compose.yaml')).toContain(`stop_grace_period: ${String(seconds)}s\n`);
  });

  test('it asks for what docs/sizing.md measured, and may have what the configuration allows', () => {
    const [, ...figures] = /agent, receiver, report, inference with two threads \| (\d+), (\d+), (\d+), (\d+) MiB/.exec(
      read('docs/sizing.md'),
    )!;
    const [main, receiver, report, inference] = figures.map(Number) as [number, number, number, number];
    const { roles } = config.node;
    const receives = roles.includes('receive');
    const decodes = receives || roles.includes('web');
    const { requests, limits } = container.resources;
    const measured = main + (receives ? receiver + report : 0) + (decodes ? inference : 0);
    expect(mib(requests.memory)).toBeGreaterThanOrEqual(measured);
    expect(mib(requests.memory)).toBeLessThan(1.5 * measured);
    const children =
      (receives ? receiver + config.report.memoryLimitMb : 0) + (decodes ? config.infer.memoryLimitMb : 0);
    expect(mib(limits.memory)).toBeGreaterThanOrEqual(main + children);
    if (decodes) expect(Number(limits.cpu)).toBe(config.infer.threads);
    if (receives) expect(requests.cpu).toBe(limits.cpu);
  });
});

test('senders reach the receiver with their own address, ready or not', () => {
  const dicom = ofKind('Service').filter(({ spec }) => spec['type'] === 'LoadBalancer');
  expect(dicom).toHaveLength(1);
  const { spec } = dicom[0]!;
  expect(spec).toMatchObject({ externalTrafficPolicy: 'Local', publishNotReadyAddresses: true });
  expect(selected(spec['selector'] as Record<string, string>)).toEqual([byPart('receive')]);
  expect(spec['ports']).toEqual([{ name: 'dicom', port: byPart('receive').config.receive.port, targetPort: 'dicom' }]);
});

test('the Ingress sends to the agent that receives what belongs to it, and all else to pages', () => {
  const [ingress] = ofKind('Ingress');
  const { rules, tls } = ingress!.spec as {
    tls: { hosts: string[]; secretName: string }[];
    rules: {
      host: string;
      http: { paths: { path: string; backend: { service: { name: string; port: { name: string } } } }[] };
    }[];
  };
  const { publicUrl } = byPart('web').config.web;
  expect([rules[0]!.host, ...tls[0]!.hosts]).toEqual([new URL(publicUrl!).host, new URL(publicUrl!).host]);
  expect(read('docs/scale-out.md')).toContain(`create secret tls ${tls[0]!.secretName} `);
  const goesTo = Object.fromEntries(
    rules[0]!.http.paths.map(({ path, backend: { service } }) => {
      const { spec } = ofKind('Service').find(({ metadata }) => metadata.name === service.name)!;
      const [port, ...others] = spec['ports'] as { name: string; port: number; targetPort: string }[];
      expect([port!.name, others]).toEqual([service.port.name, []]);
      const parts = selected(spec['selector'] as Record<string, string>);
      for (const part of parts) expect(portsOf(part)[port!.targetPort]).toBe(part.config.web.port);
      return [path, parts.map(({ part }) => part)];
    }),
  );
  const documented = [...block('docs/scale-out.md', 'nginx', 'upstream pages').matchAll(/"~\^\S+ (\S+)" +receives;/g)];
  expect(documented).toHaveLength(3);
  expect(goesTo).toEqual({
    ...Object.fromEntries(documented.map(([, path]) => [path, ['receive']])),
    '/': ['web'],
  });
});

describe('network policies', () => {
  interface Peer {
    ipBlock?: { cidr: string };
    namespaceSelector?: object;
  }
  interface Rule {
    from?: Peer[];
    to?: Peer[];
    ports: { protocol: string; port: string | number }[];
  }
  const policies = ofKind('NetworkPolicy').map(({ metadata, spec }) => ({
    name: metadata.name,
    labels: (spec['podSelector'] as { matchLabels?: Record<string, string> }).matchLabels,
    types: spec['policyTypes'] as string[],
    rules: ['ingress', 'egress'].flatMap((way) => (spec[way] as Rule[] | undefined) ?? []),
  }));
  const policy = (name: string) => policies.find((one) => one.name === name)!;
  const holds = ({ from = [], to = [] }: Rule, address: string): boolean =>
    [...from, ...to].some(({ ipBlock }) => {
      const list = new BlockList();
      const [net, bits] = (ipBlock?.cidr ?? '0.0.0.0/32').split('/');
      list.addSubnet(net!, Number(bits));
      return list.check(address);
    });

  test('nothing goes in or out but what one of them names', () => {
    expect(policy('nothing-else')).toEqual({
      name: 'nothing-else',
      labels: undefined,
      types: ['Ingress', 'Egress'],
      rules: [],
    });
    for (const { name, rules } of policies)
      for (const rule of rules) {
        expect(rule.ports.length, name).toBeGreaterThan(0);
        expect([...(rule.from ?? []), ...(rule.to ?? [])].length, name).toBeGreaterThan(0);
      }
  });

  test('each port of an agent is reached by those for whom it is', () => {
    const reached = policies
      .filter(({ types, name }) => types.includes('Ingress') && name !== 'nothing-else')
      .map(({ labels, rules }) => [selected(labels!).map(({ part }) => part), rules[0]!.ports[0]!.port, rules.length]);
    const having = (port: string) => agents.filter((one) => port in portsOf(one)).map(({ part }) => part);
    expect(reached).toEqual(['dicom', 'page', 'health'].map((port) => [having(port), port, 1]));
    const [scanners] = policy('from-scanners').rules;
    for (const { addresses } of byPart('receive').config.receive.sources)
      for (const address of addresses) expect(holds(scanners!, address), address).toBe(true);
    expect(holds(scanners!, '198.51.100.20')).toBe(false);
    for (const name of ['from-ingress', 'from-monitoring'])
      expect(policy(name).rules[0]!.from![0]).toHaveProperty('namespaceSelector');
  });

  test('all agents reach names, the database and the archives, and nothing else', () => {
    const outward = policies.filter(({ types, name }) => types.includes('Egress') && name !== 'nothing-else');
    for (const { labels } of outward) expect(selected(labels!)).toEqual(agents);
    const { destinations, database } = byPart('deliver').config;
    const [toDatabase, ...toArchives] = policy('to-database-and-archives').rules;
    expect(toDatabase!.ports).toEqual([{ protocol: 'TCP', port: Number(new URL(database.url!).port) }]);
    expect(
      destinations.map((one) => (one.kind === 'dimse' ? [one.port, holds(toArchives[0]!, one.host)] : [])),
    ).toEqual(toArchives.map(({ ports }) => [ports[0]!.port, true]));
    expect(policy('to-name-servers').rules.flatMap(({ ports }) => ports.map(({ port }) => port))).toEqual([53, 53]);
  });
});
