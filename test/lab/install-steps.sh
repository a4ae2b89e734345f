# Runs the steps of docs/OPERATING.md as written, in a mount namespace of its own: what they change is gone with it.
#
#     install-steps.sh SCRATCH CLONE STEPS CONFIG CAPABILITIES
#
# SCRATCH is an empty folder; CLONE has dist/; STEPS is a file of the documented commands; CONFIG is the README's.
# CAPABILITIES is what the documented unit gives, as setpriv(1) takes it. Says what it has come to, a line each.
set -eu
scratch=$1 clone=$2 steps=$3 config=$4 capabilities=$5

mount -t tmpfs tmpfs "$scratch"
cp "$steps" "$scratch/steps.sh"
cp "$config" "$scratch/ecelerity.conf"
for folder in etc var; do
  mkdir "$scratch/$folder" "$scratch/$folder.work"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$scratch/$folder,workdir=$scratch/$folder.work" "/$folder"
done
mkdir -p /etc/udev/rules.d
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/net
mknod -m 600 /dev/net/tun c 10 200
mount -t tmpfs tmpfs /opt
mkdir /opt/holdfast /opt/bin
mount --bind "$clone" /opt/holdfast
for program in cli/main daemon/main; do
  name=holdfast; [ "$program" = daemon/main ] && name=holdfastd
  printf '#!/bin/sh\nexec "%s" /opt/holdfast/dist/%s.js "$@"\n' "$(command -v node)" "$program" > "/opt/bin/$name"
  chmod 755 "/opt/bin/$name"
done
export PATH="/opt/bin:$PATH"

# The configuration is written between the key and the check.
sed '/runuser/,$d' "$scratch/steps.sh" > "$scratch/before.sh"
sed -n '/runuser/,$p' "$scratch/steps.sh" > "$scratch/check.sh"
sh -eu "$scratch/before.sh"
cp "$scratch/ecelerity.conf" /etc/holdfast/ecelerity.conf
sh -eu "$scratch/check.sh"
echo "checked"

as_daemon() {
  exec setpriv --reuid holdfast --regid holdfast --init-groups "--inh-caps=$capabilities" "--ambient-caps=$capabilities" \
    "--bounding-set=-all,$capabilities" holdfastd --config /etc/holdfast/ecelerity.conf --node node1
}

(as_daemon) > "$scratch/refused.log" 2>&1 && exit 1
echo "refused: $(cat "$scratch/refused.log")"

chgrp holdfast /dev/net/tun
chmod 660 /dev/net/tun
as_daemon > "$scratch/daemon.log" 2>&1 &
daemon=$!
trap 'kill -KILL $daemon 2> /dev/null || true' EXIT
tries=0
until ip route show table local 10.1.1.1 | grep -q 10.1.1.1; do
  tries=$((tries + 1))
  if [ $tries -gt 600 ] || ! kill -0 $daemon; then cat "$scratch/daemon.log"; exit 1; fi
  sleep 0.1
done
runuser -u holdfast -- holdfast cluster nodename
kill -TERM $daemon
wait $daemon
echo "ended"
