/* GET /healthz: this process serves. GET /readyz: and Redis does, so that deliveries can be kept. GET
 * /metrics: what it did. */
#include "../exchange.h"

void dd_handle_health(dd_exchange *exchange)
{
    dd_answer(exchange, 200, json_pack("{s:s}", "status", "ok"));
}

static void on_pong(struct redisReply *reply, const dd_error *error, void *context)
{
    (void)reply;
    if (error)
        dd_answer_error(context, 503, error);
    else
        dd_answer(context, 200, json_pack("{s:s}", "status", "ready"));
}

void dd_handle_ready(dd_exchange *exchange)
{
    dd_exchange_call(exchange, dd_command_new("PING"), on_pong);
}

void dd_handle_metrics(dd_exchange *exchange)
{
    dd_auto_str text = dd_metrics_text(exchange->door->metrics);
    dd_answer_text(exchange, 200, DD_METRICS_TYPE, text);
}
