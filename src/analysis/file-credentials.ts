/** Certificates and keys at paths of a proxy's container. */
import type { Located } from '../resource/index.ts';
import { isPem } from './certificates.ts';
import { fileAt, type FileModel } from './mounted-files.ts';
import type { AuthoritiesModel, CertificateModel, MountModel } from './model.ts';
import type { World } from './world.ts';

/** What was found, or the path that is of no use and why. */
export type FileResult<T> = T | { readonly path: Located<string>; readonly why: string };

export function isFault<T extends object>(found: FileResult<T>): found is Extract<FileResult<T>, { why: string }> {
  return 'why' in found;
}

export function certificateFrom(
  world: World,
  mounts: readonly MountModel[],
  { certificate, privateKey }: { readonly certificate: Located<string>; readonly privateKey: Located<string> },
): FileResult<CertificateModel> {
  const chain = fileAt(world, mounts, certificate);
  if ('missing' in chain) return { path: certificate, why: chain.missing };
  const key = fileAt(world, mounts, privateKey);
  if ('missing' in key) return { path: privateKey, why: key.missing };
  const chainPem = chain.text.reveal();
  if (!isPem(chainPem, 'CERTIFICATE')) return { path: certificate, why: noPem(chain) };
  if (!isPem(key.text.reveal(), '(?:RSA |EC )?PRIVATE KEY')) return { path: privateKey, why: noPem(key) };
  // No Secret can be called so: a name of these two files alone.
  const name = `${chain.kind}:${chain.name}/${chain.key}+${key.kind}:${key.name}/${key.key}`;
  return { origin: chain.origin, namespace: chain.namespace, name, chainPem, key: key.text };
}

export function authoritiesFrom(
  world: World,
  mounts: readonly MountModel[],
  path: Located<string>,
): FileResult<AuthoritiesModel> {
  const file = fileAt(world, mounts, path);
  if ('missing' in file) return { path, why: file.missing };
  const pem = file.text.reveal();
  if (!isPem(pem, 'CERTIFICATE')) return { path, why: noPem(file) };
  const { origin, kind, namespace, name, key } = file;
  return { origin, kind, namespace, name: `${name}/${key}`, pem };
}

function noPem({ kind, namespace, name, key }: FileModel): string {
  return `"${key}" of ${kind} "${namespace}/${name}" is no PEM`;
}
