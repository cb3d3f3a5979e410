import assert from 'node:assert/strict';
import { goldenTests } from '../../test/kit/golden.ts';
import { bindingsOf, compileText, presentResult, readHeader, toCompactYaml } from '../../test/kit/compile-kit.ts';
import { validatePlan } from '../plan/index.ts';

goldenTests({
  stage: 'compile',
  run: (input) => {
    const header = readHeader(input);
    const result = compileText(input, { ...header, bindings: bindingsOf(header.workloads) });
    assert.deepEqual(validatePlan(result.plan), []);
    return toCompactYaml(presentResult(result, header.show));
  },
});
