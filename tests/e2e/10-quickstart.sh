#!/usr/bin/env bash
# README's first command, as a user runs it: twice.
# shellcheck source=tests/support/lib.sh
. "$(dirname "$0")/../support/lib.sh"

test_the_main_job_ends_in_two_images_and_a_second_start_is_quick() {
	local first second
	first=$("$top/deploy/quickstart" --dir "$work/quickstart" 2>&1) || fail "quickstart failed: $first"
	assert_two_runs "$first"
	second=$("$top/deploy/quickstart" --dir "$work/quickstart" 2>&1) || fail "the second quickstart failed: $second"
	assert_two_runs "$second"
	assert_contains "the second start" "Nothing to build" "$second"
	[[ $second != *Installing* ]] || fail "the second start installed something"
	"$top/deploy/engine" remove "$work/quickstart/engine"
}

assert_two_runs() {
	local commit base
	commit=$(grep -E ' commit +Succeeded .* sha256:[0-9a-f]{64}$' <<<"$1") || fail "no run by commit: $1"
	base=$(grep -E ' base_image +Succeeded .* sha256:[0-9a-f]{64}$' <<<"$1") || fail "no run by base_image: $1"
	[ "${commit##* }" != "${base##* }" ] || fail "both runs have one digest"
	assert_contains "the new image" "The new image says: Hello from base/busybox 1 patch" "$1"
}

run_tests
