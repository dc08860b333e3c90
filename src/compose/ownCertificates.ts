import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../base/errors.ts';
import type { TlsMaterial } from '../base/tlsProfile.ts';
import type { Config } from '../config/config.ts';
import { readTlsFiles, type TlsFiles } from '../config/tlsFiles.ts';
import type { Foundation } from './agentPorts.ts';

/** The certificates that this agent shows, kept as their files are. */
export interface OwnCertificates {
  /** Calls back with what is in the files of a setting whenever they have changed to something usable. */
  onRenewed(setting: 'web.tls' | 'receive.tls' | 'hl7.tls', use: (material: TlsMaterial) => void): void;
  /** Compares the files with what is in use, now. */
  look: () => void;
  expiries(): { name: string; expiresAtMs: number }[];
  /** A sentence for each setting whose files have changed to something that cannot be used. */
  problems(): string[];
}

const LOOK_MS = 30_000;

interface Watched {
  setting: string;
  files: TlsFiles;
  /** As read; what is in use, once it was found usable. */
  text: string;
  expiresAtMs: number | null;
  problem: string | null;
}

/** Settings that name a certificate of this agent, with their files. */
export function ownCertificateFiles({
  node: { roles },
  web,
  receive,
  hl7,
  audit,
  destinations,
}: Config): [setting: string, TlsFiles][] {
  const { repository } = audit;
  const found: [string, TlsFiles | undefined][] = [
    ['web.tls', roles.includes('web') ? web.tls : undefined],
    ['receive.tls', roles.includes('receive') ? receive.tls : undefined],
    ['hl7.tls', roles.includes('receive') ? hl7?.tls : undefined],
    ['audit.repository', repository?.transport === 'tls' ? repository : undefined],
    ...destinations.map((one): [string, TlsFiles | undefined] => [`destinations ${one.name} tls`, one.tls]),
    ...receive.sources.flatMap(({ aeTitle, echo, commitment }): [string, TlsFiles | undefined][] => [
      [`receive.sources ${aeTitle} echo.tls`, echo?.tls],
      [`receive.sources ${aeTitle} commitment.tls`, commitment?.tls],
    ]),
  ];
  return found.flatMap(([setting, files]) => (files === undefined ? [] : [[setting, files]]));
}

/** When the certificate in a PEM text expires, epoch ms. */
export function expiryOf(cert: string): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

/** Watches the files twice a minute: reading them finds every way of replacing one, links to folders too. */
export function watchOwnCertificates({
  config,
  releasers,
  ports,
}: Pick<Foundation, 'config' | 'releasers' | 'ports'>): OwnCertificates {
  const log = ports.log.child({ component: 'certificates' });
  const users = new Map<string, (material: TlsMaterial) => void>();
  const watched = ownCertificateFiles(config).map(([setting, files]): Watched => {
    const one: Watched = { setting, files, text: '', expiresAtMs: null, problem: null };
    take(one);
    return one;
  });

  /** True when there is something new and usable. */
  function take(one: Watched): TlsMaterial | null {
    try {
      const material = readTlsFiles(one.files);
      const text = JSON.stringify(material);
      if (text === one.text) {
        one.problem = null;
        return null;
      }
      createSecureContext(material);
      one.expiresAtMs = material.cert === undefined ? null : expiryOf(material.cert);
      one.text = text;
      one.problem = null;
      return material;
    } catch (error) {
      // While a certificate and its key are being replaced, they do not fit together for a moment.
      one.problem = `The files of ${one.setting} have changed and cannot be used: ${messageOf(error)}. What was read before stays in use.`;
      return null;
    }
  }

  const look = (): void => {
    for (const one of watched) {
      const before = one.problem;
      const material = take(one);
      if (one.problem !== null && one.problem !== before)
        log.error('changed certificate files cannot be used', { reason: one.problem });
      if (material === null) continue;
      users.get(one.setting)?.(material);
      log.info('renewed certificate files are in use', { ref: one.setting });
    }
  };
  let cancel = (): void => undefined;
  const lookLater = (): void => {
    cancel = ports.clock.after(LOOK_MS, () => {
      look();
      lookLater();
    });
  };
  lookLater();
  releasers.push('certificates', () => cancel());

  return {
    onRenewed: (setting, use) => users.set(setting, use),
    look,
    expiries: () =>
      watched.flatMap(({ setting, expiresAtMs }) =>
        expiresAtMs === null ? [] : [{ name: `${setting}.certFile`, expiresAtMs }],
      ),
    problems: () => watched.flatMap(({ problem }) => (problem === null ? [] : [problem])),
  };
}
