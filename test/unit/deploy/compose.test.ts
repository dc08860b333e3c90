import { expect, test } from 'vitest';
import { NODE_ROLES } from '../../../src/config/databaseSettings.ts';
import { parse } from 'yaml';
import { agents, block, configOf, read } from './manifests.ts';

interface Service {
  environment: Record<string, string>;
  volumes: string[];
  secrets: string[];
  mem_limit: string;
}

interface ComposeFile {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
  volumes: Record<string, null>;
}

const file = parse(read('docker/compose.scale-out.yaml'), { merge: true }) as ComposeFile;
const services = Object.entries(file.services);
const site = block('docs/scale-out.md', 'yaml', 'database: { url: "postgres');
const configs = services.map(([name, { environment }]) => ({
  name,
  config: configOf(
    site,
    Object.fromEntries(
      Object.entries(environment).map(([key, value]) => [key, value.replaceAll('${MACHINE:-1}', '2')]),
    ),
  ),
}));

test('each role has an agent, under a name of its own on each machine', () => {
  expect(new Set(configs.flatMap(({ config }) => config.node.roles))).toEqual(new Set(NODE_ROLES));
  expect(configs.map(({ config }) => config.node.name)).toEqual(
    // One that receives may move, and takes its own work back there.
    services.map(([name]) => (name === 'receive' ? name : `${name}-2`)),
  );
});

test('each has the roles and the room of its like on Kubernetes', () => {
  expect(configs.map(({ name, config }) => [name, config.node.roles]).sort()).toEqual(
    agents.map(({ part, config }) => [part, config.node.roles]).sort(),
  );
  for (const { part, container } of agents)
    expect(file.services[part]!.mem_limit, part).toBe(container.resources.limits.memory.replace('Gi', 'g'));
});

test('on the host’s network no two want the same port', () => {
  const ports = configs.flatMap(({ config: { node, web, receive } }) => [
    node.health.port,
    ...(node.roles.includes('web') ? [web.port] : []),
    ...(node.roles.includes('receive') ? [receive.port] : []),
  ]);
  expect(new Set(ports).size).toBe(4 + 2 + 1);
  expect(ports).toHaveLength(new Set(ports).size);
  expect(ports).not.toContain(undefined);
});

test('each is confined as the agent on one machine is', () => {
  const { services: one } = parse(read('docker/compose.yaml')) as { services: { odontoid: Record<string, unknown> } };
  const { volumes, environment, ...confined } = one.odontoid;
  expect([volumes, environment]).not.toContain(undefined);
  for (const [name, service] of services) expect(service, name).toMatchObject(confined);
});

test('folders, secrets and the site’s file are where the configuration looks for them', () => {
  for (const { name, config } of configs) {
    const service = file.services[name]!;
    expect(service.volumes, name).toEqual([
      `./odontoid.yaml:${service.environment['ODONTOID_CONFIG']!}:ro`,
      `${config.node.sharedDir!}:${config.node.sharedDir!}`,
      `${name}:${config.dataDir}`,
    ]);
    expect(
      service.secrets.map((secret) => `/run/secrets/${secret}`),
      name,
    ).toEqual([config.database.password!.file]);
  }
  expect(Object.keys(file.volumes)).toEqual(services.map(([name]) => name));
  expect(file.secrets).toEqual({ 'database-password': { file: './database-password' } });
});
