import type { ListedNode } from '../../answers/adminAnswers.ts';

type Role = 'receive' | 'infer' | 'deliver' | 'web' | 'housekeep';

const DOES: Readonly<Record<Role, string>> = {
  receive: 'receives',
  infer: 'analyses',
  deliver: 'sends results',
  web: 'shows pages',
  housekeep: 'keeps house',
};
const NOBODY: Readonly<Record<Role, string>> = {
  receive:
    'Nobody receives: scans wait with their senders. Start it again, here or elsewhere with the same shared folder.',
  infer: 'Nobody analyses: studies are received and wait. Start an agent with the role infer.',
  deliver: 'Nobody sends results: they wait. Start an agent with the role deliver.',
  web: 'Nobody else shows pages. Start an agent with the role web.',
  housekeep: 'Nobody keeps house: retention and nightly checks wait. Start an agent with the role housekeep.',
};

/** What others do now, who are named, at the latest after so many seconds. */
const TAKEN_OVER: Readonly<Record<Role, (names: readonly string[], seconds: number) => string>> = {
  receive: (names) => `${names.join(' and ')} goes on receiving, and takes in what it had acknowledged.`,
  infer: (names, seconds) =>
    `Studies that it was analysing are taken over by ${names.join(' or ')} within ${seconds} s, and analysed anew.`,
  deliver: (names, seconds) =>
    `What it was sending to is taken over by ${names.join(' or ')} within ${seconds} s; what was on its way may arrive twice, as the same object.`,
  web: (names) => `Pages are shown by ${names.join(', ')}.`,
  housekeep: (names, seconds) => `House is kept by ${names.join(' or ')}, ${seconds} s later at most.`,
};
const WORKS: Readonly<Record<string, string>> = {
  housekeeping: 'keeping house',
  commitments: 'reporting commitments',
  fetching: 'asking archives',
  shadow: 'scoring by the shadow package',
};

export const nodeWords = {
  title: 'Agents',
  heads: ['Agent', 'Does', 'Version', 'Started', 'Last heard of', 'In hand', 'Stood still'],
  thisOne: 'this page',
  does: (roles: readonly string[]) =>
    (Object.keys(DOES) as Role[])
      .filter((role) => roles.includes(role))
      .map((role) => DOES[role])
      .join(', '),
  differs: (settings: readonly string[]) =>
    `Its files say otherwise than those of this page’s agent, and must say the same: ${settings.join(', ')}.`,
  stopped: 'stopped',
  gone: 'gone',
  cases: (count: number) => (count === 1 ? '1 case' : `${count} cases`),
  work: (name: string) => WORKS[name] ?? name.replace(/^deliver /, 'sending to '),
  nothing: 'nothing',
  justNow: (silentMs: number) => (silentMs < 3_000 ? 'just now' : `${Math.round(silentMs / 1_000)} s ago`),
  stoodStill: (ms: number) => `${(ms / 1_000).toFixed(1)} s`,
};

/** Who does now what an agent did that is no longer there, a sentence for each of its roles. One that stopped in order has left nothing to take over. */
export function afterwards(node: ListedNode, nodes: readonly ListedNode[], withinMs: number): string[] {
  const alive = nodes.filter(({ state }) => state === 'alive');
  return (Object.keys(DOES) as Role[])
    .filter((role) => node.roles.includes(role))
    .flatMap((role) => {
      const others = alive.filter(({ roles }) => roles.includes(role)).map(({ name }) => name);
      if (others.length === 0) return [NOBODY[role]];
      return node.state === 'stopped' ? [] : [TAKEN_OVER[role](others, Math.ceil(withinMs / 1_000))];
    });
}
