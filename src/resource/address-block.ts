import { isIPv4 } from './address.ts';

/** Whether a block (an address, or one with the length of a prefix) holds an address; both valid, of one family or not. */
export function blockHolds(block: string, address: string): boolean {
  const [base = '', prefix] = block.split('/');
  if (isIPv4(base) !== isIPv4(address)) return false;
  const width = isIPv4(base) ? 32 : 128;
  const rest = BigInt(width - (prefix === undefined ? width : Number(prefix)));
  return numberOf(base) >> rest === numberOf(address) >> rest;
}

/** The length of a block's prefix in bits. */
export function prefixLength(block: string): number {
  const [base = '', prefix] = block.split('/');
  return prefix === undefined ? (isIPv4(base) ? 32 : 128) : Number(prefix);
}

function numberOf(address: string): bigint {
  return isIPv4(address) ? numberOfIPv4(address) : numberOfIPv6(address);
}

function numberOfIPv4(address: string): bigint {
  return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function numberOfIPv6(address: string): bigint {
  const dotted = address.slice(address.lastIndexOf(':') + 1);
  // The last four octets may be written as IPv4 (RFC 4291 2.2).
  const text = dotted.includes('.')
    ? `${address.slice(0, -dotted.length)}${hex(numberOfIPv4(dotted) >> 16n)}:${hex(numberOfIPv4(dotted) & 0xff_ffn)}`
    : address;
  const [first = [], tail] = text.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const last = tail ?? [];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - first.length - last.length }, () => '0');
  return [...first, ...zeros, ...last].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

function hex(value: bigint): string {
  return value.toString(16);
}
