/* Watches the files of the certificate, so that a renewed one is used without anybody's asking. */
#ifndef DD_SERVER_CERTIFICATE_H
#define DD_SERVER_CERTIFICATE_H

#include "server.h"

typedef struct dd_certificate_watch dd_certificate_watch;
/* Without inotify (none left to have) it watches nothing, and says so in the log; SIGHUP still works. */
dd_certificate_watch *dd_certificate_watch_new(const dd_settings *settings);
void dd_certificate_watch_free(dd_certificate_watch *watch);
DD_DEFINE_FREEP(dd_certificate_watch)
int dd_certificate_watch_fd(const dd_certificate_watch *watch); /* readable when something changed */
void dd_certificate_watch_read(dd_certificate_watch *watch);
/* How long poll(2) may wait: until the change has settled, or (-1) for ever. */
int dd_certificate_watch_wait_ms(const dd_certificate_watch *watch);
/* Has a change settled? Once for each. */
bool dd_certificate_watch_due(dd_certificate_watch *watch);

#endif
