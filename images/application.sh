#!/bin/bash
# Completes the upper layer of an image: /opt/drover, which holds what Maven has built, gets an archive of the program's
# classes as the JVM has them in memory, so that it starts in half the time, and the options that name archive and jars.
# application.sh JAVA, in the Debian where runtime.sh ran. JAVA is the runtime that the image has, at whatever path: but the
# jars must be where they will be, with the time stamps that they will have, or the JVM disregards the archive.
set -euo pipefail
export LC_ALL=C
cd /opt/drover
find . -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
jars=$(printf '/opt/drover/%s:' *.jar)
# Of an archive made from a list, not from what a training run did, two are the same.
"$1" -Xshare:dump -XX:SharedClassListFile=classes.lst -XX:SharedArchiveFile=/opt/drover/classes.jsa \
  @jvm.options -cp "${jars%:}" >/dev/null
# No wildcard: the order counts, too.
printf -- '-XX:SharedArchiveFile=/opt/drover/classes.jsa\n-cp\n%s\n' "${jars%:}" >classes.options
rm classes.lst
