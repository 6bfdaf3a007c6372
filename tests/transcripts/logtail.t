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

--reclaim gives back the disk space of what logpost has delivered, and nothing else.

  $ logtail -F --state state --reclaim 24 log
  logtail: invalid value '24' for '--reclaim <KEEP>': '24' is neither a duration nor a size, expected something like 24h, 7d, 512MB or 10GiB
  [2]
  $ logtail -F --reclaim 24h log
  logtail: --reclaim: needs -F and --state DIR, which tell what logpost has delivered
  [2]
  $ logtail --advance --state state --reclaim 24h log
  logtail: --reclaim: not with --advance, only what logpost has delivered is given back
  [2]
  $ logtail -F --state state --also-acked other log
  logtail: --reclaim <KEEP>: missing, see logtail --help
  [2]
