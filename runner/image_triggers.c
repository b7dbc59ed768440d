/* What an image has builds on it do (ONBUILD), looked at before an engine with loose mounts builds on it.
 *
 * podman's description of an image leaves ONBUILD out. So the image's configuration is read where the engine
 * keeps it (containers/storage: ROOT/DRIVER-images/ID/=BASE64 of its name): its name is the digest of its
 * bytes, and the image's id. */
#include "executor_private.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONFIG_MAX_BYTES (8 * 1024 * 1024)

static int read_config(const char *root, const char *id, dd_buf **ret, dd_error **err)
{
    dd_auto_str digest = dd_sprintf("sha256:%s", id);
    dd_auto_str encoded = dd_base64_encode(digest, strlen(digest));
    char hash[DD_SHA256_HEX];
    DIR *drivers = root ? opendir(root) : NULL;
    struct dirent *driver;

    while (drivers && !*ret && (driver = readdir(drivers))) {
        dd_auto_str path = dd_sprintf("%s/%s/%s/=%s", root, driver->d_name, id, encoded);
        if (dd_str_ends(driver->d_name, "-images") && dd_path_exists(path) &&
            dd_buf_read_file(path, CONFIG_MAX_BYTES, ret, err) < 0)
            break;
    }
    if (drivers)
        closedir(drivers);
    if (!*ret)
        return dd_fail(err, DD_ERR_DENIED, "its configuration is not in the engine's store");
    dd_sha256_hex((*ret)->data ? (*ret)->data : "", (*ret)->length, hash);
    return dd_str_eq(hash, id) ? 0 : dd_fail(err, DD_ERR_DENIED, "its configuration is not what its id says");
}

static int check_list(const json_t *list, dd_error **err)
{
    size_t index;
    json_t *item;

    if (json_is_null(list))
        return 0;
    if (!json_is_array(list))
        return dd_fail(err, DD_ERR_DENIED, "its ONBUILD is no list");
    json_array_foreach(list, index, item) if (!json_is_string(item) ||
                                              dd_dockerfile_check_trigger(json_string_value(item),
                                                                          json_string_length(item), err) <
                                                  0) return dd_context(err, "its ONBUILD");
    return 0;
}

/* Wherever it stands, and however the name is written: the engine does not mind the case. */
static int check_value(const json_t *value, dd_error **err)
{
    void *place;
    const char *name;
    size_t index;
    json_t *member;

    if (json_is_array(value)) {
        json_array_foreach(value, index, member) if (check_value(member, err) < 0) return -1;
        return 0;
    }
    for (place = json_object_iter((json_t *)(uintptr_t)value); place;
         place = json_object_iter_next((json_t *)(uintptr_t)value, place)) {
        name = json_object_iter_key(place);
        member = json_object_iter_value(place);
        if ((strcasecmp(name, "OnBuild") == 0 ? check_list(member, err) : check_value(member, err)) < 0)
            return -1;
    }
    return 0;
}

int dd_image_check_triggers(const dd_engine_info *info, const char *id, dd_error **err)
{
    dd_auto(dd_buf) config = NULL;
    json_t *json;
    int ret;

    if (read_config(info->graph_root, id, &config, err) < 0)
        return -1;
    json = json_loadb(config->length ? config->data : "", config->length, JSON_REJECT_DUPLICATES, NULL);
    ret = json ? check_value(json, err) : dd_fail(err, DD_ERR_DENIED, "its configuration cannot be read");
    json_decref(json);
    return ret;
}
