// Logs the lines of stdin through log4js.
const readline = require('node:readline');
const path = require('node:path');
const log4js = require('log4js');

const kind = process.argv[2];
const filename = path.join(process.env.LOGS, 'app.log');
let file = {type: 'file', filename, maxLogSize: 20000, backups: 500, keepFileExt: kind === 'infix', compress: kind === 'gzip'};
if (kind === 'date') file = {type: 'dateFile', filename, pattern: 'yyyy-MM-dd-hh-mm-ss', numBackups: 500};
log4js.configure({appenders: {file}, categories: {default: {appenders: ['file'], level: 'info'}}});
const log = log4js.getLogger('shop');
(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    const space = line.indexOf(' ');
    const [level, text] = [line.slice(0, space), line.slice(space + 1)];
    if (level === 'trace') log.error(text, new Error('no such order'));
    else log[level](text);
    await new Promise(setImmediate);
  }
  log4js.shutdown(() => process.exit());
})();
