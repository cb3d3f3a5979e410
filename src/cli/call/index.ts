export { runCall, type CallIo } from './run-call.ts';
