#!/usr/bin/env node
// Makes npm's solc look like the native compiler to forge: --version, or standard JSON on stdin.
const solc = require("solc");
if (process.argv.includes("--version")) {
  const version = solc.version().replace(/\.Emscripten\.clang$/, ".Linux.g++");
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${version}`);
} else {
  process.stdout.write(solc.compile(require("fs").readFileSync(0, "utf8")));
}
