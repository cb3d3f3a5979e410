import { UsageError } from './failure.ts';
import { parseFlags, type FlagValues } from './flags.ts';

/** What the command line asks for, checked. */
export interface CallOptions {
  readonly flags: FlagValues;
  readonly format: 'json' | 'text';
  /** 0, 1 (`-v`) or 2 (`-vv`). */
  readonly verbosity: number;
  readonly useReflection: boolean;
  /** `undefined` when everything comes from descriptor sets. */
  readonly address: string | undefined;
  readonly action:
    | { readonly verb: 'list' | 'describe'; readonly symbol: string | undefined }
    | { readonly verb: 'invoke'; readonly method: string };
  /** To be printed on stderr before anything else. */
  readonly warnings: readonly string[];
}

/** `-help` and `-version` come before any check. */
export type ParsedLine =
  | { readonly show: 'help' | 'version' }
  | { readonly show: 'result'; readonly options: CallOptions };

/** @throws {UsageError} in grpcurl's words. */
export function parseLine(argv: readonly string[]): ParsedLine {
  const { flags, positionals } = parseFlags(argv);
  if (flags.help === true) return { show: 'help' };
  if (flags.version === true) return { show: 'version' };
  checkFlags(flags);
  const warnings: string[] = [];
  const format = flags.format === 'text' ? 'text' : 'json';
  if (flags['emit-defaults'] === true && format !== 'json') {
    warnings.push('The -emit-defaults is only used when using json format.');
  }
  const { address, action } = parsePositionals(positionals);
  if (action.verb !== 'invoke') {
    if ((flags.d ?? '') !== '') warnings.push("The -d argument is not used with 'list' or 'describe' verb.");
    if (flags['rpc-header'].length > 0) {
      warnings.push("The -rpc-header argument is not used with 'list' or 'describe' verb.");
    }
  }
  const hasFiles = flags.protoset.length > 0;
  if (action.verb === 'invoke' && address === undefined) throw new UsageError('No host:port specified.');
  if (!hasFiles && address === undefined) {
    throw new UsageError('No host:port specified, no protoset specified, and no proto sources specified.');
  }
  if (hasFiles && flags['reflect-header'].length > 0) {
    warnings.push('The -reflect-header argument is not used when -protoset files are used.');
  }
  if (flags['import-path'].length > 0) {
    warnings.push('The -import-path argument is not used unless -proto files are used.');
  }
  if (flags['use-reflection'] === false && !hasFiles) {
    throw new UsageError('No protoset files or proto files specified and -use-reflection set to false.');
  }
  const useReflection = flags['use-reflection'] ?? !hasFiles;
  if (useReflection && address === undefined) throw new UsageError('No host:port specified.');
  if (flags.servername !== undefined && flags.servername === flags.authority && flags.plaintext !== true) {
    warnings.push('Both -servername and -authority are present; prefer only -authority.');
  }
  const verbosity = flags.vv === true ? 2 : flags.v === true ? 1 : 0;
  return { show: 'result', options: { flags, format, verbosity, useReflection, address, action, warnings } };
}

function isVerb(word: string | undefined): boolean {
  return word === 'list' || word === 'describe';
}

function parsePositionals(positionals: readonly string[]): Pick<CallOptions, 'address' | 'action'> {
  const words = [...positionals];
  if (words.length === 0) throw new UsageError('Too few arguments.');
  const address = isVerb(words[0]) ? undefined : words.shift();
  const word = words.shift();
  if (word === undefined) throw new UsageError('Too few arguments.');
  const symbol = isVerb(word) ? words.shift() : undefined;
  if (words.length > 0) throw new UsageError('Too many arguments.');
  if (word === 'list' || word === 'describe') return { address, action: { verb: word, symbol } };
  return { address, action: { verb: 'invoke', method: word } };
}

function checkFlags(flags: FlagValues): void {
  for (const name of ['connect-timeout', 'keepalive-time', 'max-time', 'max-msg-sz'] as const) {
    if ((flags[name] ?? 0) < 0) throw new UsageError(`The -${name} argument must not be negative.`);
  }
  const isAlts = flags.alts === true || flags['alts-handshaker-service'] !== undefined;
  if (isAlts || flags['alts-target-service-account'].length > 0) {
    throw new UsageError('ALTS is not supported: it authenticates inside Google Cloud only. Use TLS, or -plaintext.');
  }
  if (flags.plaintext === true) {
    for (const name of ['insecure', 'cert', 'key'] as const) {
      if (flags[name] !== undefined && flags[name] !== false && flags[name] !== '') {
        throw new UsageError(`The -${name} argument can only be used with TLS.`);
      }
    }
  }
  if ((flags.key ?? '') === '' ? (flags.cert ?? '') !== '' : (flags.cert ?? '') === '') {
    throw new UsageError('The -cert and -key arguments must be used together and both be present.');
  }
  if (flags.format !== undefined && flags.format !== 'json' && flags.format !== 'text') {
    throw new UsageError("The -format option must be 'json' or 'text'.");
  }
  if (flags.proto.length > 0) {
    const files = flags.proto.join(' ');
    throw new UsageError(
      `-proto is not supported, there is no .proto parser here. Make a descriptor set and use it:\n` +
        `  buf build -o set.binpb   (or: protoc --include_imports --descriptor_set_out=set.binpb ${files})\n` +
        `  sallyport call -protoset set.binpb …`,
    );
  }
  if (flags['proto-out-dir'] !== undefined) {
    throw new UsageError('-proto-out-dir is not supported: use -protoset-out, which loses nothing.');
  }
  if (flags.plaintext !== true && flags.servername !== undefined && flags.authority !== undefined) {
    if (flags.servername !== flags.authority) {
      throw new UsageError('Cannot specify different values for -servername and -authority.');
    }
  }
}
