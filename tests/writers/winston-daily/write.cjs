// Logs the lines of stdin through winston into its daily rotation.
const readline = require('node:readline');
const winston = require('winston');
require('winston-daily-rotate-file');

const {combine, timestamp, printf, json} = winston.format;
const text = printf(({level, message, timestamp}) => `${timestamp} ${level}: ${message}`);
const kind = process.argv[2];
const log = winston.createLogger({
  format: combine(timestamp(), kind === 'gzip' ? json() : text),
  transports: [
    new winston.transports.DailyRotateFile({
      dirname: process.env.LOGS,
      filename: 'app-%DATE%.log',
      maxSize: '20k',
      createSymlink: kind !== 'size',
      zippedArchive: kind === 'gzip',
      auditFile: 'audit.json',
    }),
  ],
});
(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    const space = line.indexOf(' ');
    const level = line.slice(0, space);
    log.log(level === 'trace' ? 'error' : level, line.slice(space + 1));
    await new Promise(setImmediate);
  }
  log.end();
})();
