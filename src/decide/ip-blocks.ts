import { BlockList, isIP } from 'node:net';

/** Tells for an address whether any block holds it; undefined for text that is not an address. */
export type IpPredicate = (address: string) => boolean | undefined;

/** Compiles addresses and CIDRs; a value that is neither is returned as `invalid`, and the caller fails closed. */
export function compileIpBlocks(
  blocks: readonly string[],
): { readonly contains: IpPredicate } | { readonly invalid: string } {
  const list = new BlockList();
  for (const block of blocks) {
    if (!addBlock(list, block)) return { invalid: block };
  }
  return {
    contains: (address) => {
      const plain = plainAddress(address);
      const family = isIP(plain);
      return family === 0 ? undefined : list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

function addBlock(list: BlockList, block: string): boolean {
  const slash = block.indexOf('/');
  const address = slash === -1 ? block : block.slice(0, slash);
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  if (slash === -1) {
    list.addAddress(address, type);
    return true;
  }
  const bits = block.slice(slash + 1);
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false;
  list.addSubnet(address, Number(bits), type);
  return true;
}

/** An IPv4 address that a dual-stack socket reports as `::ffff:1.2.3.4` is that IPv4 address; zones say nothing of blocks. */
function plainAddress(address: string): string {
  const zone = address.indexOf('%');
  const bare = zone === -1 ? address : address.slice(0, zone);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  return mapped?.[1] ?? bare;
}
