import type { Server } from 'node:http';
import { TriageError } from '../base/errors.ts';

/** Resolves when the server listens. `setting`: names the port in the configuration. @throws TriageError `config-invalid` when the port is taken, with what to do */
export async function listenHttp(
  server: Server,
  { host, port }: { host: string; port: number },
  setting: string,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const advice =
        error.code === 'EADDRINUSE'
          ? `Port ${port} is taken: set ${setting} to a free one, or stop what uses it.`
          : `Nothing can listen on ${host}:${port} (${error.code}): look at ${setting}.`;
      reject(new TriageError('config-invalid', advice, { cause: error }));
    });
    server.listen(port, host, () => resolve());
  });
}
