import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from './dcmtk.ts';

/** A certificate and its key, as files, PEM. */
export interface Identity {
  certFile: string;
  keyFile: string;
}

/** An authority of a test's own, and what it vouches for on this machine. */
export interface Authority {
  caFile: string;
  /** A certificate that `days` from now on is good; negative: it has expired. */
  issue(name: string, days?: number): Promise<Identity>;
}

function openssl(...args: string[]): Promise<void> {
  return succeed('openssl', args);
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await runTool(command, args);
  if (exitCode !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

export async function authority(folder: string, name: string): Promise<Authority> {
  const dir = join(folder, name);
  await mkdir(dir, { recursive: true });
  const at = (file: string) => join(dir, file);
  await openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  );
  return {
    caFile: at('ca.pem'),
    issue: async (subject, days = 2) => {
      await writeFile(at(`${subject}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      await openssl(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        `/CN=${subject}`,
        '-keyout',
        at(`${subject}.key`),
        '-out',
        at(`${subject}.csr`),
      );
      const sign = ['x509', '-req', '-in', at(`${subject}.csr`), '-CA', at('ca.pem'), '-CAkey', at('ca.key')];
      sign.push('-CAcreateserial', '-extfile', at(`${subject}.ext`), '-out', at(`${subject}.pem`));
      // openssl 3.4 and later make no certificate that ends before it begins: an expired one is made in the past.
      if (days >= 0) await openssl(...sign, '-days', String(days));
      else await succeed('faketime', [`${1 - days} days ago`, 'openssl', ...sign, '-days', '1']);
      await chmod(at(`${subject}.key`), 0o600);
      return { certFile: at(`${subject}.pem`), keyFile: at(`${subject}.key`) };
    },
  };
}
