logtail prints the end of a file, as tail does.

  $ seq 12 > log
  $ logtail -n 2 log
  11
  12
  $ logtail -n +11 log
  11
  12
  $ printf 'no newline' > short
  $ logtail short
  no newline
  $ logtail --nonsense log
  ...
  [2]
  $ logtail missing
  logtail: missing: ...
  [2]
