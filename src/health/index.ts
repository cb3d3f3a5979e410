export { askOnce } from './check.ts';
export { HealthChecks, type HealthNews } from './health-checks.ts';
