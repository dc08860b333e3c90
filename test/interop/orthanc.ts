import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, startServer, type RunningTool } from './dcmtk.ts';

export interface OrthancOptions {
  /** Holds the configuration, the index and the storage; made when absent. */
  dir: string;
  aeTitle?: string;
  /** Peers that Orthanc may send to, by the name used in `/modalities/NAME/store` and in Lua's `SendToModality`. */
  modalities?: Record<string, { aeTitle: string; host?: string; port: number }>;
  dicomWeb?: boolean;
  /** Source of a Lua script that Orthanc runs (auto-routing: `OnStableStudy`, `OnStoredInstance`). */
  lua?: string;
  /** User name -> password: HTTP Basic authentication, also on DICOMweb. None: open. */
  users?: Record<string, string>;
  dicomPort?: number;
  httpPort?: number;
  /** Further keys of Orthanc's configuration file. */
  configuration?: Record<string, unknown>;
}

export interface Orthanc {
  /** Root of the REST API, without a trailing slash. */
  httpUrl: string;
  /** Root of DICOMweb. */
  dicomWebUrl: string;
  dicomPort: number;
  httpPort: number;
  aeTitle: string;
  server: RunningTool;
  /** A REST answer as JSON; throws on an HTTP error. */
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts a real Orthanc on loopback ports, with its index and storage in `dir`; a second start on the same `dir` finds what the first one kept. */
export async function startOrthanc(options: OrthancOptions): Promise<Orthanc> {
  const { dir } = options;
  const aeTitle = options.aeTitle ?? 'ORTHANC';
  const httpPort = options.httpPort ?? (await freePort());
  const dicomPort = options.dicomPort ?? (await freePort());
  await mkdir(join(dir, 'storage'), { recursive: true });
  const scripts: string[] = [];
  if (options.lua !== undefined) {
    scripts.push(join(dir, 'script.lua'));
    await writeFile(join(dir, 'script.lua'), options.lua);
  }
  const modalities = Object.entries(options.modalities ?? {}).map(([name, peer]) => [
    name,
    [peer.aeTitle, peer.host ?? '127.0.0.1', peer.port],
  ]);
  const configuration = {
    Name: 'odontoid-test',
    StorageDirectory: join(dir, 'storage'),
    IndexDirectory: join(dir, 'storage'),
    HttpPort: httpPort,
    DicomPort: dicomPort,
    DicomAet: aeTitle,
    DicomModalities: Object.fromEntries(modalities) as unknown,
    DicomAlwaysAllowEcho: true,
    DicomAlwaysAllowStore: true,
    DicomAlwaysAllowFind: true,
    UnknownSopClassAccepted: true,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: options.users !== undefined,
    RegisteredUsers: options.users ?? {},
    StableAge: 1,
    OverwriteInstances: false,
    HttpsCACertificates: '',
    LuaScripts: scripts,
    Plugins: options.dicomWeb === true ? ['/usr/share/orthanc/plugins/libOrthancDicomWeb.so'] : [],
    DicomWeb: { Enable: true, Root: '/dicom-web/', EnableWado: false, Ssl: false },
    ...options.configuration,
  };
  await writeFile(join(dir, 'orthanc.json'), JSON.stringify(configuration, null, 2));
  // Without TCP_NODELAY each message waits 40 ms for a delayed acknowledgement (DCMTK reads this variable).
  const server = await startServer('Orthanc', [join(dir, 'orthanc.json')], [httpPort, dicomPort], {
    env: { TCP_NODELAY: '1' },
  });
  const httpUrl = `http://127.0.0.1:${httpPort}`;
  const user = Object.entries(options.users ?? {})[0];
  const headers: Record<string, string> =
    user === undefined ? {} : { authorization: `Basic ${Buffer.from(user.join(':')).toString('base64')}` };
  return {
    httpUrl,
    dicomWebUrl: `${httpUrl}/dicom-web`,
    dicomPort,
    httpPort,
    aeTitle,
    server,
    get: async (path) => {
      const response = await fetch(`${httpUrl}${path}`, { headers });
      if (!response.ok) throw new Error(`Orthanc answered ${response.status} for ${path}.`);
      return response.json();
    },
    stop: () => server.stop(),
  };
}
