// Hot file: one view per proxy, pointed at each request in turn, so that deciding allocates nothing.
import type { RequestFacts, TokenFacts } from '../decide/index.ts';
import { FieldKind, type Field } from '../http2/index.ts';

/** The deciders' view of a list of header fields: the very fields that are sent on, so that router, policy and backend see the same bytes. */
export class HeadView implements RequestFacts {
  authority = '';
  path = '';
  method = '';
  scheme = '';
  /** Who the user is, where a token said so. */
  token: TokenFacts | undefined;
  #fields: readonly Field[] = [];
  #count = 0;

  /** Points the view at `fields`; valid until the next call. */
  show(fields: readonly Field[], count: number, token?: TokenFacts): void {
    this.#fields = fields;
    this.#count = count;
    this.token = token;
    this.authority = '';
    this.path = '';
    this.method = '';
    this.scheme = '';
    for (let i = 0; i < count; i++) {
      const field = fields[i] as Field;
      switch (field.kind) {
        case FieldKind.method:
          this.method = field.value;
          break;
        case FieldKind.path:
          this.path = field.value;
          break;
        case FieldKind.scheme:
          this.scheme = field.value;
          break;
        case FieldKind.authority:
          this.authority = field.value;
          break;
        default:
          // Pseudo-headers come first (RFC 9113 §8.3), so the rest cannot name one.
          if (field.kind !== FieldKind.host || this.authority !== '') return;
          this.authority = field.value;
      }
    }
  }

  header(name: string): string | undefined {
    let joined: string | undefined;
    for (let i = 0; i < this.#count; i++) {
      const field = this.#fields[i] as Field;
      if (field.name === name) joined = joined === undefined ? field.value : `${joined},${field.value}`;
    }
    return joined;
  }

  headerAt(name: string, index: number): string | undefined {
    let seen = 0;
    for (let i = 0; i < this.#count; i++) {
      const field = this.#fields[i] as Field;
      if (field.name !== name) continue;
      if (seen === index) return field.value;
      seen++;
    }
    return undefined;
  }
}
