/** The naive hop: node:http2 on both sides, streams piped into each other. Arguments: a JSON object, see `HopSettings`. */
import { readFileSync } from 'node:fs';
import * as http2 from 'node:http2';

interface HopSettings {
  readonly listenPort: number;
  readonly upstream: string;
  readonly tlsIn?: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly tlsOut?: { readonly cert: string; readonly key: string; readonly ca: string; readonly spiffeId: string };
}

const settings = JSON.parse(process.argv[2] ?? '{}') as HopSettings;
const pem = ({ cert, key, ca }: { cert: string; key: string; ca: string }) => ({
  cert: readFileSync(cert),
  key: readFileSync(key),
  ca: readFileSync(ca),
  minVersion: 'TLSv1.3' as const,
});
const { tlsIn, tlsOut } = settings;

const upstream = http2.connect(
  settings.upstream,
  tlsOut === undefined
    ? {}
    : {
        ...pem(tlsOut),
        servername: 'outbound.asset-management',
        checkServerIdentity: (_host, { subjectaltname = '' }) =>
          subjectaltname === `URI:${tlsOut.spiffeId}` ? undefined : new Error(`peer is ${subjectaltname}`),
      },
);

const server =
  tlsIn === undefined
    ? http2.createServer()
    : http2.createSecureServer({ ...pem(tlsIn), requestCert: true, rejectUnauthorized: true });

server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
  const request = upstream.request(headers);
  request.on('response', (response) => {
    const { ':status': status, ...rest } = response;
    stream.respond({ ':status': status, ...rest }, { waitForTrailers: true });
    let trailers: http2.IncomingHttpHeaders = {};
    request.on('trailers', (received) => (trailers = received));
    stream.on('wantTrailers', () => stream.sendTrailers(trailers as http2.OutgoingHttpHeaders));
    request.pipe(stream);
  });
  stream.pipe(request);
  request.on('error', () => stream.close());
  stream.on('error', () => request.close());
});
server.listen(settings.listenPort, '127.0.0.1');
