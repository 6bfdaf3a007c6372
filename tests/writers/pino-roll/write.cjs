// Logs the lines of stdin through pino into pino-roll.
const readline = require('node:readline');
const path = require('node:path');
const pino = require('pino');
const roll = require('pino-roll');

(async () => {
  const options = {file: path.join(process.env.LOGS, 'app'), extension: '.log', size: '20k', sync: true};
  if (process.argv[2] === 'date') Object.assign(options, {frequency: 'daily', dateFormat: 'yyyy-MM-dd'});
  if (process.argv[2] === 'link') options.symlink = true;
  const stream = await roll(options);
  const log = pino({}, stream);
  for await (const line of readline.createInterface({input: process.stdin})) {
    const space = line.indexOf(' ');
    const [level, text] = [line.slice(0, space), line.slice(space + 1)];
    if (level === 'trace') log.error(new Error('no such order'), text);
    else log[level](text);
    // Where it rolls, it waits for the disk.
    await new Promise(setImmediate);
  }
  stream.end();
})();
