#!/usr/bin/env bash
# `drydock run`: the same task file with no server and no Redis.
# shellcheck source=tests/support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
engine_up

test_the_sample_is_built_pushed_and_run_with_no_server_and_no_redis() {
	local registry_dir=$work/stack.registry port output digest
	mkdir -p "$registry_dir"
	cat >"$registry_dir/config.yml" <<-CONFIG
		version: 0.1
		storage: {filesystem: {rootdirectory: '$registry_dir/data'}}
		http: {addr: '127.0.0.1:0'}
	CONFIG
	(
		for variable in "${!REGISTRY_@}"; do unset "$variable"; done
		exec docker-registry serve "$registry_dir/config.yml"
	) >"$registry_dir/log" 2>&1 &
	local pid=$!
	# shellcheck disable=SC2064
	trap "kill $pid" EXIT
	port=$(await 20 "the registry" sed -n 's/.*listening on 127.0.0.1:\([0-9]*\).*/\1/p;/listening on/q' "$registry_dir/log" | grep .)
	until [ -n "$port" ]; do
		port=$(sed -n 's/.*listening on 127.0.0.1:\([0-9]*\).*/\1/p' "$registry_dir/log" | head -n 1)
		sleep 0.05
	done
	registry=127.0.0.1:$port
	base_up || fail "no base image"
	printf 'registries:\n  - {host: "%s", plain_http: true}\n' "$registry" >"$registry_dir/drydock.yaml"
	cp -r "$top/deploy/sample" "$registry_dir/sample"
	output=$(cd "$registry_dir/sample" && drydock run --config ../drydock.yaml --registry "$registry" --id loc1 . 2>&1) ||
		fail "drydock run failed: $output"
	assert_contains "the step's answer" "Hello from base/busybox 1" "$output"
	digest=$(curl -sfI -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
		"http://$registry/v2/hello-world/manifests/loc1" | tr -d '\r' | awk 'tolower($1) == "docker-content-digest:" { print $2 }')
	assert_contains "the digest" sha256: "$digest"
	stack_dir=$registry_dir assert_nothing_left loc1
}

test_a_failing_step_ends_with_exit_code_1_and_says_which() {
	local dir=$work/stack.failing output
	mkdir -p "$dir"
	"$top/deploy/base-image" base/busybox:1 >/dev/null
	printf 'steps:\n  - id: breaks\n    cmd: localhost/base/busybox:1 /bin/sh -c "echo going; exit 7"\n' >"$dir/acr-task.yaml"
	output=$(drydock run "$dir" 2>&1)
	assert_equal "exit code" 1 $?
	assert_contains "the step's output" going "$output"
	assert_contains "the reason" breaks "$output"
	assert_contains "the reason" "7" "$output"
}

test_a_parent_that_ignores_its_childrens_end_changes_nothing() {
	local dir=$work/stack.ignored output
	mkdir -p "$dir"
	"$top/deploy/base-image" base/busybox:1 >/dev/null
	printf 'steps:\n  - cmd: localhost/base/busybox:1 /bin/sh -c "echo going"\n' >"$dir/acr-task.yaml"
	output=$(timeout 60 perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV' "$DRYDOCK" run "$dir" 2>&1)
	assert_equal "exit code" 0 $?
	assert_contains "the step's output" going "$output"
}

test_a_task_file_that_is_wrong_is_refused_with_file_line_and_reason() {
	local dir=$work/stack.wrong output
	mkdir -p "$dir"
	printf 'steps:\n  - cmd: a\n    when: [nosuch]\n' >"$dir/acr-task.yaml"
	output=$(drydock run "$dir" 2>&1)
	[ $? -ne 0 ] || fail "it was accepted"
	assert_contains "place" "acr-task.yaml:3:" "$output"
	assert_contains "reason" nosuch "$output"
}

run_tests
