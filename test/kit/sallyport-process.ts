/** Runs the real command line as a child process, as a user would, with a state directory and ports of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = dirname(dirname(import.meta.dirname));

/** The file that `run` writes into its state directory when it is ready. */
export interface RunFile {
  readonly pid: number;
  readonly admin: string;
  readonly listeners: readonly { readonly gateway: string; readonly listener: string; readonly address: string }[];
  readonly proxies: readonly {
    readonly id: string;
    readonly pid: number;
    readonly ports: Readonly<Record<string, string>>;
  }[];
  readonly workloads: readonly { readonly name: string; readonly address: string; readonly pid?: number }[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SallyportProcessOptions {
  readonly cwd?: string;
  readonly input?: string;
  /** How long `until` and `ready` wait. */
  readonly readyTimeoutMs?: number;
}

export class SallyportProcess {
  readonly stateDir: string;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #timeoutMs: number;
  readonly #waiting = new Set<{
    readonly check: () => boolean;
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }>();
  #stdout = '';
  #stderr = '';
  #exit: Exit | undefined;

  constructor(args: readonly string[], { cwd = root, input, readyTimeoutMs = 30_000 }: SallyportProcessOptions = {}) {
    this.#timeoutMs = readyTimeoutMs;
    this.stateDir = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
    const own = ['--state-dir', this.stateDir, '--admin-port', '0', '--free-ports'];
    const [verb = 'run', ...rest] = args;
    this.#child = spawn(process.execPath, [join(root, 'bin', 'sallyport.js'), verb, ...own, ...rest], {
      cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    this.#child.stdin?.end(input ?? '');
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#changed();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#changed();
    });
    this.exited = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        this.#exit = { code, signal };
        this.#changed();
        resolve(this.#exit);
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The present content of the run file; it changes when proxies restart. */
  get run(): RunFile {
    return JSON.parse(readFileSync(join(this.stateDir, 'run.json'), 'utf8')) as RunFile;
  }

  /** `HOST:PORT` of a gateway's listener. */
  listener(gateway: string, name = 'http'): string {
    const found = this.run.listeners.find((entry) => entry.gateway === gateway && entry.listener === name);
    if (found === undefined)
      throw new Error(`no listener ${name} of ${gateway} in ${JSON.stringify(this.run.listeners)}`);
    return found.address;
  }

  ready(): Promise<void> {
    return this.until(() => /^Ready/m.test(this.#stderr), 'to be ready');
  }

  /** Resolves once `check` holds, looked at after each output; rejects with all output when the process ends first. */
  until(check: () => boolean, what: string): Promise<void> {
    if (check()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const describe = () => `waited for sallyport ${what}\n--- stdout\n${this.#stdout}\n--- stderr\n${this.#stderr}`;
      const timer = setTimeout(() => {
        this.#waiting.delete(entry);
        reject(new Error(`timeout: ${describe()}`));
      }, this.#timeoutMs);
      const entry = {
        check,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error: Error) => {
          clearTimeout(timer);
          reject(new Error(describe(), { cause: error }));
        },
      };
      this.#waiting.add(entry);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Stops at once, whatever is going on, and removes the state directory. */
  async stop(): Promise<void> {
    if (this.#exit === undefined) {
      this.#child.kill('SIGTERM');
      this.#child.kill('SIGTERM');
    }
    await this.exited;
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  #changed(): void {
    for (const entry of this.#waiting) {
      if (entry.check()) {
        this.#waiting.delete(entry);
        entry.resolve();
      } else if (this.#exit !== undefined) {
        this.#waiting.delete(entry);
        entry.reject(new Error(`ended with ${JSON.stringify(this.#exit)}`));
      }
    }
  }
}
