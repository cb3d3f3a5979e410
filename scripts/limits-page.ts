/** docs/limits.md: every limit with its value and reason, read from the sources that hold them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultLimits } from '../src/http2/index.ts';
import { defaultProxyLimits } from '../src/proxy/limits.ts';
import { defaultTransportLimits } from '../src/transport/transport-limits.ts';

interface Part {
  readonly file: string;
  readonly title: string;
  /** Values of the members of an interface in the file. */
  readonly values: Readonly<Record<string, number>>;
}

const parts: readonly Part[] = [
  { file: 'src/http2/limits.ts', title: 'HTTP/2, each connection', values: { ...defaultLimits } },
  { file: 'src/transport/transport-limits.ts', title: 'Sockets and TLS', values: { ...defaultTransportLimits } },
  { file: 'src/proxy/limits.ts', title: 'One proxy process', values: numbersOf(defaultProxyLimits) },
  { file: 'src/decide/limits.ts', title: 'Routing and authorization', values: {} },
  { file: 'src/token/limits.ts', title: 'JSON Web Tokens', values: {} },
  { file: 'src/identity/limits.ts', title: 'Certificates', values: {} },
  { file: 'src/telemetry/limits.ts', title: 'Metrics and access log', values: {} },
  { file: 'src/proxy/reflection-limits.ts', title: 'Descriptors that workloads tell', values: {} },
  { file: 'src/health/limits.ts', title: 'Health of workloads', values: {} },
  { file: 'src/manifest/limits.ts', title: 'Manifests', values: {} },
];

/** The members of an object that are numbers. */
function numbersOf(limits: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(limits).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

/**
 * A doc comment, or nothing, then a constant, a member of a constant object, or a member of an interface. Constants may be
 * sums and products of numbers and of constants before them.
 */
const declaration =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^(?:(?:export )?const (\w+)(?:: [^=]+)? = ([\w.* +]+);|  (\w+): ([\d._* ]+),|  readonly (\w+): number;)$/gm;

/** A default that is a constant: `member: CONSTANT,`. */
const namedDefault = /^ {2}(\w+): ([A-Z_]+),$/gm;

interface Limit {
  readonly name: string;
  readonly value: number;
  readonly reason: string;
}

function limitsIn(text: string, values: Part['values']): Limit[] {
  const limits: Limit[] = [];
  const constants = new Map<string, number>();
  for (const [, doc, constant, expression, member, literal, field] of text.matchAll(declaration)) {
    const name = constant ?? member ?? field ?? '';
    const value = field === undefined ? evaluate(expression ?? literal ?? '', constants) : values[field];
    // Members of the object of defaults repeat what their interface says.
    if (value === undefined || (member !== undefined && member in values && doc === undefined)) continue;
    if (constant !== undefined) constants.set(name, value);
    limits.push({
      name,
      value,
      reason: doc === undefined ? 'As above.' : doc.replaceAll(/\s*\n\s*\*?\s?/g, ' ').trim(),
    });
  }
  return withConstants(
    limits,
    new Map(Array.from(text.matchAll(namedDefault), ([, member = '', constant = '']) => [constant, member])),
  );
}

/** What a member means and why its default is what it is stand at two places of the source, and in one row here. */
function withConstants(limits: readonly Limit[], members: ReadonlyMap<string, string>): Limit[] {
  const reasons = new Map(limits.map(({ name, reason }) => [members.get(name) ?? '', reason]));
  return limits
    .filter(({ name }) => !members.has(name))
    .map(({ name, value, reason }) => ({
      name,
      value,
      reason: [reason, ...(reasons.has(name) ? [reasons.get(name)] : [])].join(' '),
    }));
}

/** A sum of products; undefined where a name in it is none of the constants. */
function evaluate(expression: string, constants: ReadonlyMap<string, number>): number | undefined {
  const value = expression
    .split('+')
    .map((product) =>
      product
        .split('*')
        .map((factor) => constants.get(factor.trim()) ?? Number(factor.trim().replaceAll('_', '')))
        .reduce((a, b) => a * b, 1),
    )
    .reduce((a, b) => a + b, 0);
  return Number.isNaN(value) ? undefined : value;
}

/** Every limit by the file that holds it. */
export function allLimits(root: string): ReadonlyMap<string, readonly Limit[]> {
  return new Map(parts.map(({ file, values }) => [file, limitsIn(readFileSync(join(root, file), 'utf8'), values)]));
}

/** The page, whole. */
export function limitsPage(root: string): string {
  const limits = allLimits(root);
  const sections = parts.map(({ file, title }) => {
    const rows = (limits.get(file) ?? []).map(
      ({ name, value, reason }) => `| \`${name}\` | ${value.toLocaleString('en')} | ${reason.replaceAll('|', '\\|')} |`,
    );
    if (rows.length === 0) throw new Error(`${file} has no limits`);
    return `## ${title}\n\nFrom \`${file}\`.\n\n| name | value | meaning and reason |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `<!-- Generated from src/*/*limits.ts by \`npm run generate\`. -->
# Limits

Every bound of Sallyport, on without being asked for. The unit is in the name. When a limit acts on a connection, the log says
which one and for which peer, and \`sallyport_limits_acted_total\` counts it by name.

${sections.join('\n')}`;
}
