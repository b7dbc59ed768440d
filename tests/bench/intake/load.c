/* Deliveries as GitHub sends them, over TLS connections that stay open: how many, how fast, and how long each
 * answer took. One thread a connection, each delivery answered before its next.
 *
 * load HOST PORT PATH CONNECTIONS REQUESTS RATE BODY_FILE SECRET [FIRST_ID]
 * RATE: deliveries a second of all connections together; 0: as fast as they are answered. With REUSE=0 in the
 * environment each delivery has a connection of its own.
 * Prints: answered=N failed=N seconds=S p50_ms=X p99_ms=X max_ms=X */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in to;
static const char *path;
static char *body;
static size_t body_length;
static char signature[65];
static long requests, first_id;
static double rate;
static bool reuse = true;
static SSL_CTX *tls;
static atomic_long next_request, answered, failed;
static double *took_ms;

static double now_s(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void sleep_until(double at_s)
{
    struct timespec until = {.tv_sec = (time_t)at_s, .tv_nsec = (long)((at_s - (double)(time_t)at_s) * 1e9)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static SSL *open_connection(void)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        close(fd);
        return NULL;
    }
    SSL *ssl = SSL_new(tls);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) == 1)
        return ssl;
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static void close_connection(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    close(fd);
}

/* The status of one answer, read to its end; 0: none. */
static int read_answer(SSL *ssl)
{
    char text[8192];
    size_t have = 0;
    while (have < sizeof(text) - 1) {
        int got = SSL_read(ssl, text + have, (int)(sizeof(text) - 1 - have));
        if (got <= 0)
            return 0;
        have += (size_t)got;
        text[have] = '\0';
        char *end = strstr(text, "\r\n\r\n");
        if (!end)
            continue;
        char *length = strcasestr(text, "\r\nContent-Length:");
        bool chunked = strcasestr(text, "\r\nTransfer-Encoding: chunked") != NULL;
        size_t wanted = (size_t)(end + 4 - text);
        if (length && length < end)
            wanted += strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
        if (chunked ? strstr(end, "\r\n0\r\n\r\n") != NULL : have >= wanted)
            return atoi(text + strlen("HTTP/1.1 "));
    }
    return 0;
}

static int deliver(SSL *ssl, long number)
{
    static _Thread_local char text[64 * 1024];
    int head = snprintf(
        text, sizeof(text),
        "POST %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: GitHub-Hookshot/0000000\r\nAccept: */*\r\n"
        "Content-Type: application/json\r\nX-GitHub-Event: push\r\nX-GitHub-Hook-ID: 1\r\n"
        "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-%012ld\r\n"
        "X-Hub-Signature-256: sha256=%s\r\nContent-Length: %zu\r\n\r\n",
        path, first_id + number, signature, body_length);
    memcpy(text + head, body, body_length);
    if (SSL_write(ssl, text, head + (int)body_length) <= 0)
        return 0;
    return read_answer(ssl);
}

static void *work(void *context)
{
    double began_s = *(double *)context;
    SSL *ssl = NULL;
    for (long number; (number = atomic_fetch_add(&next_request, 1)) < requests;) {
        if (rate > 0)
            sleep_until(began_s + (double)number / rate);
        double at_s = now_s();
        if (!ssl)
            ssl = open_connection();
        int status = ssl ? deliver(ssl, number) : 0;
        took_ms[number] = (now_s() - at_s) * 1000;
        atomic_fetch_add(status >= 200 && status < 300 ? &answered : &failed, 1);
        if (ssl && (status == 0 || !reuse)) {
            close_connection(ssl);
            ssl = NULL;
        }
    }
    if (ssl)
        close_connection(ssl);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void read_body(const char *file)
{
    FILE *stream = fopen(file, "rb");
    if (!stream) {
        perror(file);
        exit(2);
    }
    body = malloc(48 * 1024);
    body_length = fread(body, 1, 48 * 1024, stream);
    fclose(stream);
}

static void sign(const char *secret)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)body, body_length, mac, &length);
    for (unsigned i = 0; i < length; i++)
        snprintf(signature + 2 * i, 3, "%02x", mac[i]);
}

int main(int argc, char **argv)
{
    if (argc < 9) {
        fprintf(stderr, "usage: load HOST PORT PATH CONNECTIONS REQUESTS RATE BODY_FILE SECRET [FIRST_ID]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    to.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)atoi(argv[2]));
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    path = argv[3];
    size_t connections = strtoul(argv[4], NULL, 10);
    requests = atol(argv[5]);
    rate = atof(argv[6]);
    read_body(argv[7]);
    sign(argv[8]);
    first_id = argc > 9 ? atol(argv[9]) : 0;
    reuse = !getenv("REUSE") || strcmp(getenv("REUSE"), "0") != 0;
    tls = SSL_CTX_new(TLS_client_method());
    took_ms = calloc((size_t)requests, sizeof(*took_ms));
    pthread_t *threads = calloc(connections, sizeof(*threads));
    double began_s = now_s();
    for (size_t i = 0; i < connections; i++)
        pthread_create(&threads[i], NULL, work, &began_s);
    for (size_t i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    double seconds = now_s() - began_s;
    qsort(took_ms, (size_t)requests, sizeof(*took_ms), compare);
    printf("answered=%ld failed=%ld seconds=%.3f p50_ms=%.3f p99_ms=%.3f max_ms=%.3f\n", answered, failed,
           seconds, took_ms[requests / 2], took_ms[requests * 99 / 100], took_ms[requests - 1]);
    free(threads);
    free(took_ms);
    free(body);
    SSL_CTX_free(tls);
    return failed > 0;
}
