import type { Server } from 'node:http';
import { systemClock } from './clock.ts';

/**
 * Takes no more requests; one in progress may finish within `graceMs`, and a connection that never asked anything does not delay the end. Sockets live in real
 * time, whatever clock the rest goes by.
 */
export async function closeHttpServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cancel = systemClock.after(graceMs, () => server.closeAllConnections());
  await closed;
  cancel();
}
