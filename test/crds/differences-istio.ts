import type { JustifiedDifference } from './differences.ts';

type Cases = JustifiedDifference['cases'];

/** Istio's own validation (pkg/config/validation) refuses it, at admission and when istiod reads the object. */
function refusedByIstiod(kind: string, cases: Cases): JustifiedDifference {
  return { kind, side: 'stricter', because: "Istio's own validation refuses it", cases };
}

function withPolicy(trafficPolicy: object): Readonly<Record<string, unknown>> {
  return { host: 'a', trafficPolicy };
}

function withRule(rule: object): Readonly<Record<string, unknown>> {
  return { rules: [rule] };
}

const localities = (localityLbSetting: object): Readonly<Record<string, unknown>> =>
  withPolicy({ loadBalancer: { localityLbSetting } });

export const istioDifferences: readonly JustifiedDifference[] = [
  refusedByIstiod('WorkloadEntry', [
    [/is neither an IP address nor a DNS name$/, { address: 'a,b' }],
    [/^the entry has no address$/, { address: '' }],
  ]),
  refusedByIstiod('Sidecar', [
    [/^the Sidecar configures nothing$/, {}],
    [/^".*" is not of the form NAMESPACE\/HOST$/s, { egress: [{ hosts: ['a'] }] }],
    [/^the egress entry has no hosts$/, { egress: [{ hosts: [] }] }],
    [/^\d+ is not a port$/, { egress: [{ hosts: ['./*'], port: { number: 0 } }] }],
    [/^".*" is no address of the app$/s, { ingress: [{ port: { number: 80 }, defaultEndpoint: 'a' }] }],
    [/^connectionPool is empty$/, { inboundConnectionPool: {} }],
    [/tcp\.idleTimeout must be a duration/, { inboundConnectionPool: { tcp: { idleTimeout: 'x' } } }],
    [/\.(?:http|tcp)\.\w+ must be at (?:least|most)/, { inboundConnectionPool: { http: { maxRetries: -1 } } }],
    [/^http2KeepAlive has no (?:interval|timeout)$/, { inboundConnectionPool: { http: { http2KeepAlive: {} } } }],
  ]),
  refusedByIstiod('ServiceEntry', [
    [/^".*" is not a host$/s, { hosts: ['a/b'] }],
    [/^exportTo /, { hosts: ['a'], exportTo: ['~', 'a'] }],
    [/^".*" is neither an IP address nor a block of them$/s, { hosts: ['a'], addresses: ['b'] }],
    [/^".*" is no protocol that Istio knows$/s, { hosts: ['a'], ports: [{ number: 80, name: 'a', protocol: 'x' }] }],
    [/^a wildcard cannot be looked up by DNS/, { hosts: ['*.a'], resolution: 'DNS' }],
    [
      /^a Unix socket goes with resolution STATIC/,
      { hosts: ['a'], resolution: 'DNS', endpoints: [{ address: 'unix:///run/a' }] },
    ],
    [
      /^resolution STATIC takes IP addresses/,
      { hosts: ['a'], resolution: 'STATIC', endpoints: [{ address: 'b.example.com' }] },
    ],
    [/is neither an IP address nor a DNS name$/, { hosts: ['a'], resolution: 'DNS', endpoints: [{ address: 'a,b' }] }],
    [/^the entry has no address$/, { hosts: ['a'], resolution: 'DNS', endpoints: [{ address: '' }] }],
  ]),
  refusedByIstiod('DestinationRule', [
    [/^required field spec is missing$/, undefined],
    [/is not a host$|^spec\.host must have at least 1 character/, { host: 'default/web' }],
    [/^connectionPool is empty$/, withPolicy({ connectionPool: {} })],
    [/^the traffic policy sets nothing$/, withPolicy({})],
    [/^exportTo /, { host: 'a', exportTo: ['a b'] }],
    [/^maglev has no tableSize$/, withPolicy({ loadBalancer: { consistentHash: { useSourceIp: true, maglev: {} } } })],
    [
      /^tableSize \d+ is not a prime/,
      withPolicy({ loadBalancer: { consistentHash: { useSourceIp: true, maglev: { tableSize: 4 } } } }),
    ],
    [
      /^consistentHash has both minimumRingSize and/,
      withPolicy({ loadBalancer: { consistentHash: { useSourceIp: true, minimumRingSize: 3, ringHash: {} } } }),
    ],
    [/^subset ".*" is written twice$/s, { host: 'a', subsets: [{ name: 'v1' }, { name: 'v1' }] }],
    [
      /connectionPool\.(?:http|tcp)\.max\w+ must be at least 0/,
      withPolicy({ connectionPool: { http: { maxRetries: -1 } } }),
    ],
    [/^spec\.subsets\[\d+\]\.name must be a DNS label/, { host: 'a', subsets: [{ name: 'a.b' }] }],
    [/portLevelSettings\[\d+\]\.port is missing$/, withPolicy({ portLevelSettings: [{ tls: {} }] })],
    [/EjectionPercent must be at (?:most|least)/, withPolicy({ outlierDetection: { maxEjectionPercent: 101 } })],
    [/minHealthPercent must be at (?:most|least)/, withPolicy({ outlierDetection: { minHealthPercent: 101 } })],
    [
      /^consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors/,
      withPolicy({ outlierDetection: { consecutiveLocalOriginFailures: 1 } }),
    ],
    [/tcp\.idleTimeout must be a duration/, withPolicy({ connectionPool: { tcp: { idleTimeout: 'x' } } })],
    [
      /httpCookie\.ttl must be a duration/,
      withPolicy({ loadBalancer: { consistentHash: { httpCookie: { name: 'c', ttl: 'x' } } } }),
    ],
    [/^the weights of distribute from/, localities({ distribute: [{ from: 'a', to: { b: 1 } }] })],
    [/^failover from .* does not name two regions$/, localities({ failover: [{ from: 'a' }] })],
    [
      /^localityLbSetting has both distribute and failover$/,
      localities({ distribute: [{ from: 'a', to: { b: 100 } }], failover: [{ from: 'a', to: 'b' }] }),
    ],
    [/is not a locality$/, localities({ distribute: [{ from: '', to: { b: 100 } }] })],
    [/failoverPriority\[\d+\] must have at least 1/, localities({ failoverPriority: [''] })],
    [/^tls\.\w+ is not for ISTIO_MUTUAL/, withPolicy({ tls: { mode: 'ISTIO_MUTUAL', credentialName: 'c' } })],
    [/^aggression .* is less than 1$/, withPolicy({ loadBalancer: { warmup: { duration: '1s', aggression: 0.5 } } })],
    [/^tls\.mode MUTUAL has no (?:client certificate|private key)$/, withPolicy({ tls: { mode: 'MUTUAL' } })],
    [
      /^tls\.\w+ and credentialName exclude each other$/,
      withPolicy({ tls: { mode: 'SIMPLE', credentialName: 'c', caCertificates: '/ca' } }),
    ],
    [/subjectAltNames\[\d+\] must have at least 1/, withPolicy({ tls: { subjectAltNames: [''] } })],
  ]),
  {
    kind: 'DestinationRule',
    side: 'stricter',
    because: 'Envoy refuses what Istio would make of it, so the whole proxy would keep its old configuration',
    cases: [
      [
        /^http2KeepAlive has no (?:interval|timeout)$/,
        withPolicy({ connectionPool: { http: { http2KeepAlive: {} } } }),
      ],
      [
        /httpHeaderName must (?:be a header name|have at least 1)/,
        withPolicy({ loadBalancer: { consistentHash: { httpHeaderName: 'a b' } } }),
      ],
      [
        /httpQueryParameterName must have at least 1/,
        withPolicy({ loadBalancer: { consistentHash: { httpQueryParameterName: '' } } }),
      ],
    ],
  },
  {
    kind: 'DestinationRule',
    side: 'stricter',
    because: 'settings for a port that no Service can have are for no port: a slip that Istio passes over in silence',
    cases: [
      [/port\.number is missing$/, withPolicy({ portLevelSettings: [{ port: {}, tls: {} }] })],
      [/port\.number must be at (?:most|least)/, withPolicy({ portLevelSettings: [{ port: { number: 0 }, tls: {} }] })],
    ],
  },
  refusedByIstiod('AuthorizationPolicy', [
    [
      /is not possible with action CUSTOM$/,
      { action: 'CUSTOM', provider: { name: 'p' }, rules: [{ from: [{ source: { principals: ['a'] } }] }] },
    ],
    [/is not a condition that Istio knows$/, withRule({ when: [{ key: 'source.port', values: ['1'] }] })],
    [/^condition .* has neither values nor notValues$/s, withRule({ when: [{ key: 'source.ip' }] })],
    [/^(?:source|operation) has no fields$/, withRule({ from: [{}] })],
    [/^(?:from|to) is empty$/, withRule({ from: [] })],
    [/^provider must not be set with action/, { provider: { name: 'a' } }],
    [/^action CUSTOM needs provider\.name$/, { action: 'CUSTOM', rules: [{}] }],
    [/^(?:DENY|CUSTOM) without rules never has an effect$/, { action: 'DENY' }],
    [/is neither an IP address nor a CIDR block$/, withRule({ from: [{ source: { ipBlocks: ['10.0.0'] } }] })],
    [/is not a port$/, withRule({ to: [{ operation: { ports: ['http'] } }] })],
    [/is not a service account$/, withRule({ from: [{ source: { serviceAccounts: ['*'] } }] })],
    [/^path template/, withRule({ to: [{ operation: { paths: ['/{*}*'] } }] })],
    [/\.\w+\[\d+\] must have at least 1 character/, withRule({ to: [{ operation: { methods: [''] } }] })],
  ]),
  refusedByIstiod('RequestAuthentication', [
    [/^the rule has neither issuer nor jwksUri$/, { jwtRules: [{ jwks: '{}' }] }],
  ]),
  {
    kind: 'RequestAuthentication',
    side: 'stricter',
    because: 'a field of such a name cannot be sent, so that the request of each user would fail',
    cases: [
      [/outputPayloadToHeader must be a header name/, { jwtRules: [{ issuer: 'a', outputPayloadToHeader: 'a b' }] }],
    ],
  },
  {
    kind: 'RequestAuthentication',
    side: 'stricter',
    because: 'a field of such a length is refused by many servers, and nobody reads it',
    cases: [
      [
        /outputPayloadToHeader must have at most 256/,
        { jwtRules: [{ issuer: 'a', outputPayloadToHeader: 'a'.repeat(257) }] },
      ],
    ],
  },
];
