/* Private to the settings: the table of rows (settings.c) and what reads a file by it (settings_read.c). */
#ifndef DD_CONFIG_SETTINGS_PRIVATE_H
#define DD_CONFIG_SETTINGS_PRIVATE_H

#include "base/yaml.h"
#include "settings.h"

typedef enum setting_kind {
    SETTING_TEXT,
    SETTING_PATH, /* a file or folder, relative to the settings file's folder */
    SETTING_NUMBER,
    SETTING_SECONDS,
    SETTING_MILLISECONDS,
    SETTING_SIZE,
    SETTING_SWITCH,
    SETTING_NONE,   /* the word none, where a map would stand */
    SETTING_SECRET, /* a text that is never printed; also as KEY_file */
    SETTING_TEXTS,  /* several texts, in a dd_strv: one, or a list */
    SETTING_KEYS,   /* secrets, appended to a dd_strv: one, a list, or a file of lines */
} setting_kind;

/* Where a row's value is kept: in dd_settings, or in an element of one of its lists. */
typedef struct setting_row {
    const char *key;
    setting_kind kind;
    bool required;
    size_t offset;
    const char *fallback;
    int64_t min, max; /* numbers, in the unit that is kept */
    /* Texts: the value as it is kept, or NULL when it has not the form; and the form in words. */
    char *(*normalise)(const char *text);
    const char *form;
    const char *help;
} setting_row;

typedef struct setting_list {
    const char *key; /* "senders"; its rows begin with "senders[]." */
    size_t element_size;
    size_t array_offset; /* of the element pointer and the count in dd_settings */
    size_t count_offset;
    size_t unique_offset;   /* of the text by which elements are found, in the element */
    ptrdiff_t place_offset; /* of its dd_place, -1: it keeps none */
    int (*check)(void *element, dd_error **err);
} setting_list;

/* A key that design fixes and this version does not do. */
typedef struct setting_later {
    const char *key;
    const char *instead;
} setting_later;

extern const setting_row dd_setting_table[];
extern const size_t dd_setting_table_count;
extern const setting_list dd_setting_lists[];
extern const size_t dd_setting_lists_count;
extern const setting_later dd_setting_laters[];
extern const size_t dd_setting_laters_count;

bool dd_setting_is_secret(const setting_row *row);
/* Checks over several values of dd_settings itself. */
int dd_settings_check(const dd_settings *settings, dd_error **err);

#endif
