What the image's entry point says of itself; all else of it is in scripts/test-pods.

  $ busybox ash "$DATA/../../images/pipeline" --help | head -2
  usage: pipeline 'logtail … | logparse … | logpost …'
         pipeline sh [ARGUMENT]…
  $ busybox ash "$DATA/../../images/pipeline" 2>&1 >/dev/null | head -1
  usage: pipeline 'logtail … | logparse … | logpost …'
  $ busybox ash "$DATA/../../images/pipeline"
  ...
  [2]
  $ busybox ash "$DATA/../../images/pipeline" 'printf "one\ntwo\n" | logfilter two
  > '
  two
  $ echo 'echo typed' | busybox ash "$DATA/../../images/pipeline" sh
  typed
