import { quoteGo } from './go-text.ts';
import { UsageError } from './failure.ts';

type FlagKind = 'boolean' | 'string' | 'float' | 'int' | 'strings';

interface FlagRow {
  readonly kind: FlagKind;
  /** What the value is called in the help. */
  readonly value?: string;
  readonly help: string;
}

/** grpcurl's flags, all of them: the same line of a script must mean the same here. */
const flagTable = {
  plaintext: { kind: 'boolean', help: 'Plain-text HTTP/2 (h2c) instead of TLS.' },
  insecure: { kind: 'boolean', help: 'TLS without verifying the server. (NOT SECURE!) This is not -plaintext.' },
  cacert: {
    kind: 'string',
    value: 'file',
    help: 'PEM file with the roots to verify the server by. Default: the system roots.',
  },
  cert: { kind: 'string', value: 'file', help: 'PEM file with the client certificate. Needs -key.' },
  key: { kind: 'string', value: 'file', help: 'PEM file with the client key. Needs -cert.' },
  authority: {
    kind: 'string',
    value: 'name',
    help: 'The :authority header; with TLS also the name the server is verified by.',
  },
  servername: { kind: 'string', value: 'name', help: 'The older name of -authority, for TLS only.' },
  H: { kind: 'strings', value: "'name: value'", help: 'Header for the call and for reflection. May repeat.' },
  'rpc-header': { kind: 'strings', value: "'name: value'", help: 'Header for the call only. May repeat.' },
  'reflect-header': { kind: 'strings', value: "'name: value'", help: 'Header for reflection only. May repeat.' },
  'expand-headers': { kind: 'boolean', help: 'Replace ${NAME} in headers by the environment variable.' },
  'user-agent': { kind: 'string', value: 'text', help: 'Put before the user agent.' },
  d: {
    kind: 'string',
    value: 'data',
    help: "Request messages, one after the other; '@' reads them from standard input as they come.",
  },
  format: {
    kind: 'string',
    value: 'json|text',
    help: "Format of requests and responses. In 'text' messages are separated by the byte 0x1E.",
  },
  'allow-unknown-fields': { kind: 'boolean', help: 'Ignore fields in JSON requests that the message does not have.' },
  'emit-defaults': { kind: 'boolean', help: 'Print fields that have their default value, in JSON.' },
  'format-error': { kind: 'boolean', help: 'Print a failed status in -format.' },
  'connect-timeout': { kind: 'float', value: 'seconds', help: 'How long to wait for the connection. Default: 10.' },
  'keepalive-time': {
    kind: 'float',
    value: 'seconds',
    help: 'Ping after so much silence; fail when nothing comes back in as much again.',
  },
  'max-time': { kind: 'float', value: 'seconds', help: 'Deadline of everything together, also sent to the server.' },
  'max-msg-sz': { kind: 'int', value: 'bytes', help: 'Largest response message accepted. Default: 4194304.' },
  protoset: {
    kind: 'strings',
    value: 'file',
    help: 'FileDescriptorSet to take types from instead of reflection. May repeat.',
  },
  proto: {
    kind: 'strings',
    value: 'file',
    help: 'Not supported: make a set with `buf build -o set.binpb` and use -protoset.',
  },
  'import-path': { kind: 'strings', value: 'dir', help: 'Belongs to -proto.' },
  'use-reflection': { kind: 'boolean', help: 'Ask the server for types. Default: true, unless -protoset is there.' },
  'protoset-out': {
    kind: 'string',
    value: 'file',
    help: 'Write the descriptors of what was listed, described or called.',
  },
  'proto-out-dir': { kind: 'string', value: 'dir', help: 'Not supported: use -protoset-out.' },
  'msg-template': { kind: 'boolean', help: 'With describe: also show a request to fill in.' },
  unix: { kind: 'boolean', help: 'ADDRESS is the path of a Unix domain socket.' },
  v: { kind: 'boolean', help: 'Verbose: method, metadata, counts.' },
  vv: { kind: 'boolean', help: 'More verbose: also the sizes of responses.' },
  alts: { kind: 'boolean', help: 'Not supported.' },
  'alts-handshaker-service': { kind: 'string', value: 'address', help: 'Not supported.' },
  'alts-target-service-account': { kind: 'strings', value: 'email', help: 'Not supported.' },
  help: { kind: 'boolean', help: 'Print this.' },
  version: { kind: 'boolean', help: 'Print the version.' },
} as const satisfies Readonly<Record<string, FlagRow>>;

