import { isIP } from 'node:net';
import type { SourceTrial } from '../answers/adminAnswers.ts';
import type { Clock } from '../base/clock.ts';
import { isLoopback } from '../base/loopback.ts';
import type { Pacs } from '../case/delivery.ts';
import type { Config } from '../config/config.ts';
import { createAssociationPolicy } from '../receive/associationPolicy.ts';
import type { Administration } from '../web/administration.ts';
import { echoAnswerOf } from './connections.ts';

type Source = Config['receive']['sources'][number];
type Sender = Parameters<Administration['connections']['trySource']>[0];

interface Parts {
  config: Pick<Config, 'receive'>;
  sources: { all(): readonly Source[]; wouldBe(sender: Sender): Source };
  echoSource: (source: Source) => Pacs['echo'] | null;
  clock: Clock;
}

/**
 * What letting a sender in would do, and whether it answers C-ECHO where the form says that it does. What it sends with cannot be tried from here: it calls the
 * agent, not the agent it.
 * @throws TriageError `command-invalid` for what is no sender that the page may let in
 */
export async function sourceTrial(
  sender: Sender,
  { config: { receive }, sources, echoSource, clock }: Parts,
): Promise<SourceTrial> {
  const source = sources.wouldBe(sender);
  const echo = echoSource({ ...source, echo: sender.echo });
  return {
    effect: effectOf(sender, receive, sources.all()).join(' '),
    echo: echo === null ? null : await echoAnswerOf(echo, clock),
  };
}

function effectOf({ aeTitle, address }: Sender, receive: Config['receive'], all: readonly Source[]): string[] {
  const own = all.filter((one) => one.aeTitle === aeTitle);
  const isKnown =
    isIP(address) !== 0 && !createAssociationPolicy({ ...receive, sources: [...own] }).isStranger(aeTitle, address);
  const addresses = own.flatMap((one) => one.addresses);
  return [
    isKnown
      ? `${aeTitle} may send from ${address} already.`
      : addresses.length > 0
        ? `${aeTitle} may send from ${addresses.join(', ')} already, and then from ${address} too.`
        : `${aeTitle} is not let in yet, and may then send from ${address}.`,
    ...whoElse(aeTitle, address),
    ...(isLoopback(receive.host) && receive.tls === undefined && !isLoopback(address.split('/', 1)[0]!)
      ? [`But the receiver listens on ${receive.host} only (receive.host): nobody on another machine reaches it.`]
      : []),
  ];
}

/** A network that lets in more than a department has is worth a second look. */
function whoElse(aeTitle: string, address: string): string[] {
  const [network = '', bits] = address.split('/');
  const free = bits === undefined ? 0 : (isIP(network) === 4 ? 32 : 128) - Number(bits);
  if (free <= 8) return [];
  const many = free <= 32 ? (2 ** free).toLocaleString('en-GB') : `2^${free}`;
  return [`Whoever has one of its ${many} addresses and calls itself ${aeTitle} may send then.`];
}
