import type { JustifiedDifference } from './differences.ts';

const badRegex = 'a CRD cannot compile expressions; implementations refuse the rule when they read it';

function gatewayWith(allowedRoutes: object): Readonly<Record<string, unknown>> {
  return { listeners: [{ name: 'a', port: 80, protocol: 'HTTP', allowedRoutes }] };
}

function selecting(requirement: object): Readonly<Record<string, unknown>> {
  return gatewayWith({ namespaces: { from: 'Selector', selector: { matchExpressions: [requirement] } } });
}

const selectorDifferences = (kind: string, owner: object): readonly JustifiedDifference[] => [
  {
    kind,
    side: 'stricter',
    because: 'the CRD takes any text, but LabelSelectorAsSelector of Kubernetes refuses it',
    cases: [
      [
        /matchExpressions\[\d+\]\.(?:operator must be one of|key must have at least 1)/,
        { ...selecting({ key: 'a', operator: 'Is' }), ...owner },
      ],
      [
        /^operator (?:In|NotIn|Exists|DoesNotExist) (?:needs|takes no) values$/,
        { ...selecting({ key: 'a', operator: 'In' }), ...owner },
      ],
    ],
  },
  {
    kind,
    side: 'stricter',
    because: 'the CRD cannot say it; the field is documented as required with from: Selector',
    cases: [[/^from: Selector needs a selector$/, { ...gatewayWith({ namespaces: { from: 'Selector' } }), ...owner }]],
  },
];

/** Go has 64 bits for a number, of which YAML and JSON give us 53. */
const bigNumber = 'a number beyond 2^53 cannot be told from its neighbours, and means "very often" in any case';

export const gatewayApiDifferences: readonly JustifiedDifference[] = [
  ...selectorDifferences('Gateway', { gatewayClassName: 'istio' }),
  ...selectorDifferences('ListenerSet', { parentRef: { name: 'gw' } }),
  {
    kind: 'HTTPRoute',
    side: 'stricter',
    because: badRegex,
    cases: [
      [
        /is not a valid RE2 expression/,
        { rules: [{ matches: [{ path: { type: 'RegularExpression', value: '/(' } }] }] },
      ],
    ],
  },
  {
    kind: 'HTTPRoute',
    side: 'stricter',
    because: bigNumber,
    cases: [[/\.attempts must be at most/, { rules: [{ retry: { attempts: 2 ** 53 } }] }]],
  },
  {
    kind: 'GRPCRoute',
    side: 'stricter',
    because: badRegex,
    cases: [
      [
        /is not a valid RE2 expression/,
        { rules: [{ matches: [{ method: { type: 'RegularExpression', service: 'a(' } }] }] },
      ],
    ],
  },
];
