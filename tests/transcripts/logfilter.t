logfilter keeps lines, as grep does, and records, by a condition on their fields.

Patterns are regular expressions over the line; the options are grep's.

  $ printf 'GET /a\nget /b\nPOST /c.d\n' > log
  $ logfilter GET < log
  GET /a
  $ logfilter -i -c get < log
  2
  $ logfilter -F -e /a -e c.d < log
  GET /a
  POST /c.d
  $ logfilter -v -m 1 GET < log
  get /b
  $ logfilter -x 'GET /.' < log
  GET /a
  $ printf '/c\n^GET\n' > patterns; logfilter -f patterns < log
  GET /a
  POST /c.d
  $ logfilter -q PUT < log
  [1]

What grep has and logfilter does not is said with what to do instead.

  $ logfilter -o GET < log
  logfilter: -o: unknown option, use grep -o behind it
  [2]
  $ logfilter GET log
  logfilter: log: unexpected, input is read from standard input: logfilter PATTERN < FILE
  [2]
  $ logfilter 'status >= 500' < log
  logfilter: 'status >= 500' is searched for as text; a condition on fields is -W 'status >= 500'
  [1]
  $ logfilter -f /dev/null < log
  [1]
  $ logfilter 'a(' < log
  logfilter: 'a(': not a regular expression, unclosed group
  [2]

A condition is about the fields of a record. Numbers compare with numbers, also in strings; 5xx is any from 500 to 599.

  $ echo '{"status":"503","uri":"/a","user":null,"t":0.3,"size":20000000}' > records
  $ echo '{"status":404,"uri":"/favicon.ico","tags":["x","y"],"up":{"addr":"[::1]:80"},"a b":1}' >> records
  $ logfilter -W 'status >= 500' < records
  {"status":"503","uri":"/a","user":null,"t":0.3,"size":20000000}
  $ logfilter -c -W 'status in [404, 5xx] and uri ~ "^/"' < records
  2
  $ logfilter -c -W 'status == 4xx and (uri endswith .ico or uri contains robots)' < records
  1
  $ logfilter -c -W 't > 250ms and size >= 10MB' < records
  1

A field that is missing is like one that is null. What is not so then holds, so that nothing is lost by mistake.

  $ logfilter -c -W 'user' < records
  0
  [1]
  $ logfilter -c -W 'user == null' < records
  2
  $ logfilter -c -W 'method != GET' < records
  2
  $ logfilter -c -W 'method == GET' < records
  0
  logfilter: no record had a field 'method'
  [1]

Nested keys, odd keys, arrays (any element will do), and jq's leading dot.

  $ logfilter -c -W 'up.addr endswith :80' < records
  1
  $ logfilter -c -W '["a b"] == 1 and .tags[1] == y' < records
  1
  $ logfilter -c -W 'tags == x and tags not in [z]' < records
  1

Levels are in their order, whatever an application calls them; pino and syslog write numbers.

  $ printf '%s\n' '{"level":"WARNING"}' '{"severity":"err"}' '{"level":60}' '{"level":"info"}' > levels
  $ logfilter -W 'level >= error' < levels
  {"severity":"err"}
  {"level":60}
  $ logfilter -c -W 'level == warn' < levels
  1

Times: a length of time is so long ago, and slides with the clock. Without a zone, TZ is meant, else UTC.

  $ printf '%s\n' '{"time":"2026-11-23T09:00:00+02:00"}' '{"ts":1795510800}' '{"@timestamp":"2026-11-23 10:30:00"}' > times
  $ logfilter -W 'time >= 2026-11-23T08:00:00Z' < times
  {"ts":1795510800}
  {"@timestamp":"2026-11-23 10:30:00"}
  $ TZ=Europe/Berlin logfilter -W 'time < 2026-11-23T08:30' < times
  {"time":"2026-11-23T09:00:00+02:00"}
  $ logfilter -c --since 2026-11-23 --until 2026-11-23T10:00 < times
  1
  $ echo '{"time":"2001-01-01T00:00:00Z"}' | logfilter -c -W 'time < -24h and time < 7d and time < yesterday and time < now'
  1

A record without a time goes with the one before it in its file: a stack trace follows its head.

  $ printf '%s\n' '{"time":"2026-11-22T00:00:00Z","message":"old"}' '  at old' '{"time":"2026-11-24T00:00:00Z","message":"new"}' '  at new' | logfilter --since 2026-11-23
  {"time":"2026-11-24T00:00:00Z","message":"new"}
    at new

A line that is no record is its message. A hundredth of the rest, always the same lines:

  $ echo 'connection refused' | logfilter -W 'message contains refused'
  connection refused
  $ seq 10000 | logfilter -c -W 'message == 7 or sample 1%'
  106
  $ seq 10000 | logfilter -c -W 'message == 7 or sample 1%'
  106

