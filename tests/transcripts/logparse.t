logparse makes records of lines: one JSON object a line, with the names that the format itself uses.

nginx and Apache, access and error log by one command; what was not sent is left out, numbers are numbers.

  $ head -n 1 $DATA/nginx/main.log | logparse nginx
  {"time":"2026-11-23T08:53:50Z","remote_addr":"127.0.0.1","request_method":"GET","request_uri":"/","server_protocol":"HTTP/1.1","status":200,"body_bytes_sent":3,"http_user_agent":"curl/8.5.0"}
  $ head -n 1 $DATA/apache/combined.log | logparse apache
  {"time":"2026-11-23T08:57:07Z","remote_addr":"127.0.0.1","request_method":"GET","request_uri":"/","server_protocol":"HTTP/1.1","status":200,"body_bytes_sent":3,"http_user_agent":"curl/8.5.0"}
  $ echo '2026/11/23 08:53:50 [error] 31#31: *1 open() "/a" failed (2: No such file or directory), client: 10.0.0.1, server: x, request: "GET /a HTTP/1.1", host: "x"' | logparse nginx
  {"time":"2026-11-23T08:53:50Z","level":"error","pid":31,"tid":31,"cid":1,"client":"10.0.0.1","server":"x","request_method":"GET","request_uri":"/a","server_protocol":"HTTP/1.1","host":"x","message":"open() \"/a\" failed (2: No such file or directory)"}

A log_format of one's own is taken word for word. Without a dollar sign the shell has eaten it.

  $ echo '10.0.0.1 GET 0.250' | logparse nginx --log-format '$remote_addr $request_method $request_time'
  {"remote_addr":"10.0.0.1","request_method":"GET","request_time":0.250}
  $ logparse nginx --log-format ' ' < /dev/null
  logparse: --log-format: no $ in it: the shell takes $name away inside double quotes, use single quotes
  [2]

Other formats, each by its name.

  $ echo 'level=warn msg="disk is full" free=0' | logparse logfmt
  {"level":"warn","msg":"disk is full","free":"0"}
  $ echo '<34>1 2026-10-11T22:14:15.003Z host su 77 ID47 - failed for root' | logparse syslog
  {"time":"2026-10-11T22:14:15.003Z","level":"crit","facility":"auth","severity":"crit","hostname":"host","appname":"su","procid":77,"msgid":"ID47","message":"failed for root"}
  $ echo 'I1123 08:53:04.123456  7 main.go:31] started' | logparse klog | sed 's/"time":"[0-9]*/"time":"YEAR/'
  {"time":"YEAR-11-23T08:53:04.123456Z","level":"info","pid":7,"source":"main.go:31","message":"started"}
  $ echo '2026-11-23 08:53:04,123 WARN disk is full' | logparse text
  {"time":"2026-11-23T08:53:04.123Z","level":"warn","message":"disk is full"}

JSON keeps its keys and the digits of its numbers; of equal keys the last counts.

  $ echo '{"ts":1.50,"a":1,"a":12345678901234567890}' | logparse json
  {"ts":1.50,"a":12345678901234567890}

What a runtime has wrapped is unwrapped by a chain; lines in parts become whole again.

  $ printf '%s\n' '2026-11-23T08:00:00Z stdout P {"lev' '2026-11-23T08:00:01Z stdout F el":"info"}' | logparse cri,json
  {"time":"2026-11-23T08:00:00Z","level":"info","stream":"stdout"}
  $ printf '%s\n' '{"log":"a=1 level=info\n","stream":"stdout","time":"2026-11-23T08:00:00Z"}' | logparse docker,logfmt
  {"time":"2026-11-23T08:00:00Z","level":"info","stream":"stdout","a":"1"}

A regular expression with names, or a grok pattern.

  $ echo 'took 12 ms' | logparse --regex 'took (?<ms>\d+) ms'
  {"ms":"12"}
  $ echo 'took 12 ms' | logparse --grok 'took %{NUMBER:ms:int} ms'
  {"ms":12}

A stack trace is one record with the line before it.

  $ printf '%s\n' 'java.io.IOException: gone' '  at a.b(C.java:1)' 'next' | logparse text --join trace
  {"message":"java.io.IOException: gone\n  at a.b(C.java:1)"}
  {"message":"next"}

The exception's own lines wait until a frame follows; behind an object the trace is its stack. Objects over several lines are one record too.

  $ printf '%s\n' '2026-11-23 08:53:04 ERROR failed' 'a.b.CException: of two' 'lines' '  at a.b(C.java:1)' '2026-11-23 08:53:05 INFO next' | logparse text --join trace
  {"time":"2026-11-23T08:53:04Z","level":"error","message":"failed\na.b.CException: of two\nlines\n  at a.b(C.java:1)"}
  {"time":"2026-11-23T08:53:05Z","level":"info","message":"next"}
  $ printf '%s\n' '{' '  "level": "error"' '}' 'a.b.CException: x' '  at a.b(C.java:1)' | logparse json --join trace,json
  {"level":"error","stack":"a.b.CException: x\n  at a.b(C.java:1)"}

A line that cannot be read is kept, with the reason; or passed as it is, or dropped.

  $ echo 'no such format' | logparse nginx 2> warnings
  {"message":"no such format","_parse_error":"nginx: no - after $remote_addr"}
  [1]
  $ printf '%s\n' '{"a":1}' 'no json {' | logparse json --strict --on-error drop
  {"a":1}
  [1]
  $ echo 'some text' | logparse auto
  {"message":"some text"}

Positions go along, and marks stay marks.

  $ echo text > log; logtail -n +1 --tag log | logparse text | sed 's/[0-9a-f]\{16\}/FID/'
  {"_pos":"FID:0-5","_file":"log","message":"text"}
  {"_pos":"FID:5"}
  {"_pos":"end"}

Bad arguments are said with what was expected.

  $ logparse ngnix < /dev/null
  logparse: ngnix: unknown format, did you mean nginx
  [2]
  $ logparse nginx log
  logparse: log: reads standard input, try logparse nginx < log
  [2]
  $ logparse --grok '%{NOTHING:x}' < /dev/null
  logparse: --grok: %{NOTHING}: unknown pattern, expected a usual name like %{NUMBER}, or (?<name>…) with the expression itself
  [2]

Access records have no level of their own; by their status they get one, in front of what an error log says itself.

  $ printf '%s\n' 200 301 404 502 '-' | sed 's|.*|10.0.0.1 - - [23/Nov/2026:08:53:50 +0000] "GET / HTTP/1.1" & 3 "-" "-"|' | logparse nginx --status-level --only level,status
  {"level":"info","status":200}
  {"level":"info","status":301}
  {"level":"warn","status":404}
  {"level":"error","status":502}
  {}
  $ echo '2026-11-23T08:53:50Z stdout F 10.0.0.1 - - [23/Nov/2026:08:53:50 +0000] "GET / HTTP/1.1" 503 3 "-" "-"' | logparse cri,nginx --status-level --only level,stream
  {"level":"error","stream":"stdout"}
  $ echo '{"level":"debug","status":500}' | logparse json --status-level
  {"level":"debug","status":500}
