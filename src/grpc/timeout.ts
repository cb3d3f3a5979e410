/** Hot: parsed once per request that has a deadline, formatted once per forwarded one. `grpc-timeout` of PROTOCOL-HTTP2.md. */

/** PROTOCOL-HTTP2: TimeoutValue is a positive integer of at most 8 digits. */
const maxDigits = 8;
const maxValue = 99_999_999;

/** Milliseconds per unit, largest first. */
const units = [
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1_000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
] as const;

/**
 * A `grpc-timeout` value in milliseconds (fractions included), undefined if it is not 1 to 8 digits and a unit. 0 is
 * accepted, though the specification wants a positive number: it says plainly that the time is up.
 */
export function parseGrpcTimeout(value: string): number | undefined {
  const digits = value.length - 1;
  if (digits < 1 || digits > maxDigits) return undefined;
  let amount = 0;
  for (let i = 0; i < digits; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    amount = amount * 10 + digit;
  }
  switch (value.charCodeAt(digits)) {
    case 0x48:
      return amount * 3_600_000;
    case 0x4d:
      return amount * 60_000;
    case 0x53:
      return amount * 1_000;
    case 0x6d:
      return amount;
    case 0x75:
      return amount / 1e3;
    case 0x6e:
      return amount / 1e6;
    default:
      return undefined;
  }
}

/**
 * Milliseconds as a `grpc-timeout` value: the finest unit that fits into 8 digits, cut and never rounded up, so that the
 * next hop never has more time than is left. Time that is up is `0n`; what is beyond 99,999,999 hours is cut to that.
 */
export function formatGrpcTimeout(timeoutMs: number): string {
  if (!(timeoutMs > 0)) return '0n';
  for (let i = units.length - 1; i >= 0; i--) {
    const [unit, unitMs] = units[i] as (typeof units)[number];
    // Below a millisecond the unit is not exact in binary, so multiply instead of dividing.
    const amount = Math.floor(unitMs < 1 ? timeoutMs * Math.round(1 / unitMs) : timeoutMs / unitMs);
    if (amount <= maxValue) return `${amount}${unit}`;
  }
  return `${maxValue}H`;
}
