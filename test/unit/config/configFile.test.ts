import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { configSchema } from '../../../src/config/config.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { configFrom, loadConfig, readSecret } from '../../../src/config/configFile.ts';
import { nearest } from '../../../src/config/configLayers.ts';
import { packageRoot } from '../../../src/base/packageRoot.ts';
import { TriageError } from '../../../src/base/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'odontoid-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
function failure(run: () => unknown): TriageError {
  try {
    run();
  } catch (error) {
    if (error instanceof TriageError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('configuration', () => {
  it('has the documented defaults when nothing else is said', () => {
    const config = loadConfig(file('empty.yaml', ''), {});
    expect(config.receive).toMatchObject({
      host: '127.0.0.1',
      port: 11112,
      aeTitle: 'ODONTOID',
      sources: [],
      maxAssociations: 20,
    });
    expect(config.web.host).toBe('127.0.0.1');
    expect(config.infer.modelDir).toBe(resolve(packageRoot, 'models/compact'));
  });

  it('lets the site override the defaults and the environment override the site', () => {
    const path = file('site.yaml', 'receive:\n  port: 4000\n  aeTitle: SITE\n');
    const config = loadConfig(path, { ODONTOID__RECEIVE__PORT: '5000', ODONTOID__INFER__ENCODE_ON_ARRIVAL: 'false' });
    expect(config.receive.port).toBe(5000);
    expect(config.receive.aeTitle).toBe('SITE');
    expect(config.infer.encodeOnArrival).toBe(false);
  });

  it('refuses an unknown key with its line and the nearest known key', () => {
    const error = failure(() => loadConfig(file('typo.yaml', 'receive:\n  host: 127.0.0.1\n  prot: 3\n'), {}));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(/typo\.yaml:3:\d+: receive\.prot is not an option; did you mean receive\.port\?/);
  });

  it('refuses a misspelt key in every section, and in every item of a list', () => {
    const whole = {
      ...structuredClone(configFrom({})),
      receive: { ...configFrom({}).receive, sources: [{ aeTitle: 'CT1' }] },
      destinations: [
        { name: 'a', kind: 'dimse', aeTitle: 'PACS', host: 'pacs', port: 104 },
        {
          name: 'b',
          kind: 'dicomweb',
          url: 'http://pacs/',
          auth: { kind: 'basic', username: 'u', password: { env: 'A' } },
        },
      ],
    };
    const misspelt: string[] = [];
    /** Every object of the configuration, each with one key more. */
    const walk = (at: Record<string, unknown>, path: string): void => {
      at['noSuchKey'] = 1;
      const error = failure(() => configFrom(structuredClone(whole) as never));
      expect([path, error.code]).toEqual([path, 'config-invalid']);
      expect(error.message, path).toContain(`noSuchKey`);
      delete at['noSuchKey'];
      misspelt.push(path);
      for (const [key, value] of Object.entries(at))
        if (typeof value === 'object' && value !== null)
          for (const [index, item] of (Array.isArray(value) ? value : [value]).entries())
            if (typeof item === 'object' && item !== null)
              walk(item as Record<string, unknown>, `${path}.${key}${Array.isArray(value) ? `.${index}` : ''}`);
    };
    walk(whole, 'config');
    expect(misspelt).toEqual(
      expect.arrayContaining([
        ...['receive', 'assemble', 'infer', 'report', 'housekeeping', 'web', 'worklist'].map((key) => `config.${key}`),
        ...[
          'receive.sources.0',
          'destinations.0',
          'destinations.1',
          'destinations.1.auth',
          'destinations.1.auth.password',
        ].map((key) => `config.${key}`),
      ]),
    );
  });

  it('knows no object that lets unknown keys through', () => {
    const loose: string[] = [];
    const walk = (schema: unknown, path: string): void => {
      if (typeof schema !== 'object' || schema === null) return;
      if ('properties' in schema && !('additionalProperties' in schema && schema.additionalProperties === false))
        loose.push(path);
      for (const [key, inner] of Object.entries(schema)) walk(inner, `${path}/${key}`);
    };
    const schema = z.toJSONSchema(configSchema, { io: 'input' });
    walk(schema, '');
    expect(loose).toEqual([]);
    expect(Object.keys(schema.properties!).length).toBeGreaterThan(10);
  });

  it('names the environment variable that no option answers to', () => {
    expect(failure(() => loadConfig(undefined, { ODONTOID__RECIEVE__PORT: '1' })).message).toContain(
      'ODONTOID__RECIEVE__PORT',
    );
  });

  it.each([
    ['port out of range', 'receive: { port: 70000 }', /receive\.port/],
    ['AE title too long', 'receive: { aeTitle: ABCDEFGHIJKLMNOPQ }', /receive\.aeTitle/],
    [
      'page on every address in clear',
      'web: { host: 0.0.0.0, publicUrl: "https://o.example" }',
      /cross the network in clear/,
    ],
    ['page on every address without its name', 'web: { host: 0.0.0.0, trustProxy: [10.0.0.1] }', /web\.publicUrl/],
    [
      'page on every address without sign-in',
      'web: { host: 0.0.0.0, publicUrl: "https://o.example", trustProxy: [10.0.0.1], signIn: off }',
      /this machine alone/,
    ],
    [
      'page behind a proxy without sign-in',
      'web: { publicUrl: "https://o.example", signIn: off }',
      /this machine alone/,
    ],
    ['public page in clear', 'web: { publicUrl: "http://o.example" }', /begins with https/],
    ['public page under a path', 'web: { publicUrl: "https://o.example/odontoid" }', /no path/],
    ['OIDC without a provider', 'web: { signIn: oidc, publicUrl: "https://o.example" }', /web\.oidc/],
    [
      'OIDC without an address to come back to',
      'web: { signIn: oidc, oidc: { issuer: "https://id.example", clientId: o, adminValues: [a], readerValues: [r] } }',
      /web\.publicUrl/,
    ],
    [
      'secret in the file',
      'destinations: [{name: a, kind: dicomweb, url: "http://h/", auth: {kind: bearer, token: abc}}]',
      /destinations\.0\.auth/,
    ],
    [
      'two places for a secret',
      'destinations: [{name: a, kind: dicomweb, url: "http://h/", auth: {kind: bearer, token: {env: A, file: b}}}]',
      /either env or file/,
    ],
    ['key written twice', 'receive: { port: 1, port: 2 }', /unique/],
    ['not YAML', 'receive: [', /odd\.yaml/],
  ])('refuses: %s', (_name, text, message) => {
    const error = failure(() => loadConfig(file('odd.yaml', text), {}));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(message);
  });

  it.each([
    ['nothing said', '{}'],
    ['this machine without sign-in', 'web: { signIn: off }'],
    [
      'TLS of its own',
      'web: { host: 0.0.0.0, publicUrl: "https://o.example:8443", tls: { certFile: c.pem, keyFile: k.pem } }',
    ],
    ['a proxy on this machine', 'web: { publicUrl: "https://o.example", trustProxy: [127.0.0.1] }'],
    [
      'a proxy elsewhere, its layers in two places',
      'web: { host: 0.0.0.0, trustProxy: [10.0.0.0/8] }',
      { ODONTOID__WEB__PUBLICURL: 'https://o.example' },
    ],
  ])('lets the page be served with %s', (_name, text, environment: Record<string, string> = {}) => {
    expect(loadConfig(file('door.yaml', text), environment).web.signIn).toBe(
      _name.includes('without') ? 'off' : 'local',
    );
  });

  it('cannot be changed after it is read', () => {
    const config = configFrom({});
    expect(() => {
      (config.receive as { port: number }).port = 1;
    }).toThrow(TypeError);
  });

  it('does not let a key reach the prototype', () => {
    expect(failure(() => loadConfig(file('proto.yaml', '__proto__:\n  polluted: 1\n'), {})).code).toBe(
      'config-invalid',
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('accepts every example that is shipped', () => {
    const examples = readdirSync(resolve(packageRoot, 'config')).filter((name) => name.startsWith('example-'));
    expect(examples.length).toBeGreaterThanOrEqual(2);
    for (const name of examples)
      expect(loadConfig(resolve(packageRoot, 'config', name), {}).destinations.length).toBeGreaterThan(0);
  });

  it('reads secrets from the environment or a file, and says where one was missing', () => {
    expect(readSecret({ env: 'TOKEN' }, { TOKEN: 'x' })).toBe('x');
    expect(readSecret({ file: file('token', 'y\n') }, {})).toBe('y');
    expect(failure(() => readSecret({ env: 'TOKEN' }, {})).message).toContain('TOKEN');
    expect(failure(() => readSecret({ file: join(folder, 'none') }, {})).message).toContain('none');
  });

  it('offers the nearest word only when one is near', () => {
    expect(nearest('quitMs', ['quietMs', 'minSlices'])).toBe('quietMs');
    expect(nearest('banana', ['quietMs', 'minSlices'])).toBeNull();
  });
});

it('wants the authority of certificates that are required or pinned', () => {
  const files = { certFile: 'a.pem', keyFile: 'a.key' };
  const sources = [{ aeTitle: 'CT1', addresses: ['10.0.0.1'], certificates: ['ct1'] }];
  expect(() => configFrom({ receive: { tls: files } })).toThrow(/caFile is needed to require certificates of senders/);
  expect(() => configFrom({ receive: { sources } })).toThrow(/receive\.sources CT1: its certificates can be seen only/);
  expect(() => configFrom({ receive: { sources, tls: { ...files, clientCertificates: 'optional' } } })).toThrow(
    /receive\.sources CT1/,
  );
  const { tls } = configFrom({ receive: { sources, tls: { ...files, caFile: 'ca.pem' } } }).receive;
  expect(tls).toMatchObject({ port: 2762, host: '127.0.0.1', clientCertificates: 'required' });
});

it('listens for messages of the RIS only where it is asked to, and then for nobody until a source is named', () => {
  expect(configFrom({}).hl7).toBeUndefined();
  expect(configFrom({ hl7: {} }).hl7).toMatchObject({ host: '127.0.0.1', port: 2575, sources: [], reports: 'final' });
  const tls = { certFile: 'a.pem', keyFile: 'a.key', caFile: 'ca.pem' };
  expect(configFrom({ hl7: { tls } }).hl7?.tls).toMatchObject({ port: 2576, clientCertificates: 'required' });
  expect(() => configFrom({ hl7: { accessionFrom: ['OBR-99' as 'OBR-18'] } })).toThrow(/hl7\.accessionFrom/);
  expect(() => configFrom({ hl7: { maxMessageBytes: 1_000 } })).toThrow(/hl7\.maxMessageBytes/);
});

it('asks a rule of urgency for what makes a scan urgent', () => {
  const of = (when: Record<string, unknown>) => configFrom({ worklist: { urgent: [{ name: 'from-ed', when }] } });
  expect(of({ locations: ['ED*'], priorities: ['STAT'] }).worklist.urgent).toHaveLength(1);
  expect(() => of({})).toThrow(/name at least one criterion/);
  expect(() => of({ location: ['ED'] })).toThrow(/locations/);
});

describe('selection rules', () => {
  const of = (...selection: Record<string, unknown>[]) =>
    configFrom({
      destinations: [{ name: 'pacs', kind: 'dimse', aeTitle: 'PACS', host: 'pacs', port: 104 }],
      selection: selection as never,
    });

  it('are taken in their order, with a default for what they ask', () => {
    const rules = of({ name: 'first', do: 'ignore', when: { modalities: ['MR'] } }, { name: 'rest', do: 'accept' });
    expect(rules.selection.map(({ name, when }) => [name, when])).toEqual([
      ['first', { modalities: ['MR'] }],
      ['rest', {}],
    ]);
  });

  it.each<[Record<string, unknown>[], RegExp]>([
    [
      [
        { name: 'a', do: 'keep' },
        { name: 'a', do: 'accept' },
      ],
      /rule a: another rule has this name/,
    ],
    [[{ name: 'a', do: 'accept', destinations: ['pasc'] }], /rule a: there is no destination pasc/],
    [[{ name: 'a', do: 'keep', destinations: ['pacs'] }], /rule a: it sends nothing \(do: keep\)/],
    [[{ name: 'a', do: 'keep', when: { hours: { from: '22', to: '06:00' } } }], /HH:MM/],
    [[{ name: 'a', do: 'keep', when: { ageYears: { min: 9, max: 8 } } }], /min not above max/],
    [[{ name: 'a', do: 'keep', when: { sex: [] } }], /sex/],
  ])('that contradict themselves are refused: %j', (selection, words) => {
    expect(failure(() => of(...selection)).message).toMatch(words);
  });
});

it('a former name leads to one destination', () => {
  const pacs = (name: string, ...formerNames: string[]) => ({
    name,
    kind: 'dicomweb' as const,
    url: 'https://pacs.example',
    formerNames,
  });
  expect(configFrom({ destinations: [pacs('new', 'old', 'older'), pacs('other')] }).destinations).toHaveLength(2);
  for (const destinations of [
    [pacs('new', 'new')],
    [pacs('new', 'other'), pacs('other')],
    [pacs('new', 'old'), pacs('other', 'old')],
  ])
    expect(() => configFrom({ destinations })).toThrow(/destinations \w+: its former name \w+ is that of another/);
});

it('certificates for a DICOMweb service without TLS are refused', () => {
  const pacs = (url: string, more = {}) => ({
    destinations: [{ name: 'pacs', kind: 'dicomweb' as const, url, tls: { caFile: 'ca.pem' }, ...more }],
  });
  expect(configFrom(pacs('https://pacs.example')).destinations).toHaveLength(1);
  expect(() => configFrom(pacs('http://pacs.example'))).toThrow(/destinations pacs: tls is of no use/);
  const auth = {
    kind: 'oauth2' as const,
    tokenUrl: 'https://login.example',
    clientId: 'odontoid',
    clientSecret: { env: 'SECRET' },
  };
  expect(configFrom(pacs('http://pacs.example', { auth })).destinations).toHaveLength(1);
});

it.each<[what: string, over: object, why: RegExp | null]>([
  ['watch', { watch: { archives: ['old'] } }, /^watch\.archives: the agent would refuse what old sends\. Add OLD to/],
  [
    'priors',
    { priors: { archives: ['old'] } },
    /^priors\.archives: the agent would refuse what old sends\. Add OLD to/,
  ],
  ['priors', { priors: { archives: ['mute'] } }, /^priors\.archives: mute answers no queries \(confirm: none\)/],
  ['priors', { priors: { archives: ['nowhere'] } }, /^priors\.archives: there is no destination nowhere/],
  ['priors', { priors: { archives: ['got'] }, assemble: { maxAgeHours: 0 } }, /old scans would come in as new ones/],
  // It sends on the association of the agent, and is no source.
  ['both', { watch: { archives: ['got'] }, priors: { archives: ['got'] } }, null],
  ['both', { watch: { archives: ['web'] }, priors: { archives: ['web'] } }, null],
])('an archive of %s is one from which something can come (%#)', (_what, over, why) => {
  const dimse = { kind: 'dimse', host: 'pacs', port: 104 };
  const destinations = [
    { ...dimse, name: 'old', aeTitle: 'OLD' },
    { ...dimse, name: 'got', aeTitle: 'GOT', retrieve: 'get' },
    { kind: 'dicomweb', name: 'web', url: 'http://pacs/dicom-web' },
    { kind: 'dicomweb', name: 'mute', url: 'http://pacs/dicom-web', confirm: 'none' },
  ];
  const configured = () => configFrom({ destinations, ...over } as never);
  if (why === null) expect(configured).not.toThrow();
  else expect(configured).toThrow(why);
});

describe('an agent that leaves work to others', () => {
  const url = 'postgres://odontoid@db/odontoid';
  it.each<[roles: string[], over: { url?: string; sharedDir?: string }, why: RegExp]>([
    [['deliver', 'web'], { sharedDir: 'shared' }, /node\.roles: with a SQLite file one agent does everything/],
    [['deliver', 'web'], { url }, /Name the folder \(node\.sharedDir\)/],
    [['infer'], { url }, /Name the folder \(node\.sharedDir\)/],
    [[], { url, sharedDir: 'shared' }, /node\.roles/],
  ])('%j with %j is refused', (roles, { url: database, sharedDir }, why) => {
    const config = { database: { url: database }, node: { roles, sharedDir } };
    expect(() => configFrom(JSON.parse(JSON.stringify(config)) as object)).toThrow(why);
  });

  it('shares a folder, whose path is made absolute; one that does everything needs none', () => {
    const { node } = configFrom({ database: { url }, node: { roles: ['web'], sharedDir: 'shared' } });
    expect(node).toEqual({ roles: ['web'], sharedDir: resolve('shared'), health: { host: '127.0.0.1' } });
    for (const one of ['receive', 'infer'] as const)
      expect(configFrom({ database: { url }, node: { roles: [one], sharedDir: 'shared' } }).node.roles).toEqual([one]);
    const roles = ['housekeep', 'web', 'deliver', 'infer', 'receive'] as const;
    expect(configFrom({ node: { roles: [...roles] } }).node.roles).toEqual(roles);
  });
});
