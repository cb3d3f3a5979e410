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

/** `SALLYPORT_<GATEWAY>_<LISTENER>=HOST:PORT` for each listener, and `SALLYPORT_ADMIN`. */
function meshEnvironment(mesh: Mesh): Record<string, string> {
  const { plan } = mesh.state().result;
  const environment: Record<string, string> = { SALLYPORT_ADMIN: mesh.adminAddress };
  for (const listener of Object.values(plan.listeners)) {
    const proxy = plan.proxies[plan.ports[listener.port]?.proxy ?? ''];
    const address = mesh.addresses().get(listener.port);
    if (proxy?.role !== 'gateway' || address === undefined) continue;
    const gateway = proxy.id.split('/').at(-1) ?? '';
    environment[`SALLYPORT_${gateway}_${listener.name}`.toUpperCase().replace(/[^A-Z0-9]/g, '_')] = address;
  }
  return environment;
}