export type FlagName = keyof typeof flagTable;

type ValueOf<Kind extends FlagKind> = {
  boolean: boolean;
  string: string;
  float: number;
  int: number;
  strings: readonly string[];
}[Kind];

/** The flags that were given; `strings` flags are always there. */
export type FlagValues = {
  readonly [Name in FlagName as (typeof flagTable)[Name]['kind'] extends 'strings' ? never : Name]?: ValueOf<
    (typeof flagTable)[Name]['kind']
  >;
} & {
  readonly [Name in FlagName as (typeof flagTable)[Name]['kind'] extends 'strings' ? Name : never]: readonly string[];
};

/**
 * Parses in the manner of Go's `flag` package: one or two dashes, `-x=v` or `-x v`, booleans `-x` or `-x=false`. Unlike
 * there, flags may also stand after the address. `--` ends the flags.
 *
 * @throws {UsageError} for an unknown flag or a value that does not parse.
 */
export function parseFlags(argv: readonly string[]): {
  readonly flags: FlagValues;
  readonly positionals: readonly string[];
} {
  const values = new Map<string, unknown>(
    Object.entries(flagTable).flatMap(([name, row]) => (row.kind === 'strings' ? [[name, []]] : [])),
  );
  const positionals: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      positionals.push(...rest.splice(0));
      break;
    }
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(word);
    if (match === null) {
      if (/^--?[=-]/.test(word)) throw new UsageError(`bad flag syntax: ${word}`);
      positionals.push(word);
      continue;
    }
    const [, name = '', inline] = match;
    const row: FlagRow | undefined = Object.hasOwn(flagTable, name) ? flagTable[name as FlagName] : undefined;
    if (row === undefined) throw new UsageError(`flag provided but not defined: -${name}`);
    const text = inline ?? (row.kind === 'boolean' ? 'true' : rest.shift());
    if (text === undefined) throw new UsageError(`flag needs an argument: -${name}`);
    const value = parseValue(text, { name, kind: row.kind });
    values.set(name, row.kind === 'strings' ? [...(values.get(name) as string[]), value] : value);
  }
  return { flags: Object.fromEntries(values) as unknown as FlagValues, positionals };
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

function parseValue(text: string, flag: { readonly name: string; readonly kind: FlagKind }): boolean | string | number {
  switch (flag.kind) {
    case 'boolean': {
      const value = booleans.get(text);
      if (value === undefined)
        throw new UsageError(`invalid boolean value ${quoteGo(text)} for -${flag.name}: parse error`);
      return value;
    }
    case 'float':
    case 'int': {
      const isValid =
        flag.kind === 'int' ? /^[+-]?\d+$/.test(text) : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
      if (!isValid) throw new UsageError(`invalid value ${quoteGo(text)} for flag -${flag.name}: parse error`);
      return Number(text);
    }
    case 'string':
    case 'strings':
      return text;
  }
}

/** The help text. */
export function usage(): string {
  const lines = Object.entries(flagTable as Readonly<Record<string, FlagRow>>).map(
    ([name, row]) => `  -${row.value === undefined ? name : `${name} ${row.value}`}\n      ${row.help}`,
  );
  return `Usage:
  sallyport call [flags] ADDRESS SERVICE/METHOD
  sallyport call [flags] ADDRESS list [SERVICE]
  sallyport call [flags] ADDRESS describe [SYMBOL]

Calls a gRPC method, lists services and methods, describes types. The flags, the output and the exit codes are those of
grpcurl: 0 ok, 1 failure before a status, 2 usage, 64 + status code when the call ended with an error.

ADDRESS is host:port, [ipv6]:port, or with -unix a path. It may be left out for list and describe with -protoset.

Examples:
  sallyport call -plaintext localhost:50051 list
  sallyport call -plaintext localhost:50051 describe asset.AssetService.GetAsset
  sallyport call -plaintext -authority=shop.example -d '{"id": "42"}' localhost:80 asset.AssetService/GetAsset
  tail -f requests.json | sallyport call -plaintext -d @ localhost:50051 asset.AssetService/ImportAssets

Flags:
${lines.join('\n')}
`;
}
