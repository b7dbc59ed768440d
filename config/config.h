/* The config room's door: the base, the words, the settings, references, tasks, and the Redis store. */
#ifndef DD_CONFIG_H
#define DD_CONFIG_H

#include "base/base.h"
#include "ranges.h"
#include "reference.h"
#include "registry.h"
#include "run.h"
#include "settings.h"
#include "store.h"
#include "task.h"
#include "words.h"

#endif