A mistake is shown with its place.

  $ logfilter -W 'status > 500 adn method == GET'
  logfilter: status > 500 adn method == GET
  logfilter:              ^
  logfilter: -W: column 14: expected 'and', 'or' or the end
  [2]
  $ logfilter -W 'size > 10XB'
  logfilter: size > 10XB
  logfilter:        ^
  logfilter: -W: column 8: expected a known unit (ms s m h d w, B kB MB GB KiB MiB GiB), or quotes around a text
  [2]
  $ logfilter -W 'time > 2026-02-30'
  logfilter: time > 2026-02-30
  logfilter:        ^
  logfilter: -W: column 8: expected a time, such as -24h, now, today, 2026-11-23, 2026-11-23T08:00:00Z or seconds since 1970
  [2]
  $ logfilter -W 'uri ~ ^/'
  logfilter: uri ~ ^/
  logfilter:       ^
  logfilter: -W: column 7: expected a regular expression in quotes
  [2]
  $ logfilter --since tomorrow
  logfilter: --since: 'tomorrow' is no time, expected a time, such as -24h, now, today, 2026-11-23, 2026-11-23T08:00:00Z or seconds since 1970
  [2]

In a stream with positions marks pass, whatever is asked, and that nothing was selected is not a failure.

  $ printf 'a\nb\n' > tail; logtail -n +1 --tag tail | logfilter -W 'message == b' | sed 's/[0-9a-f]\{16\}/FID/' | tr '\036\t' '^>'
  ^FID:2-4 tail>b
  ^FID:4
  ^end
  $ logtail -n +1 --tag tail | logfilter nothing | wc -l
  2
  $ logtail -n +1 --tag tail | logfilter -q nothing
  [1]

A condition that can never hold is said once: a slip would otherwise drop a whole log in silence.

  $ printf '{"status":200,"user":"Bob","took":"830ms"}\n{"status":503,"took":"20\302\265s"}\n' > some
  $ logfilter -W 'staus >= 500' < some
  logfilter: no record had a field 'staus' (did you mean 'status'?)
  $ logfilter -W 'not (staus != 5) and status' < some
  logfilter: no record had a field 'staus' (did you mean 'status'?)
  $ logfilter -W 'status >= fivehundred' < some
  logfilter: 'fivehundred' is no number, so status >= fivehundred never holds
  $ logfilter -W 'user > 5' < some
  logfilter: no 'user' was a number, so user > 5 never holds
  $ logfilter -W 'status >= 500' < log
  logfilter: no line was a record: is logparse missing before it?
  [1]
  $ yes '{"a":1}' | head -n 2000 | logfilter -c -W 'b == xyz'
  logfilter: no record had a field 'b'
  0
  [1]

One that may hold is not: no record was so, or another part of it holds.

  $ logfilter -W 'status >= 600' < some
  $ logfilter -c -W 'status >= 500 or level >= error' < some
  1
  $ logfilter -c -W 'staus != 5' < some
  2
  $ logfilter -W 'message ~ "x"' < log
  [1]

-v inverts pattern and condition together, not the window; -i holds for both. A text with a unit is a length of time.

  $ logfilter -v -W 'status >= 500' < some
  {"status":200,"user":"Bob","took":"830ms"}
  $ logfilter -v -W 'status == 200' Bob < some
  {"status":503,"took":"20µs"}
  $ printf '{"n":1,"time":"2026-02-01T00:00:00Z"}\n{"n":2,"time":"2026-02-01T00:00:00Z"}\n{"n":2,"time":"2025-02-01T00:00:00Z"}\n' > timed
  $ logfilter -v -W 'n == 1' --since 2026-01-01 < timed
  {"n":2,"time":"2026-02-01T00:00:00Z"}
  $ logfilter -i -c -W 'user == BOB and user in [bob] and user contains OB and user ~ "^B" and user startswith b' < some
  1
  $ logfilter -c -W 'user == BOB' < some
  0
  [1]
  $ logfilter -c -W 'took > 100ms' < some
  1

A time of 12 is none, and a level has many names.

  $ echo '{"time":12,"ts":"2024-03-05T10:11:12Z","Level":"FTL"}' > odd
  $ logfilter -c --since 2024-01-01 -W 'level >= error and time < 2025-01-01' < odd
  1
  $ logfilter -c --since 2025-01-01 < odd
  0
  [1]
  $ printf '{"Level":"Error"}\n{"@l":"Error"}\n{"LogLevel":"Error"}\n{"error_severity":"PANIC"}\n{"level":400}\n' > named
  $ logfilter -c -W 'level >= error' < named
  5
  $ echo '{"__REALTIME_TIMESTAMP":"1709633472345678","PRIORITY":"3","MESSAGE":"boom"}' > journal
  $ logfilter -c -W 'level == error and message == boom' --since 2024-03-05 --until 2024-03-06 < journal
  1
