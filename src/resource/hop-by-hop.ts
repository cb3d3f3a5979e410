/** Headers that describe one connection or the framing of one message: a proxy writes its own (RFC 9113 §8.2.2). */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);
