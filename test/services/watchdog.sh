# usage: watchdog DIR SIGNAL COMMAND...
# Runs COMMAND, prints its pid, and ends it when stdin closes; each line "SIGNAL KEEP_DIR PID..." replaces how.
dir=$1 signal=$2
shift 2
"$@" </dev/null >>"$dir/log" 2>&1 &
pid=$!
echo "$pid"

keep=no also=
while read -r s k a; do
	signal=$s keep=$k also=$a
done

# CONT, as a stopped process hears no signal but KILL. $also is split on purpose.
kill -s "$signal" "$pid"
kill -s CONT "$pid" $also
patience=100
while [ "$signal" != KILL ] && [ "$patience" -gt 0 ] && kill -s 0 "$pid"; do
	sleep 0.05
	patience=$((patience - 1))
done
kill -s KILL "$pid"
wait "$pid"
[ "$keep" = yes ] || { cd / && rm -rf "$dir"; }
