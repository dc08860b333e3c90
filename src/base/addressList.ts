import { BlockList, isIP } from 'node:net';
import { TriageError } from './errors.ts';

/** Parses the addresses and networks of an option. @throws TriageError `config-invalid` naming the entry that is neither */
export function addressListOf(addresses: readonly string[], option: string): BlockList {
  const list = new BlockList();
  for (const entry of addresses) {
    const [address = '', bits, ...rest] = entry.split('/');
    const version = address.includes('%') ? 0 : isIP(address);
    const prefix = bits === undefined ? null : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    const longest = version === 4 ? 32 : 128;
    if (version === 0 || rest.length > 0 || (prefix !== null && !(prefix >= 0 && prefix <= longest))) {
      throw new TriageError(
        'config-invalid',
        `${option}: "${entry}" is neither an IPv4 or IPv6 address nor a network such as 10.0.0.0/8.`,
      );
    }
    const family = version === 4 ? 'ipv4' : 'ipv6';
    if (prefix === null) list.addAddress(address, family);
    else list.addSubnet(address, prefix, family);
  }
  return list;
}

/** Whether a peer, as its socket names it, is in the list. */
export function isInAddressList(list: BlockList, address: string): boolean {
  // A socket listening on IPv6 reports IPv4 peers as ::ffff:a.b.c.d, and link-local ones with a zone.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  const version = isIP(plain);
  return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}
