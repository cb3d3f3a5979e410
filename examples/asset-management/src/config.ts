/** What the service is told by its environment. */
export interface Config {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** PostgreSQL connection string; undefined means the embedded database. */
  readonly databaseUrl: string | undefined;
  /** Directory of the embedded database; undefined keeps it in memory. */
  readonly dataDir: string | undefined;
  /** Whether an empty register is filled with the sample assets. */
  readonly seed: boolean;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 50051;

/** Reads the configuration; throws an Error that names the offending variable and its value. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  return {
    host: environment['HOST'] || DEFAULT_HOST,
    port: readPort(environment['PORT']),
    databaseUrl: environment['DATABASE_URL'] || undefined,
    dataDir: environment['ASSET_DATA_DIR'] || undefined,
    seed: readBoolean('ASSET_SEED', environment['ASSET_SEED'] ?? 'true'),
  };
}

function readPort(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_PORT;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new Error(`PORT must be a number from 0 to 65535, but is "${text}"`);
  }
  return port;
}

function readBoolean(name: string, text: string): boolean {
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new Error(`${name} must be "true" or "false", but is "${text}"`);
}
