// The types that websites are offered, against how websites use them.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import ts from 'typescript';

const DECLARATIONS = fileURLToPath(new URL('../../collector/assets/footfall.d.ts', import.meta.url));
let folder;

before(async () => { folder = await mkdtemp(join(tmpdir(), 'footfall-types-')); });
after(() => rm(folder, { recursive: true, force: true }));

/** The messages of the compiler about a script that uses the declarations. */
async function problems(script) {
  const file = join(folder, 'page.ts');
  await writeFile(file, script);
  const program = ts.createProgram([DECLARATIONS, file], { strict: true, noEmit: true, types: [], lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] });
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

test('what the documents show compiles', async () => {
  assert.deepEqual(await problems(`
    footfall('Sign up');
    window.footfall?.('Sign up');
    window.footfall?.('Buy', 19.9);
    const choice: FootfallChoice | null | undefined = window.footfall?.consent();
    window.footfall?.consent({ statistics: true, marketing: false }).then((stands) => stands?.revision);
    document.addEventListener('footfall:consent', ({ detail }) => console.log(detail?.heldBack, choice?.statistics));
  `), []);
});

test('what the tag does not take does not compile', async () => {
  for (const call of ['window.footfall?.()', "window.footfall?.('Buy', '19.90')", "window.footfall?.consent('hide')"]) {
    assert.equal((await problems(call)).length, 1, call);
  }
});
