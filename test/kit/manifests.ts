/** Paths of the manifests that end-to-end tests run. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = dirname(dirname(import.meta.dirname));
const k8s = join(root, 'examples', 'asset-management', 'k8s');
const seed = join(root, '..', 'shared', 'manifests', 'seed');

/** The three files of the document: those of the owner where they are beside the project, else the example's copies. */
export const documentFiles = ['10-httproute.yaml', '20-destinationrule.yaml', '30-authorizationpolicy.yaml'];
export const seedIsPresent = existsSync(seed);

export function documentManifest(name: string): string {
  return join(seedIsPresent ? seed : k8s, name);
}

export function exampleManifest(name: string): string {
  return join(k8s, name);
}

/** Everything else that the example's team wrote. */
export const companionFiles = [
  '00-namespaces.yaml',
  '01-service-accounts.yaml',
  '02-deployment.yaml',
  '03-service.yaml',
  '04-gateway.yaml',
  '05-peer-authentication.yaml',
];

/** `-f` arguments for the whole example, the document's files byte for byte. */
export function wholeExample(): string[] {
  return [...companionFiles.map(exampleManifest), ...documentFiles.map(documentManifest)].flatMap((path) => [
    '-f',
    path,
  ]);
}

/** A directory with a copy of the whole example, to be edited while it is served. */
export function editableExample(): {
  readonly directory: string;
  edit(name: string, change: (text: string) => string): void;
} {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-manifests-'));
  for (const name of companionFiles) writeFileSync(join(directory, name), readFileSync(exampleManifest(name)));
  for (const name of documentFiles) writeFileSync(join(directory, name), readFileSync(documentManifest(name)));
  return {
    directory,
    edit: (name, change) => {
      const path = join(directory, name);
      writeFileSync(path, change(existsSync(path) ? readFileSync(path, 'utf8') : ''));
    },
  };
}
