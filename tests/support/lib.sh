# What the end-to-end tests share: sourced, not run.
# A test is a function test_…; `run_tests` runs each in a subshell of its own and prints "ok - NAME" or
# "not ok - NAME". DRYDOCK names the binary (default: the debug build's).
# shellcheck shell=bash
set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${DRYDOCK:=$top/build/debug/drydock}"
export DRYDOCK
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
# Nobody's proxy is asked for what is on loopback.
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
drydock() { "$DRYDOCK" "$@"; }

fail() {
	echo "  $*" >&2
	exit 1
}
# assert_equal WHAT EXPECTED ACTUAL
assert_equal() { [ "$2" = "$3" ] || fail "$1: expected '$2', is '$3'"; }
# assert_contains WHAT PART WHOLE
assert_contains() { [[ $3 == *"$2"* ]] || fail "$1: no '$2' in: $3"; }

# await SECONDS WHAT COMMAND...: until the command succeeds; prints its output.
await() {
	local deadline=$((SECONDS + $1)) what=$2 output
	shift 2
	until output=$("$@" 2>/dev/null); do
		[ $SECONDS -lt $deadline ] || fail "waited in vain for $what"
		sleep 0.05
	done
	[ -z "$output" ] || printf '%s\n' "$output"
}

# Zombies answer kill -0.
running() { [ -n "$(tr -d '\0' 2>/dev/null <"/proc/$1/cmdline")" ]; }
ended() { ! running "$1"; }

# ---- One engine for all tests of a script, one stack for each that asks ----
work=$(mktemp -d /tmp/drydock-e2e.XXXXXX)
stack_pid='' stack_dir=''
engine_up() {
	local env
	env=$("$top/deploy/engine" env "$work/engine") || { echo "not ok - the engine runs" && exit 1; }
	eval "$env"
}
cleanup() {
	stack_down
	"$top/deploy/engine" remove "$work/engine"
	rm -rf "$work"
}

# stack_up [ENV=VALUE…]: `drydock dev --demo` with those settings; sets registry, git_url, stack_dir.
stack_up() {
	stack_dir=$(mktemp -d "$work/stack.XXXX")
	env "$@" "$DRYDOCK" dev --demo --dir "$stack_dir" >"$stack_dir/out" 2>"$stack_dir/err" </dev/null &
	stack_pid=$!
	await 60 "drydock dev ($(tail -n 3 "$stack_dir/err" 2>/dev/null))" test -s "$stack_dir/env"
	# shellcheck disable=SC1091
	. "$stack_dir/env"
	registry=$DRYDOCK_DEV_REGISTRY git_url=$DRYDOCK_DEV_GIT
}
stack_down() {
	[ -n "$stack_pid" ] || return 0
	kill "$stack_pid" 2>/dev/null
	wait "$stack_pid"
	local status=$?
	stack_pid=''
	return $status
}
redis() { redis-cli -s "$DRYDOCK_DEV_SOCKET" "$@"; }
run_field() { redis HGET "{drydock}:run:$1" "$2"; }
run_log() { drydock runs logs "$1"; }
# The pid of a service of the stack, as /proc has it. service_pid worker
service_pid() {
	local pid
	for pid in $(cat "/proc/$stack_pid/task/$stack_pid/children"); do
		if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qE "^[^ ]*drydock $1 |^([^ ]*/)?$1( |:|$)"; then
			echo "$pid" && return 0
		fi
	done
	return 1
}
# The pid of the run's child process.
child_pid() {
	local worker
	worker=$(service_pid worker) && cut -d' ' -f1 "/proc/$worker/task/$worker/children" | grep .
}

# ---- Material ----
base_up() { # base_up [PATCH]: base/busybox:1 in the registry
	"$top/deploy/base-image" base/busybox:1 ${1:+--patch "$1"} >/dev/null &&
		podman push -q --tls-verify=false localhost/base/busybox:1 "$registry/base/busybox:1" >/dev/null
}
# repository NAME: a bare one at the stack's git host, and a work tree in $stack_dir/NAME with the sample in it.
repository() {
	git init -q --bare --initial-branch=main "$stack_dir/git/repositories/$1.git"
	git init -q --initial-branch=main "$stack_dir/$1"
	cp "$top"/deploy/sample/* "$stack_dir/$1/"
}
# push_all NAME [BRANCH]: commit what is there, push it, print the commit.
push_all() {
	(
		cd "$stack_dir/$1" || exit 1
		git add -A
		git -c user.name=test -c user.email=test@localhost commit -qm "Change" --allow-empty
		git push -q "$git_url/$1.git" "HEAD:${2:-main}" || exit 1
		git rev-parse HEAD
	)
}
task_for() { # task_for NAME: for commits of main and its runtime base image
	cat >"$stack_dir/$1.tasks.yaml" <<-TASKS
		tasks:
		  - name: $1
		    context: $git_url/$1.git#main
		    file: acr-task.yaml
		    timeout: 300
		    triggers: {commit: true, base_image: {type: runtime}}
	TASKS
	drydock task apply -f "$stack_dir/$1.tasks.yaml" >/dev/null || fail "the task was refused"
}
newest_run() { # newest_run TASK FIELD VALUE: the id of the newest run when that field of it has the value
	local run
	run=$(redis ZREVRANGE "{drydock}:runs:$1" 0 0)
	[ -n "$run" ] && [ "$(run_field "$run" "$2")" = "$3" ] && echo "$run"
}
in_state() { [ "$(run_field "$1" state)" = "$2" ]; }
ended_run() { [[ $(run_field "$1" state) =~ ^(Succeeded|Failed|Canceled|Error|Timeout)$ ]]; }

# Everything that a run could leave behind.
leftovers() {
	podman ps -aq --filter "label=io.drydock.run=$1"
	podman network ls -q --filter "label=io.drydock.run=$1"
	podman volume ls -q --filter "label=io.drydock.run=$1"
	find /sys/fs/cgroup -maxdepth 4 -type d -path "*drydock/*-$1-*" 2>/dev/null
	find "$stack_dir/worker" -maxdepth 3 -path "*runs/*-$1-*" 2>/dev/null
}
assert_nothing_left() {
	local left
	left=$(leftovers "$1")
	[ -z "$left" ] || fail "run $1 left behind: $left"
}

# What a sanitizer said in any service's or run's output fails the test, whatever else it showed.
sanitizers_are_quiet() {
	local said
	said=$(grep -lE 'ERROR: (Address|Leak|Thread)Sanitizer|runtime error:' "$work"/stack.*/err "$work"/stack.*/out \
		"$work"/stack.*/logs/*.log 2>/dev/null)
	[ -z "$said" ] || fail "a sanitizer speaks in $said"
}

run_tests() {
	trap cleanup EXIT
	local test failed=0
	for test in $(declare -F | awk '$3 ~ /^test_/ { print $3 }'); do
		if (
			trap stack_down EXIT
			"$test" && stack_down && sanitizers_are_quiet
		); then
			echo "ok - ${test#test_}"
		else
			echo "not ok - ${test#test_}"
			for log in "$work"/stack.*/err "$work"/stack.*/logs/*.log; do
				[ ! -s "$log" ] || { echo "--- $log" && tail -n 30 "$log"; }
			done
			failed=1
		fi
		rm -rf "$work"/stack.*
	done
	return $failed
}
