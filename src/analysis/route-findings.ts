import { diagnose } from '../base/index.ts';
import { codes } from './codes.ts';
import type { RouteSource } from './route-rules.ts';
import type { World } from './world.ts';

type RuleSource = RouteSource['rules'][number];

/** What a rule asks for that gRPC calls never have. */
export function reportGrpcFacts(world: World, rule: RuleSource, index: number): void {
  // What a gateway answers itself may be asked for otherwise, see `decide/plain-path.ts`.
  if (rule.answer === undefined && rule.filters.cors === undefined) {
    reportMethods(world, rule, index);
    reportQuery(world, rule, index);
  }
  reportRetryCodes(world, rule);
}

/** PROTOCOL-HTTP2.md, Requests: `:method` is POST. */
function reportMethods(world: World, rule: RuleSource, index: number): void {
  const methods = rule.matches.flatMap(({ method }) => method?.value ?? []).filter((method) => method !== 'POST');
  if (methods.length === 0) return;
  world.report(
    diagnose(codes.methodNeverHolds, {
      origin: rule.origin,
      message: `rule ${index} asks for method ${[...new Set(methods)].join(', ')}: gRPC requests are POST, so this match never holds for them`,
      remedy: 'Leave the method out, or write POST.',
    }),
  );
}

/** gRPC paths have no query, see `decide/path.ts`. */
function reportQuery(world: World, rule: RuleSource, index: number): void {
  const names = rule.matches.flatMap(({ queryParams = [] }) => queryParams.map(({ name }) => `"${name}"`));
  if (names.length === 0) return;
  world.report(
    diagnose(codes.queryNeverHolds, {
      origin: rule.origin,
      message: `rule ${index} asks for query parameter ${[...new Set(names)].join(', ')}: gRPC requests have no query, so this match never holds for them`,
      remedy: 'Match a header instead: gRPC metadata arrives as headers.',
    }),
  );
}

function reportRetryCodes(world: World, { filters }: RuleSource): void {
  const { retry } = filters;
  if (retry === undefined || retry.statusCodes.length === 0) return;
  world.report(
    diagnose(codes.retryCodesOfHttp, {
      origin: retry.origin,
      message: `retries for ${retry.statusCodes.join(', ')} look at the HTTP status: a gRPC call that fails has 200, and its status in grpc-status`,
      remedy: 'To retry by gRPC status, use retryOn of a VirtualService, such as "unavailable".',
    }),
  );
}
