// Hot for routes that change headers: fields are made once per plan, applying them makes nothing.
import { protectedNames, wireText } from '../decide/index.ts';
import { FieldKind, internField, transientField, type Field } from '../http2/index.ts';
import type { HeaderOperations, NameValue } from '../plan/index.ts';
import type { Exchange } from './exchange.ts';

interface FieldOperations {
  /** Names whose fields are taken out: those to remove and those to set. */
  readonly drops: ReadonlySet<string>;
  /** What is put at the end: those to set, then those to add. */
  readonly appends: readonly Field[];
}

/** Operations live as long as their plan. */
const compiled = new WeakMap<HeaderOperations, FieldOperations>();

function fieldsOf(operations: HeaderOperations): FieldOperations {
  let known = compiled.get(operations);
  if (known === undefined) {
    const { set, add, remove } = operations;
    const drops = [...remove, ...set.map(({ name }) => name)].filter(
      (name) => !name.startsWith(':') && !protectedNames.has(name),
    );
    known = { drops: new Set(drops), appends: [...set, ...add].map(makeField) };
    compiled.set(operations, known);
  }
  return known;
}

/** Values are literal: Envoy's `%REQ(…)%` and its kin mean nothing here. Credentials stay out of compression tables. */
function makeField({ name, value }: NameValue): Field {
  const field = transientField(name, wireText(value));
  const { kind } = field;
  const isSecret = kind === FieldKind.authorization || kind === FieldKind.cookie || kind === FieldKind.setCookie;
  return isSecret || name === 'proxy-authorization' ? field : internField(name, field.value);
}

/** Applies operations to the first `count` fields of `head` in place; returns how many there are then. */
function operate(head: Field[], count: number, { drops, appends }: FieldOperations): number {
  let at = 0;
  for (let i = 0; i < count; i++) {
    const field = head[i] as Field;
    if (!drops.has(field.name)) head[at++] = field;
  }
  for (let i = 0; i < appends.length; i++) head[at++] = appends[i] as Field;
  return at;
}

/** Changes the request head as the route and then its backend ask for. */
export function changeRequestHeaders(exchange: Exchange): void {
  const ofRoute = exchange.actions?.requestHeaders;
  const ofBackend = exchange.backend?.requestHeaders;
  if (ofRoute === undefined && ofBackend === undefined) return;
  const { head, timeoutIndex } = exchange;
  const timeout = timeoutIndex === -1 ? undefined : head[timeoutIndex];
  if (ofRoute !== undefined) exchange.headCount = operate(head, exchange.headCount, fieldsOf(ofRoute));
  if (ofBackend !== undefined) exchange.headCount = operate(head, exchange.headCount, fieldsOf(ofBackend));
  // A timeout of the route's own is sent as it is written; the caller's goes on being counted down unless it was removed.
  exchange.timeoutIndex = timeout === undefined ? -1 : head.indexOf(timeout);
  if (exchange.timeoutIndex >= exchange.headCount) exchange.timeoutIndex = -1;
}

/** The response head as it is sent on, valid until the next `changeResponseHeaders`. */
export const changedResponse: Field[] = [];

/** Writes the head of a response into `changedResponse`, as route, backend, CORS and the load balancer's cookie ask for; returns the number of fields. */
export function changeResponseHeaders(exchange: Exchange, fields: readonly Field[], count: number): number {
  for (let i = 0; i < count; i++) changedResponse[i] = fields[i] as Field;
  const { actions, backend, extra } = exchange;
  let total = count;
  if (actions?.responseHeaders !== undefined) {
    total = operate(changedResponse, total, fieldsOf(actions.responseHeaders));
  }
  if (backend?.responseHeaders !== undefined) {
    total = operate(changedResponse, total, fieldsOf(backend.responseHeaders));
  }
  if (extra !== undefined && extra.corsHeaders.length > 0) total = setCors(total, extra.corsHeaders);
  if (exchange.setCookie !== undefined) changedResponse[total++] = exchange.setCookie;
  return total;
}

/** Values may be the client's own origin, hence they are not kept. */
function setCors(count: number, headers: readonly NameValue[]): number {
  const drops = new Set(headers.map(({ name }) => name));
  return operate(changedResponse, count, { drops, appends: plainFields(headers) });
}

export function plainFields(headers: readonly NameValue[]): Field[] {
  return headers.map(({ name, value }) => transientField(name, wireText(value)));
}
