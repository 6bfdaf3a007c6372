# Logs the lines of stdin through Ruby's Logger.
require "logger"

path = File.join(ENV.fetch("LOGS"), "app.log")
log = Logger.new(path, 500, 20_000)
$stdin.each_line(chomp: true) do |line|
  level, text = line.split(" ", 2)
  case level
  when "warn" then log.warn(text)
  when "error", "trace" then log.error(text)
  else log.info(text)
  end
end
log.close
