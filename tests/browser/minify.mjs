// Makes `tag.min.js`, which the collector serves, from `tag.js`, which people read: node minify.mjs
import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { minify } from 'terser';

const SOURCE = new URL('../../collector/assets/tag.js', import.meta.url);
export const SERVED = new URL('../../collector/assets/tag.min.js', import.meta.url);
const OPTIONS = { ecma: 2020, compress: { passes: 3, unsafe: true, unsafe_arrows: true }, mangle: true };

/** The tag as it is to be served. */
export async function minified() {
  const { code } = await minify(await readFile(SOURCE, 'utf8'), OPTIONS);
  return code;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await writeFile(SERVED, await minified());
