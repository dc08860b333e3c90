import { createServer, request as ask } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ProxyBehaviour {
  /** Where a request is passed on to; null: the proxy answers it itself, as a portal beside the page. */
  passedTo?: (url: string) => string | null;
  /** Headers that it sets in what it passes on. */
  sets?: Readonly<Record<string, string>>;
  /** Gives the answer on to the browser. */
  passOn: (answer: IncomingMessage, response: ServerResponse) => void;
}

/** A reverse proxy before `upstream` until the test ends. Returns its address. */
export async function proxyBefore(
  upstream: string,
  { passedTo = (url) => url, sets = {}, passOn }: ProxyBehaviour,
): Promise<string> {
  const proxy = createServer((request, response) => {
    const url = passedTo(request.url!);
    if (url === null) {
      response.writeHead(418).end('This is the hospital’s portal.');
      return;
    }
    const passed = ask(upstream + url, { method: request.method, headers: { ...request.headers, ...sets } }, (answer) =>
      passOn(answer, response),
    );
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
