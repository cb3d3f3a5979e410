/**
 * Writes what is made from the sources: the pages of `generated-pages.ts` and src/protobuf/gen/. `test/generated.test.ts` fails
 * when one of them is not what the sources would give now.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generatedPages } from './generated-pages.ts';

const root = dirname(import.meta.dirname);

for (const [file, content] of Object.entries(generatedPages(root))) writeFileSync(join(root, file), content);
const { status, stderr } = spawnSync('buf', ['generate'], { cwd: root, encoding: 'utf8' });
if (status !== 0) throw new Error(`buf generate: ${stderr}`);
