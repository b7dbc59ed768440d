#!/usr/bin/env bash
# Deaths in the middle: nothing is lost, nothing stays behind.
# shellcheck source=tests/support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
engine_up

# A build that goes on until it is ended, or until $stack_dir/go is there (bind mounts are not for task files, so
# the second attempt is told by the registry's answer): the first FROM is fast, its RUN waits.
slow_build() {
	cat >"$stack_dir/$1/Dockerfile" <<-'DOCKERFILE'
		ARG REGISTRY=localhost
		FROM ${REGISTRY}/base/busybox:1
		COPY hello.sh /hello.sh
		ARG SECONDS=600
		RUN echo building-now && sleep ${SECONDS}
		CMD ["/bin/sh", "/hello.sh"]
	DOCKERFILE
}
started_building() { run_log "$1" | grep -q '^.*building-now$' && run_log "$1" | grep -qE 'building-now'; }
output_line() { redis XRANGE "{drydock}:run:$1:log" - + | grep -qx "building-now"; }

test_a_killed_run_child_ends_in_error_with_a_reason_and_nothing_left() {
	stack_up
	base_up && repository slow && slow_build slow && task_for slow
	local commit run child
	commit=$(push_all slow)
	run=$(await 20 "the run" newest_run slow commit "$commit")
	await 60 "the build" output_line "$run"
	child=$(child_pid)
	kill -9 "$child"
	await 60 "its end" ended_run "$run"
	assert_equal "state" Error "$(run_field "$run" state)"
	assert_contains "reason" "signal 9" "$(run_field "$run" message)"
	assert_nothing_left "$run"
}

test_a_killed_worker_s_run_is_taken_up_again_and_succeeds() {
	stack_up DRYDOCK_WORKER_LEASE=3s
	base_up && repository slow && slow_build slow && task_for slow
	# Long enough to be killed in, short enough to end.
	sed -i 's/SECONDS=600/SECONDS=4/' "$stack_dir/slow/Dockerfile"
	local commit run worker
	commit=$(push_all slow)
	run=$(await 20 "the run" newest_run slow commit "$commit")
	await 60 "the build" output_line "$run"
	worker=$(service_pid worker)
	kill -9 "$worker"
	await 120 "its end" ended_run "$run"
	assert_equal "state" Succeeded "$(run_field "$run" state)"
	assert_equal "attempts" 2 "$(run_field "$run" attempt)"
	[ "$(run_field "$run" lease)" -ge 2 ] || fail "the lease number did not move on"
	assert_nothing_left "$run"
}

test_cancel_ends_a_running_build_and_leaves_nothing() {
	stack_up
	base_up && repository slow && slow_build slow && task_for slow
	local commit run
	commit=$(push_all slow)
	run=$(await 20 "the run" newest_run slow commit "$commit")
	await 60 "the build" output_line "$run"
	drydock runs cancel "$run" >/dev/null || fail "cancel was refused"
	await 40 "its end" ended_run "$run"
	assert_equal "state" Canceled "$(run_field "$run" state)"
	assert_nothing_left "$run"
}

test_a_stopped_stack_leaves_no_process_and_no_run_behind() {
	stack_up DRYDOCK_WORKER_DRAIN=1s
	base_up && repository slow && slow_build slow && task_for slow
	local commit run pids pid
	commit=$(push_all slow)
	run=$(await 20 "the run" newest_run slow commit "$commit")
	await 60 "the build" output_line "$run"
	pids=$(cat "/proc/$stack_pid/task/$stack_pid/children")
	stack_down || fail "drydock dev ended with an error"
	for pid in $pids; do
		ended "$pid" || fail "process $pid is still there: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
	assert_nothing_left "$run"
}

test_a_killed_dev_leaves_no_service_behind() {
	stack_up
	local pids pid
	pids=$(cat "/proc/$stack_pid/task/$stack_pid/children")
	kill -9 "$stack_pid"
	for pid in $pids; do
		await 30 "the end of process $pid" ended "$pid"
	done
	stack_pid=''
}

run_tests
