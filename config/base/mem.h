/* Memory: allocation that cannot fail, ownership in the type.
 *
 * `dd_auto(T) x = NULL;` frees x with T_free when the scope ends; `*ret = dd_take(x)` hands it over.
 * Out of memory ends the process: a worker's run child or a restarted service is the recovery. */
#ifndef DD_BASE_MEM_H
#define DD_BASE_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DD_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define DD_UNUSED            __attribute__((unused))
#define DD_COUNT(array)      (sizeof(array) / sizeof((array)[0]))

#define DD_DEFINE_FREEP(T)                                                                                   \
    static inline DD_UNUSED void T##_freep(T **object)                                                       \
    {                                                                                                        \
        T##_free(*object);                                                                                   \
        *object = NULL;                                                                                      \
    }

/* `unused`: clang does not count the clean-up as a use. */
#define dd_auto(T) __attribute__((cleanup(T##_freep), unused)) T *

#define dd_take(pointer)                                                                                     \
    __extension__({                                                                                          \
        __typeof__(pointer) dd_taken_ = (pointer);                                                           \
        (pointer) = NULL;                                                                                    \
        dd_taken_;                                                                                           \
    })

/* A broken invariant is our bug; checked in release builds too. */
#define dd_assert(condition)                                                                                 \
    ((condition) ? (void)0 : dd_assert_failed(#condition, __FILE__, __LINE__, __func__))

_Noreturn void dd_assert_failed(const char *condition, const char *file, int line, const char *function);

/* Zeroed memory for `count` objects of `size` bytes; free with free(). Never NULL. */
void *dd_calloc(size_t count, size_t size);
#define dd_new(T) ((T *)dd_calloc(1, sizeof(T)))
/* As realloc, new bytes not zeroed; never NULL for a size above 0. Overflow of count*size ends the process.
 */
void *dd_reallocarray(void *old, size_t count, size_t size);
/* Copies; NULL gives NULL. Free with free(). */
char *dd_strdup(const char *text);
char *dd_strndup(const char *text, size_t length);
char *dd_sprintf(const char *format, ...) DD_PRINTF(1, 2);
char *dd_vsprintf(const char *format, va_list args) DD_PRINTF(1, 0);

/* `dd_auto_str char *x = NULL;` */
void dd_str_freep(char **text);
#define dd_auto_str __attribute__((cleanup(dd_str_freep), unused)) char *
/* `dd_auto_fd int fd = -1;` closes at the end of the scope. */
void dd_fd_closep(int *fd);
#define dd_auto_fd __attribute__((cleanup(dd_fd_closep), unused)) int

#endif
