// What fetch.sh promises, tried with a stand-in for npm that packs a folder and counts its calls.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

const script = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "fetch.sh");
const contents = { "table.csv": "1.1.1.0,1.1.1.255,64496,Example\n", LICENCE: "free\n" };
let root;

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), "fetch-"));
  for (const folder of ["registry/package", "bin"]) fs.mkdirSync(join(root, folder), { recursive: true });
  for (const [name, text] of Object.entries(contents)) fs.writeFileSync(join(root, "registry/package", name), text);
  fs.copyFileSync(script, join(root, "fetch.sh"));
  pin(contents);
  fs.writeFileSync(
    join(root, "bin/npm"),
    `#!/bin/sh\necho called >>"${root}/calls"\n[ "$4" = --pack-destination ] || exit 9\n` +
      `tar -czf "$5/package.tgz" -C "${root}/registry" package\n`,
    { mode: 0o755 },
  );
});

afterEach(() => fs.rmSync(root, { recursive: true }));

function pin(files) {
  const lines = Object.entries(files).map(([name, text]) => {
    const sum = createHash("sha256").update(text).digest("hex");
    return `ip-data @some/package 1.2.3 2026-06-17 ${name} ip/${name} ${Buffer.byteLength(text)} ${sum}\n`;
  });
  fs.writeFileSync(join(root, "files.txt"), lines.join(""));
}

function fetch(group = "ip-data", path = `${join(root, "bin")}:${process.env.PATH}`) {
  return spawnSync("/bin/sh", [join(root, "fetch.sh"), group, join(root, "data")], {
    encoding: "utf8",
    env: { PATH: path },
  });
}

function calls() {
  const log = join(root, "calls");
  return fs.existsSync(log) ? fs.readFileSync(log, "utf8").split("\n").length - 1 : 0;
}

const fetched = (name) => fs.readFileSync(join(root, "data/ip", name), "utf8");
const listed = () => fs.readdirSync(join(root, "data"), { recursive: true }).sort();

test("files arrive whole, dated as their data, with nothing left over", () => {
  assert.equal(fetch().status, 0);
  for (const [name, text] of Object.entries(contents)) assert.equal(fetched(name), text);
  assert.equal(fs.statSync(join(root, "data/ip/table.csv")).mtime.toISOString(), "2026-06-17T00:00:00.000Z");
  assert.deepEqual(listed(), ["ip", "ip/LICENCE", "ip/SHA256SUMS", "ip/table.csv"]);
  execFileSync("sha256sum", ["--check", "--status", "ip/SHA256SUMS"], { cwd: join(root, "data") });
});

test("a second run fetches nothing and says nothing", () => {
  fetch();
  const second = fetch();
  assert.deepEqual([second.status, second.stdout, second.stderr, calls()], [0, "", "", 1]);
});

test("right files that somebody copied here are taken as they are", () => {
  fs.mkdirSync(join(root, "data/ip"), { recursive: true });
  for (const [name, text] of Object.entries(contents)) fs.writeFileSync(join(root, "data/ip", name), text);
  assert.equal(fetch().status, 0);
  assert.equal(calls(), 0);
});

for (const [what, damage] of [
  ["changed", (path) => fs.writeFileSync(path, contents["table.csv"].replace("64496", "64497"))],
  ["cut short", (path) => fs.truncateSync(path, 5)],
  ["missing", (path) => fs.rmSync(path)],
]) {
  test(`a file that is ${what} is fetched again`, () => {
    fetch();
    damage(join(root, "data/ip/table.csv"));
    // A change made within the clock's grain of the record is later all the same.
    if (what === "changed") fs.utimesSync(join(root, "data/ip/table.csv"), new Date(), new Date(Date.now() + 5000));
    assert.equal(fetch().status, 0);
    assert.equal(calls(), 2);
    assert.equal(fetched("table.csv"), contents["table.csv"]);
  });
}

test("a new pin replaces the old files", () => {
  fetch();
  const grown = { ...contents, "table.csv": "2.2.2.0,2.2.2.255,64497,Beispiel\n" };
  fs.writeFileSync(join(root, "registry/package/table.csv"), grown["table.csv"]);
  pin(grown);
  assert.equal(fetch().status, 0);
  assert.equal(fetched("table.csv"), grown["table.csv"]);
});

test("a package with a wrong file is refused whole, and the old files stay", () => {
  fetch();
  fs.writeFileSync(join(root, "data/ip/LICENCE"), "damaged");
  fs.writeFileSync(join(root, "registry/package/table.csv"), "tampered\n");
  const { status, stderr } = fetch();
  assert.equal(status, 1);
  assert.match(stderr, /table\.csv of @some\/package@1\.2\.3 does not have the SHA-256/);
  assert.equal(fetched("LICENCE"), "damaged");
  assert.equal(fetched("table.csv"), contents["table.csv"]);
  assert.deepEqual(listed(), ["ip", "ip/LICENCE", "ip/SHA256SUMS", "ip/table.csv"]);
});

test("npm's own words are shown when it fails", () => {
  fs.writeFileSync(join(root, "bin/npm"), "#!/bin/sh\necho npm error ENOTFOUND >&2\nexit 1\n", { mode: 0o755 });
  const { status, stderr } = fetch();
  assert.equal(status, 1);
  assert.match(stderr, /ENOTFOUND[^]*npm cannot bring @some\/package@1\.2\.3\. Is the network up\?/);
  assert.deepEqual(listed(), []);
});

test("without npm it says what to install", () => {
  fs.rmSync(join(root, "bin/npm"));
  for (const tool of ["awk", "cat", "cut", "dirname", "grep", "mkdir", "mktemp", "rm", "sha256sum", "uname", "uniq", "wc"]) {
    fs.symlinkSync(execFileSync("which", [tool], { encoding: "utf8" }).trim(), join(root, "bin", tool));
  }
  const { status, stderr } = fetch("ip-data", join(root, "bin"));
  assert.equal(status, 1);
  assert.match(stderr, /npm is missing; install Node\.js with npm/);
});

test("a machine without an engine is told what else it can do", () => {
  const { status, stderr } = fetch("engine");
  assert.equal(status, 1);
  assert.match(stderr, /npm holds no engine for this kind of machine .*FOOTFALL_ENGINE/);
});

test("an unknown group is a wrong usage", () => {
  assert.equal(fetch("everything").status, 2);
});
