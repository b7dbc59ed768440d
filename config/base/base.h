/* The base that every room stands on; it includes nothing else of ours. */
#ifndef DD_BASE_H
#define DD_BASE_H

#include "buf.h"
#include "clock.h"
#include "diagnostic.h"
#include "digest.h"
#include "error.h"
#include "files.h"
#include "log.h"
#include "mem.h"
#include "screen.h"
#include "spawn.h"
#include "yaml.h"

#endif
