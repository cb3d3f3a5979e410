export { systemClock, type Clock } from './clock.ts';
export {
  compareDiagnostics,
  compareText,
  diagnose,
  formatDiagnostic,
  type Diagnostic,
  type DiagnosticCode,
  type Severity,
} from './diagnostic.ts';
export { asListeningSocket, type ListeningSocket } from './listening-socket.ts';
export { formatOrigin, qualifiedName, type Origin } from './origin.ts';
export { Secret } from './secret.ts';
