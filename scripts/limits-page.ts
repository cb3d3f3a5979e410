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
  { file: 'src/manifest/limits.ts', title: 'Manifests', values: {} },
];

/** The members of an object that are numbers. */
function numbersOf(limits: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(limits).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

/** A doc comment, or nothing, then a constant, a member of a constant object, or a member of an interface. */
const declaration =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^(?:(?:export )?const (\w+)(?:: [^=]+)? = ([\d._ *]+);|  (\w+): ([\d._]+),|  readonly (\w+): number;)$/gm;

/** A default that is a constant: `member: CONSTANT,`. */
const namedDefault = /^ {2}(\w+): ([A-Z_]+),$/gm;

interface Limit {
  readonly name: string;
  readonly value: number;
  readonly reason: string;
}

function limitsIn(text: string, values: Part['values']): Limit[] {
  const limits: Limit[] = [];
  for (const [, doc, constant, product, member, literal, field] of text.matchAll(declaration)) {
    const name = constant ?? member ?? field ?? '';
    const value = field === undefined ? evaluate(product ?? literal ?? '') : values[field];
    // Members of the object of defaults repeat what their interface says.
    if (value === undefined || (member !== undefined && member in values)) continue;
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

/** A literal or a product of literals. */
function evaluate(product: string): number {
  return product.split('*').reduce((value, factor) => value * Number(factor.trim().replaceAll('_', '')), 1);
}

/** The page, whole. */
export function limitsPage(root: string): string {
  const sections = parts.map(({ file, title, values }) => {
    const rows = limitsIn(readFileSync(join(root, file), 'utf8'), values).map(
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
