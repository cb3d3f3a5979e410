/**
 * Where we judge otherwise than the official CRDs, and why. Each entry has an example that shows it; an entry whose
 * example shows no difference any more is stale and fails.
 */
import type { Difference } from './verdict.ts';

export interface JustifiedDifference {
  readonly kind: string;
  readonly side: Difference['side'];
  readonly reason: RegExp;
  readonly because: string;
  /** The `spec` of an object that shows it; undefined: an object without `spec`. */
  readonly example: Readonly<Record<string, unknown>> | undefined;
}

const istiod = "Istio's validation refuses it, both at admission and when istiod reads it (ValidateX in pkg/config)";
const badRegex = 'the CRD cannot compile expressions; a gateway refuses the rule (implementations do so at run time)';
const needsSpec = `${istiod}: an empty object lacks what the kind is about`;

const allListeners = { gatewayClassName: 'istio' };

export const justifiedDifferences: readonly JustifiedDifference[] = [
  {
    kind: 'Gateway',
    side: 'stricter',
    reason: /matchExpressions\[\d+\]\.operator must be one of/,
    because: 'the CRD takes any text, but a label selector with another operator cannot be evaluated',
    example: {
      ...allListeners,
      listeners: [
        {
          ...{ name: 'a', port: 80, protocol: 'HTTP' },
          allowedRoutes: {
            namespaces: { from: 'Selector', selector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } },
          },
        },
      ],
    },
  },
  {
    kind: 'Gateway',
    side: 'stricter',
    reason: /^operator (?:In|NotIn|Exists|DoesNotExist) (?:needs|takes no) values$/,
    because: 'the CRD takes any combination, but LabelSelectorAsSelector of Kubernetes refuses it',
    example: {
      ...allListeners,
      listeners: [
        {
          ...{ name: 'a', port: 80, protocol: 'HTTP' },
          allowedRoutes: {
            namespaces: { from: 'Selector', selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
          },
        },
      ],
    },
  },
  {
    kind: 'Gateway',
    side: 'stricter',
    reason: /^from: Selector needs a selector$/,
    because: 'the CRD cannot say it; the field is documented as required with from: Selector',
    example: {
      ...allListeners,
      listeners: [{ name: 'a', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'Selector' } } }],
    },
  },
  {
    kind: 'HTTPRoute',
    side: 'stricter',
    reason: /is not a valid RE2 expression/,
    because: badRegex,
    example: { rules: [{ matches: [{ path: { type: 'RegularExpression', value: '/(' } }] }] },
  },
  {
    kind: 'HTTPRoute',
    side: 'laxer',
    reason: /^spec\.rules\[\] .*(?:requestRedirect|urlRewrite)/,
    because: 'filters are reported as not supported and their rule is answered with an error, whatever they say',
    example: {
      rules: [
        {
          filters: [
            { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } } },
          ],
          matches: [{ path: { type: 'Exact', value: '/a' } }],
        },
      ],
    },
  },
  {
    kind: 'HTTPRoute',
    side: 'laxer',
    reason: /^spec\.rules\[\]\.timeouts .*backendRequest/,
    because: 'timeouts.backendRequest is reported as not supported',
    example: { rules: [{ timeouts: { request: '1s', backendRequest: '2s' } }] },
  },
  {
    kind: 'GRPCRoute',
    side: 'stricter',
    reason: /is not a valid RE2 expression/,
    because: badRegex,
    example: { rules: [{ matches: [{ method: { type: 'RegularExpression', service: 'a(' } }] }] },
  },
  {
    kind: 'WorkloadEntry',
    side: 'stricter',
    reason: /is neither an IP address nor a DNS name$/,
    because: istiod,
    example: { address: 'a,b' },
  },
  {
    kind: 'WorkloadEntry',
    side: 'stricter',
    reason: /^the entry has no address$/,
    because: needsSpec,
    example: { address: '' },
  },
  {
    kind: 'DestinationRule',
    side: 'stricter',
    reason: /^required field spec is missing$/,
    because: needsSpec,
    example: undefined,
  },
  {
    kind: 'DestinationRule',
    side: 'stricter',
    reason: /is not a host$|^spec\.host must have at least 1 character/,
    because: istiod,
    example: { host: 'default/web' },
  },
  {
    kind: 'DestinationRule',
    side: 'stricter',
    reason: /^connectionPool is empty$/,
    because: istiod,
    example: { host: 'a', trafficPolicy: { connectionPool: {} } },
  },
  {
    kind: 'AuthorizationPolicy',
    side: 'stricter',
    reason: /is not a condition that Istio knows$/,
    because: istiod,
    example: { rules: [{ when: [{ key: 'source.port', values: ['1'] }] }] },
  },
  {
    kind: 'AuthorizationPolicy',
    side: 'stricter',
    reason: /^condition .* has neither values nor notValues$/s,
    because: istiod,
    example: { rules: [{ when: [{ key: 'source.ip' }] }] },
  },
  {
    kind: 'AuthorizationPolicy',
    side: 'stricter',
    reason: /^(?:source|operation) has no fields$|^(?:from|to|when) is empty$/,
    because: `${istiod}, since it would match anything`,
    example: { rules: [{ from: [{}] }] },
  },
  {
    kind: 'AuthorizationPolicy',
    side: 'stricter',
    reason: /^provider must not be set with action|^action CUSTOM needs provider\.name$/,
    because: istiod,
    example: { provider: { name: 'a' } },
  },
  {
    kind: 'AuthorizationPolicy',
    side: 'stricter',
    reason: /^(?:DENY|CUSTOM) without rules never has an effect$/,
    because: istiod,
    example: { action: 'DENY' },
  },
  {
    kind: 'AuthorizationPolicy',
    side: 'stricter',
    reason: /is neither an IP address nor a CIDR block$|is not a (?:port|service account)$|^path template/,
    because: istiod,
    example: { rules: [{ from: [{ source: { ipBlocks: ['10.0.0'] } }] }] },
  },
  {
    kind: 'AuthorizationPolicy',
    side: 'stricter',
    reason: /\.(?:source|operation|when\[\d+\])\.\w+\[\d+\] must have at least 1 character/,
    because: istiod,
    example: { rules: [{ to: [{ operation: { methods: [''] } }] }] },
  },
];

export function justification({ kind, side, reason }: Difference): JustifiedDifference | undefined {
  return justifiedDifferences.find((entry) => entry.kind === kind && entry.side === side && entry.reason.test(reason));
}
