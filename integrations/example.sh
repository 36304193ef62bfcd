#!/bin/sh
# Samples one part of a shell script's work and names it. Run it by pyprof:
#   pyprof record -s --control fifo:/tmp/ctl,/tmp/ack --control-start disabled -o part.pyprof -- \
#     integrations/example.sh
set -eu

# PYPROF_CONTROL is fifo:CTL,ACK.
fifos=${PYPROF_CONTROL#fifo:}
ctl=${fifos%%,*}
ack=${fifos#*,}

# Sends a command and waits for the answer.
pyprof_control() {
  printf '%s\n' "$1" >"$ctl"
  read -r answer <"$ack"
  [ "$answer" = ack ] || echo "pyprof: $1: $answer" >&2
}

${PYTHON:-python3} -c 'sum(range(10_000_000))' # prepares, and is not sampled
pyprof_control enable
${PYTHON:-python3} -c '
def measured():
    return sum(i * i for i in range(5_000_000))
measured()'
pyprof_control disable
pyprof_control "mark measured"
