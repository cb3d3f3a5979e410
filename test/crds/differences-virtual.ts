import type { JustifiedDifference } from './differences.ts';

const group = 'networking.istio.io';
const because = "Istio's own validation refuses it";

const to = [{ destination: { host: 'b' } }];
const withRoute = (route: object): Readonly<Record<string, unknown>> => ({
  hosts: ['a'],
  http: [{ route: to, ...route }],
});
const withMatch = (match: object): Readonly<Record<string, unknown>> => withRoute({ match: [match] });
const withServerNames = (sniHosts: readonly string[]): Readonly<Record<string, unknown>> => ({
  hosts: ['a'],
  tls: [{ match: [{ sniHosts }], route: to }],
});
const withServer = (server: object): Readonly<Record<string, unknown>> => ({
  servers: [{ port: { number: 80, name: 'p', protocol: 'HTTP' }, hosts: ['*'], ...server }],
});
const withTls = (tls: object): Readonly<Record<string, unknown>> =>
  withServer({ port: { number: 443, name: 'p', protocol: 'HTTPS' }, tls });

export const virtualDifferences: readonly JustifiedDifference[] = [
  {
    group,
    kind: 'Gateway',
    side: 'stricter',
    because,
    cases: [
      [/^required field spec is missing$/, undefined],
      [/^required field spec\.servers is missing$/, {}],
      [/^spec\.servers(?:\[\d+\]\.hosts)? must have at least 1 entry/, { servers: [] }],
      [/is not a host$/, withServer({ hosts: ['a:80'] })],
      [
        /\.port\.(?:name|protocol) must have at least 1/,
        withServer({ port: { number: 80, name: '', protocol: 'HTTP' } }),
      ],
      [/\.port\.number must be at (?:least|most)/, withServer({ port: { number: 0, name: 'p', protocol: 'HTTP' } })],
      [/^two servers call their port/, { servers: [0, 1].flatMap(() => withServer({})['servers']) }],
      [
        /^a server of protocol .* cannot have TLS settings$/,
        withServer({ tls: { mode: 'SIMPLE', credentialName: 'c' } }),
      ],
      [/^a server of protocol \w+ needs tls$/, withServer({ port: { number: 80, name: 'p', protocol: 'HTTPS' } })],
      [/exclude each other$/, withTls({ mode: 'SIMPLE', credentialName: 'c', serverCertificate: 'd' })],
      [/^mode \w+ needs a certificate$/, withTls({ mode: 'MUTUAL' })],
      [/^mode ISTIO_MUTUAL presents the certificate/, withTls({ mode: 'ISTIO_MUTUAL', credentialName: 'c' })],
    ],
  },
  {
    group,
    kind: 'VirtualService',
    side: 'stricter',
    because,
    cases: [
      [/^the VirtualService has no routes$/, undefined],
      [/is not a host$/, { hosts: ['a:80'], http: [{ route: to }] }],
      [/^the host "\*" cannot be bound to the mesh$/, { hosts: ['*'], http: [{ route: to }] }],
      [/^host ".*" (?:is written twice|overlaps with ".*")$/s, { hosts: ['a', 'a'], http: [{ route: to }] }],
      [/^exportTo /, { hosts: ['a'], exportTo: ['*', '~'], http: [{ route: to }] }],
      [/^the regular expression has \d+ characters$/, withMatch({ uri: { regex: 'a'.repeat(1025) } })],
      [/^a VirtualService without hosts is a delegate/, { gateways: ['g'], http: [{ route: to }] }],
      [/is not the name of a Gateway$/, { hosts: ['a'], gateways: ['a/b/c'], http: [{ route: to }] }],
      [/^the route leads nowhere$/, { hosts: ['a'], http: [{}] }],
      [/exclude each other$/, withRoute({ redirect: { uri: '/' } })],
      [/^the delegate has no name$/, { hosts: ['a'], http: [{ delegate: {} }] }],
      [/^a delegate cannot delegate further$/, { http: [{ delegate: { name: 'd' } }] }],
      [/is not a header name$/, withMatch({ headers: { 'a b': {} } })],
      [/is not a valid RE2 expression/, withMatch({ uri: { regex: '(' } })],
      [/^an empty regular expression matches nothing/, withMatch({ uri: { regex: '' } })],
      [/^an empty prefix matches everything$/, withMatch({ method: { prefix: '' } })],
      [/\.match\[\d+\]\.port must be at most/, withMatch({ port: 65_536 })],
      [/\.sourceNamespace must be a namespace name/, withMatch({ sourceNamespace: 'A' })],
      [/is not a header that can be changed here$/, withRoute({ headers: { request: { set: { 'a b': 'c' } } } })],
      [/^a header value has one line$/, withRoute({ headers: { request: { set: { a: 'b\n' } } } })],
      [/^the authority is set/, withRoute({ headers: { request: { set: { Host: 'b', ':authority': 'c' } } } })],
      [/^a destination cannot be a wildcard/, withRoute({ route: [{ destination: { host: '*.b' } }] })],
      [/\.host must have at least 1/, withRoute({ route: [{ destination: { host: '' } }] })],
      [/\.port(?:\.number)? must be at (?:least|most)/, withRoute({ mirror: { host: 'b', port: { number: 65_536 } } })],
      [/^the weights sum to 0$/, withRoute({ route: [...to, ...to] })],
      [/\.weight must be at least 0/, withRoute({ route: [{ destination: { host: 'b' }, weight: -1 }] })],
      [/is no percentage$/, withRoute({ mirror: { host: 'b' }, mirrorPercent: 101 })],
      [/^redirectCode \d+ is no redirect$/, { hosts: ['a'], http: [{ redirect: { uri: '/', redirectCode: 200 } }] }],
      [/^the redirect changes nothing$/, { hosts: ['a'], http: [{ redirect: {} }] }],
      [/^the rewrite changes nothing$/, withRoute({ rewrite: {} })],
      [/^uriRegexRewrite needs match and rewrite$/, withRoute({ rewrite: { uriRegexRewrite: { match: 'a' } } })],
      [/^status \d+ is not between/, { hosts: ['a'], http: [{ directResponse: { status: 100 } }] }],
      [/^a tls route has no match$/, { hosts: ['a'], tls: [{ match: [], route: to }] }],
      [/^a match of a tls route has no server name$/, withServerNames([])],
      [/^server name ".*" is none of the hosts/s, withServerNames(['b'])],
      [/is neither an IP address/, { hosts: ['a'], tcp: [{ match: [{ destinationSubnets: ['b'] }], route: to }] }],
      [/^the fault is neither/, withRoute({ fault: {} })],
      [/^there is no exponential delay$/, withRoute({ fault: { delay: { exponentialDelay: '1s' } } })],
      [/^an abort has one of/, withRoute({ fault: { abort: { http2Error: 'a' } } })],
      [/^httpStatus -?\d+ is not between/, withRoute({ fault: { abort: { httpStatus: 100 } } })],
      [/is no name of a gRPC status$/, withRoute({ fault: { abort: { grpcStatus: '14' } } })],
      [/is no retry condition$/, withRoute({ retries: { attempts: 1, retryOn: 'a, b' } })],
      [/^attempts -\d+ is negative$/, withRoute({ retries: { attempts: -1 } })],
      [/^retries are disabled by attempts 0/, withRoute({ retries: { perTryTimeout: '1s' } })],
      [/^maxAge has a fraction of a second$/, withRoute({ corsPolicy: { maxAge: '1500ms' } })],
    ],
  },
];
