#!/usr/bin/env bash
# The door: what is not proved leaves nothing, what is sent twice runs once, what is not kept is not acked.
# shellcheck source=tests/support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
engine_up

# send SECRET DELIVERY BODY: prints the status and the answer, headers included.
send() {
	local mac
	mac=$(openssl dgst -sha256 -hmac "$1" -r <<<"$3" | cut -d' ' -f1)
	curl -si -m 20 --cacert "$DRYDOCK_CA_FILE" -H 'Content-Type: application/json' -H 'X-GitHub-Event: push' \
		-H "X-GitHub-Delivery: $2" -H "X-Hub-Signature-256: sha256=$mac" --data-binary @- \
		"$DRYDOCK_SERVER/hooks/github" <<<"$3" | tr -d '\r'
}
body() { # body NAME COMMIT
	printf '{"ref":"refs/heads/main","before":"%040d","after":"%s","created":true,"deleted":false,"forced":false,"commits":[],"head_commit":{"id":"%s","message":"m"},"repository":{"id":1,"full_name":"git/%s","clone_url":"%s/%s.git","default_branch":"main"},"sender":{"login":"t","id":1}}' \
		0 "$2" "$2" "$1" "$git_url" "$1"
}
secret() { cat "$stack_dir/github.secret"; }
keys() { redis KEYS '*' | sort; }
# Server and worker have made the keys that they make at their start.
at_rest() { [ "$(redis EXISTS '{drydock}:schema' '{drydock}:events' '{drydock}:workers' '{drydock}:queue:default:low')" = 4 ]; }

test_a_wrong_signature_gets_401_and_leaves_no_key() {
	stack_up
	local before answer
	await 20 "server and worker" at_rest
	before=$(keys)
	answer=$(send wrong 11111111-0000-4000-8000-000000000001 "$(body x 1111111111111111111111111111111111111111)")
	assert_contains "status" " 401 " "$answer"
	assert_equal "keys in Redis" "$before" "$(keys)"
	assert_equal "events" 0 "$(redis XLEN '{drydock}:events')"
}

test_the_same_delivery_twice_makes_one_run() {
	stack_up
	base_up && repository hello
	# Pushed past the hook, so that the deliveries are this test's own.
	(cd "$stack_dir/hello" && git add -A && git -c user.name=t -c user.email=t@l commit -qm 1 &&
		git push -q "$stack_dir/git/repositories/hello.git" HEAD:main) || fail "no push"
	local commit payload first second run
	commit=$(git -C "$stack_dir/hello" rev-parse HEAD)
	task_for hello
	payload=$(body hello "$commit")
	first=$(send "$(secret)" 11111111-0000-4000-8000-000000000002 "$payload")
	second=$(send "$(secret)" 11111111-0000-4000-8000-000000000002 "$payload")
	assert_contains "first" " 202 " "$first"
	assert_contains "second" " 202 " "$second"
	assert_equal "the event" "$(tail -n 1 <<<"$first")" "$(tail -n 1 <<<"$second")"
	# Another delivery id, the same commit: the same cause.
	local third
	third=$(send "$(secret)" 11111111-0000-4000-8000-000000000003 "$payload")
	assert_contains "third" " 202 " "$third"
	run=$(await 20 "the run" newest_run hello commit "$commit")
	await 120 "its end" in_state "$run" Succeeded
	assert_equal "runs" 1 "$(redis ZCARD '{drydock}:runs:hello')"
	third=$(sed -n 's/.*"event":"\([0-9-]*\)".*/\1/p' <<<"$third")
	assert_contains "why the third made none" "$run (made before)" "$(drydock events why "$third")"
	assert_equal "the kept body" "$payload" "$(drydock events show "$third" --body)"
}

test_with_redis_stopped_a_delivery_gets_503_and_makes_its_run_when_sent_again() {
	stack_up
	base_up && repository hello
	(cd "$stack_dir/hello" && git add -A && git -c user.name=t -c user.email=t@l commit -qm 1 &&
		git push -q "$stack_dir/git/repositories/hello.git" HEAD:main) || fail "no push"
	local commit payload answer redis_pid run
	commit=$(git -C "$stack_dir/hello" rev-parse HEAD)
	task_for hello
	payload=$(body hello "$commit")
	redis_pid=$(service_pid redis-server)
	kill -STOP "$redis_pid"
	answer=$(send "$(secret)" 11111111-0000-4000-8000-000000000004 "$payload")
	assert_contains "status" " 503 " "$answer"
	assert_contains "header" "Retry-After: " "$answer"
	kill -CONT "$redis_pid"
	accepted() { [[ $(send "$(secret)" 11111111-0000-4000-8000-000000000004 "$payload") == *" 202 "* ]]; }
	await 20 "Redis to be back" accepted
	run=$(await 20 "the run" newest_run hello commit "$commit")
	await 120 "its end" in_state "$run" Succeeded
	assert_equal "runs" 1 "$(redis ZCARD '{drydock}:runs:hello')"
}

test_a_base_image_pushed_again_with_the_same_digest_makes_no_run() {
	stack_up
	base_up && repository hello && task_for hello
	local commit run
	commit=$(push_all hello)
	run=$(await 20 "the run" newest_run hello commit "$commit")
	await 120 "its end" in_state "$run" Succeeded
	local seen
	# Those of layers are kept too, as ignored.
	image_events() { redis XRANGE '{drydock}:events' - + | grep -cx image_push; }
	seen=$(image_events)
	base_up
	more_events() { [ "$(image_events)" -gt "$seen" ]; }
	await 20 "the registry's notification" more_events
	all_settled() { [ "$(redis XPENDING '{drydock}:events' matchers | head -n 1)" = 0 ] && [ "$(redis XINFO GROUPS '{drydock}:events' | grep -A 1 -x lag | tail -n 1)" = 0 ]; }
	await 20 "the matcher" all_settled
	assert_equal "runs" 1 "$(redis ZCARD '{drydock}:runs:hello')"
	base_up 1
	await 20 "the patched base's run" newest_run hello trigger base_image >/dev/null
}

run_tests
