logpost sends lines and records to a server. With --dry-run it writes the requests to stdout instead; the options that
follow are those of the real thing. Secrets are not shown.

A line is sent as the message of a record, a record as it is. Its time is sent in UTC, as precise as it came, under the
server's own name for it.

  $ printf '%s\n' '{"time":"2025-10-10T15:55:36.250+02:00","level":"warn","message":"full"}' > one
  $ logpost --dry-run http://collector:8080/logs < one
  POST http://collector:8080/logs
  content-type: application/x-ndjson
  
  {"time":"2025-10-10T13:55:36.250Z","level":"warn","message":"full"}
  
  $ LOGPOST_USER=me:secret logpost --dry-run --to elasticsearch --index-window none http://es:9200 < one
  POST http://es:9200/_bulk?filter_path=errors,items.*.status,items.*.error
  content-type: application/x-ndjson
  authorization: ***
  
  {"create":{"_index":"logpipe-2025.10.10"}}
  {"@timestamp":"2025-10-10T13:55:36.250Z","level":"warn","message":"full"}
  
  $ logpost --dry-run --to loki --retention 9999d --label app=shop http://loki:3100 < one
  POST http://loki:3100/loki/api/v1/push
  content-type: application/json
  
  {"streams":[{"stream":{"app":"shop"},"values":[["1760104536250000000","full",{"level":"warn"}]]}]}

What logtail tells of a line becomes its id and its file. The id makes a second delivery harmless.

  $ printf '\0363f2a00c4d1e0b7a9:16-34 /var/log/app.log\t{"ts":1760104536}\n' > tagged
  $ logpost --dry-run --to opensearch --index 'app-%Y' --index-window none --add env=prod http://es:9200 < tagged | tail -n 3
  {"create":{"_index":"app-2025","_id":"3f2a00c4d1e0b7a9-000000000010-000000000022"}}
  {"file_path":"/var/log/app.log","@timestamp":"2025-10-10T13:55:36Z","env":"prod"}
  
  $ logpost --dry-run --to elasticsearch --no-id http://es:9200/app < tagged | tail -n 3
  {"create":{}}
  {"file_path":"/var/log/app.log","@timestamp":"2025-10-10T13:55:36Z"}
  
A record's own key of a name that is written here gets an underscore.

  $ printf '%s\n' '{"time":"2025-10-10T13:55:36Z","env":"theirs","@timestamp":"?"}' > clash
  $ logpost --dry-run --to elasticsearch --add env=prod http://es:9200 < clash | tail -n 2
  {"@timestamp":"2025-10-10T13:55:36Z","env_":"theirs","@timestamp_":"?","env":"prod"}
  
VictoriaLogs drops what is too old or too long without a word, so logpost refuses it, and says why.

  $ logpost --dry-run --to victorialogs http://vl:9428 < one
  logpost: refused, not sent: 2025-10-10T13:55:36.250Z is older than --retention, 7 d, and would be dropped: {"time":"2025-10-10T15:55:36.250+02:00","level":"warn","message":"full","_refused":"not sent: 2025-10-10T13:55:36.250Z is older than --retention, 7 d, and would be dropped"}
  [1]

Mistakes are said before anything is read.

  $ logpost
  logpost: <URL>...: missing, see logpost --help
  [2]
  $ logpost es:9200
  logpost: es:9200: neither http nor https, expected http://host:port/path
  [2]
  $ logpost --to elasticsearch --index Logs http://es:9200
  logpost: --index: Logs: no index can have this name, expected lower case, none of \/*?"<>|,#: and no -_+. first
  [2]
  $ logpost --label app=shop http://collector:8080/logs
  logpost: --label: this destination has no labels, use --add K=V
  [2]
  $ logpost --to elasticsearch --add @timestamp=now http://es:9200
  logpost: --add: @timestamp: given twice, or a name that logpost itself writes
  [2]
  $ logpost http://es:9200 tagged
  logpost: tagged: records are read from standard input: logpost URL < FILE
  [2]
  $ logpost --batch-bytes 0 http://es:9200
  logpost: invalid value '0' for '--batch-bytes <SIZE>': 0 holds no record, expected a size such as 1MiB
  [2]
  $ logpost --check metrics
  logpost: metrics: no such file or directory
  [2]

The time of a record is the first of its names whose value is one: a stamp, or an epoch as number or text.

  $ echo '2024-03-05T10:11:12Z stdout F {"method":"GET","time":12}' | logparse cri,auto | logpost --dry-run --to elasticsearch http://127.0.0.1:9 | grep -o '"@timestamp":"[^"]*"'
  "@timestamp":"2024-03-05T10:11:12Z"
  $ echo 'level=error time=1622758287620568076 msg=ns' | logparse logfmt | logpost --dry-run --to elasticsearch http://127.0.0.1:9 | grep -o '"@timestamp":"[^"]*"'
  "@timestamp":"2021-06-03T22:11:27.620568076Z"
  $ echo '{"timestamp":"2024-03-05 10:11:12 CET"}' | logparse json --tz Europe/Berlin | logpost --dry-run --to elasticsearch http://127.0.0.1:9 | grep -o '"@timestamp":"[^"]*"'
  "@timestamp":"2024-03-05T09:11:12Z"
