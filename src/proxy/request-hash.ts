// Hot when a cluster balances by hash, and only then: reads one header.
import { cookieValue, hashText, queryParameter } from '../decide/index.ts';
import { transientField, type Field } from '../http2/index.ts';
import type { HashCookie, HashPolicy } from '../plan/index.ts';
import type { Exchange } from './exchange.ts';

/** The hash of what the policy names in a request; undefined when it is not there. */
export function requestHash(key: HashPolicy['key'], exchange: Exchange, random: () => number): number | undefined {
  const value = keyOf(key, exchange, random);
  return value === undefined ? undefined : hashText(value);
}

function keyOf(key: HashPolicy['key'], exchange: Exchange, random: () => number): string | undefined {
  switch (key.type) {
    case 'header':
      return headerOf(exchange, key.name);
    case 'query':
      return queryParameter(exchange.path, key.name);
    case 'source-ip':
      return exchange.down?.facts.remoteAddress;
    case 'cookie':
      return cookieOf(key, exchange) ?? madeCookie(key, exchange, random);
  }
}

/** Values of a repeated header joined by a comma, as in the deciders. */
function headerOf({ head, headCount }: Exchange, name: string): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i < headCount; i++) {
    const field = head[i] as Field;
    if (field.name === name) joined = joined === undefined ? field.value : `${joined},${field.value}`;
  }
  return joined;
}

/** HTTP/2 may split cookies over several fields (RFC 9113 §8.2.3). */
function cookieOf({ name }: HashCookie, { head, headCount }: Exchange): string | undefined {
  for (let i = 0; i < headCount; i++) {
    const field = head[i] as Field;
    if (field.name !== 'cookie') continue;
    const value = cookieValue(field.value, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** A new cookie for a client without one, the same for all attempts of its request; goes out with the response. */
function madeCookie(cookie: HashCookie, exchange: Exchange, random: () => number): string | undefined {
  if (cookie.ttlMs === undefined) return undefined;
  if (exchange.madeCookie === '') {
    const part = (): string =>
      Math.floor(random() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0');
    exchange.madeCookie = part() + part();
    exchange.setCookie = transientField('set-cookie', setCookie(cookie, exchange.madeCookie));
  }
  return exchange.madeCookie;
}

/** RFC 6265 §4.1, in Envoy's order of attributes. */
function setCookie({ name, ttlMs = 0, path = '', attributes }: HashCookie, value: string): string {
  return [
    `${name}="${value}"`,
    ...(ttlMs > 0 ? [`Max-Age=${Math.floor(ttlMs / 1_000)}`] : []),
    ...(path === '' ? [] : [`Path=${path}`]),
    ...attributes.map((one) => (one.value === '' ? one.name : `${one.name}=${one.value}`)),
    'HttpOnly',
  ].join('; ');
}
