import { Command, CommanderError, Help, type Option } from 'commander';
import { exitCode } from './exit-codes.ts';
import { packageVersion } from './version.ts';

const description = `Runs the gRPC traffic path that your Kubernetes manifests describe: a Gateway API gateway in front, \
strict mutual TLS between SPIFFE identities behind it, Istio policy at each door. Unchanged YAML, no cluster.`;

const examples = `
Examples:
  sallyport run -f k8s/ --workload default/asset-management=127.0.0.1:50051
      serve the manifests in k8s/ in front of a service that already listens there
  sallyport run -f k8s/ --exec default/web='node server.js' -- npm test
      start the service too, run the tests once all is ready, end with their exit code
  sallyport check -f k8s/
      findings without running anything
  sallyport call -plaintext -authority=shop.example 127.0.0.1:80 list
      what the gateway offers under that name; grpcurl's flags

Exit codes: 0 ok, 1 failure, 64 usage, 65 bad input, 69 unreachable, 79 check found something;
call uses grpcurl's (64 + gRPC status).`;

/**
 * Runs one command line and answers with the exit code. Verbs are loaded when asked for, so that `--help` is quick.
 */
export async function main(argv: readonly string[]): Promise<number> {
  // `call` has grpcurl's flags, which no option parser of this kind reads (`-plaintext`), so it sees its arguments as they are.
  if (argv[0] === 'call') {
    const { runCall } = await import('./call/index.ts');
    return runCall(argv.slice(1), {
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
    });
  }
  process.stdout.on('error', endWhenNobodyReads);
  let code: number = exitCode.ok;
  const program = createProgram((result) => (code = result));
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has printed help, version or the mistake already.
    return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  }
  return code;
}

/** `sallyport get | head` closes the pipe early; that is no failure, and there is nothing left to say. */
function endWhenNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCode.ok);
}

function createProgram(done: (code: number) => void): Command {
  const program = new Command('sallyport')
    .description(description)
    .version(packageVersion(), '-V, --version')
    .helpOption('-h, --help')
    .addHelpText('after', examples)
    .showSuggestionAfterError()
    .showHelpAfterError('(run `sallyport help VERB` for its options)')
    .configureHelp({ optionDescription })
    .enablePositionalOptions()
    .exitOverride();

  manifestOptions(program.command('run'))
    .description('serve the manifests: gateway and sidecar proxies, kept in step with the files')
    .argument('[command...]', 'after `--`: run this once everything is ready, then stop with its exit code')
    .option('--workload <[namespace/]name=address>', 'where a workload already listens (repeatable)', collect, [])
    .option(
      '--exec <[namespace/]name=command>',
      'start a workload; it is told its port by PORT (repeatable)',
      collect,
      [],
    )
    .option('--config <file>', 'workloads and manifests of this project (default: ./sallyport.yaml where present)')
    .option('--state-dir <path>', 'CA key and run-time files, mode 0700', '.sallyport')
    .option('--admin-port <port>', 'for /metrics, /ready, /plan on 127.0.0.1; 0: any free port', '15000')
    .option('--free-ports', 'bind gateway listeners to any free port instead of the one in the YAML', false)
    .option('--no-reflection', 'gateways do not answer gRPC reflection themselves')
    .option('--access-log <format>', 'text, json or off', 'text')
    .option('--workers <number>', 'processes of each proxy, on one port; SIGUSR2 replaces them while calls go on', '1')
    .option('--grace <seconds>', 'how long calls in flight may take after Ctrl-C', '30')
    .addHelpText('after', runExamples)
    .action(async (command: string[], options: unknown) => {
      const { runVerb } = await import('./run.ts');
      done(await runVerb(command, options));
    });

  manifestOptions(program.command('check'))
    .description('findings without running anything')
    .option('--workload <[namespace/]name=address>', 'a workload that will be there (repeatable)', collect, [])
    .option('--config <file>', 'workloads and manifests of this project (default: ./sallyport.yaml where present)')
    .option('-o, --output <format>', 'text or json', 'text')
    .option('--failure-threshold <severity>', 'error, warning or info: from which on the exit code is 79', 'error')
    .action(async (options: unknown) => {
      const { checkVerb } = await import('./check.ts');
      done(await checkVerb(options));
    });

  manifestOptions(program.command('get'))
    .description('resources with their status, from files or from the running mesh')
    .argument('[kind]', 'gateways, httproutes, grpcroutes, services, …; short names as in kubectl; default: all')
    .argument('[name]', 'only this one')
    .option('-n, --namespace <namespace>', 'only this namespace')
    .option('-A, --all-namespaces', 'all namespaces (the default)', false)
    .option('-l, --selector <labels>', 'only objects with these labels, for example app=web,tier!=db')
    .option('-o, --output <format>', 'table, wide, json, yaml or name', 'table')
    .option('--state-dir <path>', 'where the running mesh keeps its files', '.sallyport')
    .option('--workload <[namespace/]name=address>', 'a workload that will be there (repeatable)', collect, [])
    .option('--config <file>', 'workloads and manifests of this project (default: ./sallyport.yaml where present)')
    .action(async (kind: string | undefined, name: string | undefined, options: unknown) => {
      const { getVerb } = await import('./get.ts');
      done(await getVerb({ kind, name }, options));
    });

  program
    .command('certs')
    .description('certificates for local use')
    .command('self-signed')
    .description('print a kubernetes.io/tls Secret with a new key and a self-signed certificate for a listener')
    .requiredOption('--secret <[namespace/]name>', 'name of the Secret')
    .requiredOption('--host <hostname>', 'a DNS name or IP address the certificate is for (repeatable)', collect, [])
    .action(async (options: unknown) => {
      const { certsSelfSignedVerb } = await import('./certs.ts');
      done(await certsSelfSignedVerb(options));
    });

  program
    .command('call')
    .description("call a gRPC method, list or describe services: grpcurl's flags (`sallyport call -help`)")
    .helpOption(false);

  program
    .command('version')
    .description('print the version')
    .action(() => {
      process.stdout.write(`sallyport ${packageVersion()}\n`);
    });
  return program;
}

const runExamples = `
Examples:
  sallyport run -f k8s/ --workload default/asset-management=127.0.0.1:50051
  sallyport run -f route.yaml -f policy.yaml --add-missing --workload asset-management=50051
  kustomize build overlays/dev | sallyport run -f - --exec default/web='npm start'
  sallyport run -f k8s/ -- npm test

Ctrl-C lets calls in flight finish (--grace); a second Ctrl-C stops at once.`;

/** Options of every verb that reads manifests. */
function manifestOptions(command: Command): Command {
  return command
    .option('-f, --filename <path>', 'file, directory (recursive) or - for standard input (repeatable)', collect, [])
    .option('--gateway-class <name>', 'serve only Gateways of this class (default: every class)')
    .option('--add-missing', 'supply the obvious that is referenced but absent, and list it', false)
    .option('--trust-domain <domain>', 'SPIFFE trust domain of the mesh', 'cluster.local')
    .option('--root-namespace <namespace>', 'namespace of mesh-wide policy', 'istio-system');
}

/** "(default: [])" and "(default: false)" tell nobody anything. */
function optionDescription(option: Option): string {
  const isTelling = option.defaultValue !== false && !Array.isArray(option.defaultValue);
  return isTelling ? new Help().optionDescription(option) : option.description;
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
