<?php
// Logs the lines of stdin through Monolog; each two hundred lines the log is renamed and opened anew.
require 'Monolog/autoload.php';

use Monolog\Formatter\JsonFormatter;
use Monolog\Handler\StreamHandler;
use Monolog\Logger;

$path = getenv('LOGS') . '/app.log';
$handler = new StreamHandler($path);
if ($argv[1] === 'json') {
    $handler->setFormatter(new JsonFormatter());
}
$log = new Logger('shop', [$handler]);
for ($count = 1; ($line = fgets(STDIN)) !== false; $count++) {
    [$level, $text] = explode(' ', rtrim($line, "\n"), 2);
    $names = ['warn' => 'warning', 'error' => 'error', 'trace' => 'error', 'info' => 'info'];
    $log->log($names[$level], $text, ['items' => 3]);
    if ($count % 200 === 0) {
        $handler->close();
        for ($number = intdiv($count, 200); $number > 1; $number--) {
            rename("$path." . ($number - 1), "$path.$number");
        }
        rename($path, "$path.1");
    }
}
$handler->close();
