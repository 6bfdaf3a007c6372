// Writes the lines of stdin, with time and level, into a rotating stream.
const readline = require('node:readline');
const rfs = require('rotating-file-stream');

const options = {path: process.env.LOGS, size: '20K'};
if (process.argv[2] === 'gzip') options.compress = 'gzip';
let name = 'app.log';
if (process.argv[2] === 'classic') {
  name = (index) => (index ? `${index}-app.log` : 'app.log');
  options.rotate = 500;
}
const stream = rfs.createStream(name, options);
(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    const space = line.indexOf(' ');
    const level = line.slice(0, space) === 'trace' ? 'error' : line.slice(0, space);
    const record = `${new Date().toISOString()} ${level.toUpperCase()} ${line.slice(space + 1)}\n`;
    if (!stream.write(record)) await new Promise((resolve) => stream.once('drain', resolve));
  }
  stream.end();
})();
