#!/usr/bin/env bash
# A task file that cannot be run: the run ends Failed with file, line and reason in its log.
# shellcheck source=tests/support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
engine_up

# failed_run NAME: pushes, awaits Failed, prints the log.
failed_run() {
	local commit run
	commit=$(push_all "$1") || fail "the push failed"
	run=$(await 20 "the run" newest_run "$1" commit "$commit")
	await 60 "its end" ended_run "$run"
	assert_equal "state" Failed "$(run_field "$run" state)"
	run_log "$run"
}

test_missing_no_yaml_and_unknown_step_each_say_where_and_why() {
	stack_up
	repository one && task_for one
	local log
	rm "$stack_dir/one/acr-task.yaml"
	log=$(failed_run one) || fail "$log"
	assert_contains "missing" "acr-task.yaml" "$log"
	printf 'version: 1.0.0\nsteps: [\n  - build: x\n' >"$stack_dir/one/acr-task.yaml"
	log=$(failed_run one) || fail "$log"
	assert_contains "no YAML" "acr-task.yaml:3:" "$log"
	printf 'version: 1.0.0\nsteps:\n  - cmd: a\n  - cmd: b\n    when: [lint]\n' >"$stack_dir/one/acr-task.yaml"
	log=$(failed_run one) || fail "$log"
	assert_contains "unknown step" "acr-task.yaml:5:" "$log"
	assert_contains "unknown step" "lint" "$log"
}

run_tests
