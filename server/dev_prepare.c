/* What `drydock dev` keeps in its directory: ports, certificate, secrets, settings. All but the settings
 * file, which is written anew at each start, is made once and kept. */
#include "dev.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void dd_dev_place_free(dd_dev_place *place)
{
    if (!place)
        return;
    free(place->directory);
    free(place->certificate);
    free(place->key);
    free(place->settings);
    free(place->socket);
    free(place->address_file);
    free(place->token);
    free(place);
}

/* Bind to the port on loopback (0: any) and say which it is; -1 when it is taken. The port is free again when
 * this returns: a moment's race that the server's own bind would report. */
static int try_port(int port)
{
    dd_auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&address, length) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return -1;
    return ntohs(address.sin_port);
}

/* The port of an earlier start when it is still free, else a new one, kept in `name`. */
static int keep_port(const char *directory, const char *name, int *ret, dd_error **err)
{
    dd_auto_str path = dd_path_join(directory, name);
    dd_auto(dd_buf) text = NULL;
    int64_t port = 0;
    if (dd_buf_read_file(path, 16, &text, NULL) == 0) {
        while (text->length && text->data[text->length - 1] == '\n')
            text->data[--text->length] = '\0';
        if (!dd_str_to_int(text->data, &port) || port < 1 || port > 65535)
            port = 0;
    }
    int free_port = try_port((int)port);
    if (free_port < 0)
        free_port = try_port(0);
    if (free_port < 0)
        return dd_fail(err, DD_ERR_INTERNAL, "no free port on 127.0.0.1");
    *ret = free_port;
    if (free_port == port)
        return 0;
    dd_auto_str line = dd_sprintf("%d\n", free_port);
    return dd_write_file(path, line, strlen(line), 0644, err);
}

/* A random secret in a file of its own, made once. */
static int keep_secret(const char *directory, const char *name, const char *prefix, char **ret,
                       dd_error **err)
{
    dd_auto_str path = dd_path_join(directory, name);
    dd_auto(dd_buf) text = NULL;
    if (dd_path_exists(path)) {
        if (dd_buf_read_file(path, 4096, &text, err) < 0)
            return -1;
    } else {
        dd_auto_str random = dd_random_hex(24);
        text = dd_buf_new();
        dd_buf_printf(text, "%s%s\n", prefix, random);
        if (dd_write_file(path, text->data, text->length, 0600, err) < 0)
            return -1;
    }
    if (ret)
        *ret = dd_strndup(text->data, strcspn(text->data, "\n"));
    return 0;
}

static int write_settings(const dd_dev_options *options, const dd_dev_place *place, dd_error **err)
{
    dd_buf text = {0};
    dd_buf_printf(&text,
                  "# Written by `drydock dev` at each start.\n"
                  "server:\n"
                  "  listen: \"127.0.0.1:%d\"\n"
                  "  tls: {cert: server.crt, key: server.key}\n"
                  "  address_file: \"%s\"\n"
                  "api: {token_file: api.token}\n"
                  "redis: {url: \"unix://%s\"}\n"
                  "worker:\n"
                  "  directory: \"%s/worker\"\n"
                  "  engine: %s\n"
                  "  slots: %lld\n"
                  "  drain: 20s\n"
                  "  echo: %s\n",
                  place->port_server, place->address_file, place->socket, place->directory, options->engine,
                  (long long)options->slots, options->quiet ? "false" : "true");
    if (options->demo)
        dd_buf_printf(&text, "  registry: \"127.0.0.1:%d\"\n", place->port_registry);
    dd_buf_add_str(&text, "senders:\n  - {name: github, kind: github, secret_file: github.secret}\n");
    if (options->demo)
        dd_buf_printf(&text,
                      "  - {name: registry, kind: distribution, registry: \"127.0.0.1:%d\",\n"
                      "     auth: {header: Authorization, value_file: registry.header}}\n"
                      "registries:\n  - {host: \"127.0.0.1:%d\", plain_http: true}\n"
                      "forges:\n  - {host: \"127.0.0.1:%d\", kind: github, plain_http: true}\n",
                      place->port_registry, place->port_registry, place->port_git);
    int ret = dd_write_file(place->settings, text.data, text.length, 0600, err);
    dd_buf_done(&text);
    return ret;
}

static int prepare_files(const dd_dev_options *options, dd_dev_place *place, dd_error **err)
{
    static const char *const folders[] = {"redis", "logs",      "worker",     "registry",
                                          "git",   "git/hooks", "git/cgi-bin"};
    for (size_t i = 0; i < DD_COUNT(folders); i++) {
        dd_auto_str folder = dd_path_join(place->directory, folders[i]);
        if (dd_mkdirs(folder, 0700, err) < 0)
            return -1;
    }
    if (keep_port(place->directory, "server.port", &place->port_server, err) < 0 ||
        keep_port(place->directory, "registry.port", &place->port_registry, err) < 0 ||
        keep_port(place->directory, "git.port", &place->port_git, err) < 0 ||
        keep_secret(place->directory, "api.token", "", &place->token, err) < 0 ||
        keep_secret(place->directory, "github.secret", "", NULL, err) < 0 ||
        keep_secret(place->directory, "registry.header", "Bearer ", NULL, err) < 0)
        return -1;
    if (!dd_path_exists(place->certificate) && dd_dev_certificate(place->certificate, place->key, err) < 0)
        return -1;
    return write_settings(options, place, err);
}

int dd_dev_prepare(const dd_dev_options *options, dd_dev_place **ret, dd_error **err)
{
    char absolute[PATH_MAX];
    struct sockaddr_un limit;
    if (dd_mkdirs(options->directory, 0700, err) < 0)
        return -1;
    if (!realpath(options->directory, absolute))
        return dd_fail(err, DD_ERR_INVALID, "'%s' cannot be resolved", options->directory);
    /* The path goes into a YAML text in double quotes, and into an environment file for shells. */
    if (strpbrk(absolute, "\"\\'\n$`"))
        return dd_fail(err, DD_ERR_INVALID, "the directory's name '%s' has a quote, '$' or a backslash",
                       absolute);
    dd_auto(dd_dev_place) place = dd_new(dd_dev_place);
    place->directory = dd_strdup(absolute);
    place->certificate = dd_path_join(absolute, "server.crt");
    place->key = dd_path_join(absolute, "server.key");
    place->settings = dd_path_join(absolute, "drydock.yaml");
    place->socket = dd_path_join(absolute, "redis.sock");
    place->address_file = dd_path_join(absolute, "server.address");
    if (strlen(place->socket) >= sizeof(limit.sun_path)) {
        dd_fail(err, DD_ERR_INVALID, "'%s' is too long for a unix socket (%zu bytes at most)", place->socket,
                sizeof(limit.sun_path) - 1);
        return dd_hint(err, "choose a shorter directory with --dir");
    }
    if (prepare_files(options, place, err) < 0)
        return dd_context(err, "preparing '%s'", absolute);
    *ret = dd_take(place);
    return 0;
}
