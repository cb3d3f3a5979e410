import { spawn } from 'node:child_process';
import type { Mesh } from '../app/index.ts';
import { exitCode, signalExitCode } from './exit-codes.ts';

/** Runs the command with the addresses of the mesh in its environment. Resolves with its exit code. */
export function runCommand(command: readonly string[], mesh: Mesh): Promise<number> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...meshEnvironment(mesh) } });
    child.on('error', (error) => {
      process.stderr.write(`${program}: ${error.message}\n`);
      resolve(exitCode.commandNotFound);
    });
    child.on('exit', (code, signal) => resolve(code ?? (signal === null ? exitCode.failure : signalExitCode(signal))));
  });
}

/**
 * `SALLYPORT_<GATEWAY>_<LISTENER>=HOST:PORT` for each listener, `SALLYPORT_OUTBOUND_<NAMESPACE>_<WORKLOAD>=HOST:PORT` for
 * the calls of each workload, and `SALLYPORT_ADMIN`.
 */
function meshEnvironment(mesh: Mesh): Record<string, string> {
  const { plan } = mesh.state().result;
  const environment: Record<string, string> = { SALLYPORT_ADMIN: mesh.adminAddress };
  for (const listener of Object.values(plan.listeners)) {
    const port = plan.ports[listener.port];
    const proxy = plan.proxies[port?.proxy ?? ''];
    const address = mesh.addresses().get(listener.port);
    if (port === undefined || proxy === undefined || address === undefined) continue;
    const name = proxy.id.split('/').at(-1) ?? '';
    if (port.direction === 'gateway') environment[variableName(`${name}_${listener.name}`)] = address;
    else if (port.direction === 'outbound' && listener.pinned === undefined)
      environment[variableName(`outbound_${proxy.namespace}_${name}`)] = address;
  }
  return environment;
}

function variableName(name: string): string {
  return `SALLYPORT_${name}`.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}
