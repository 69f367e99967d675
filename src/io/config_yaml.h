/* config_yaml.h -- YAML as a flat list of keys ("train.replay.batch") with their values as text and the place each stands
 * at. What the keys mean, config.c knows. Nothing is converted: libyaml's marks and the characters as written are what
 * strict numbers and good messages need. */
#ifndef SH_IO_CONFIG_YAML_H
#define SH_IO_CONFIG_YAML_H

#include <stddef.h>

#include "base/status.h"

typedef enum { SH_YAML_SECTION, SH_YAML_NOTHING, SH_YAML_SCALAR, SH_YAML_LIST } sh_yaml_kind;

typedef struct {
    char *key, *place; /* place: "FILE:LINE" or "--set SETTING" */
    sh_yaml_kind kind;
    int n;             /* texts: 1 of a scalar, those of the list */
    char **text;
    bool *quoted;
} sh_yaml_value;

typedef struct {
    int n, capacity;
    sh_yaml_value *value;
} sh_yaml_values; /* all zero: empty */

/* Appends the keys of a document in their order, a section before what is in it. A key twice in it is an error. */
sh_status sh_yaml_read(const char *name, const char *text, size_t size, sh_yaml_values *out);
/* "key=value", the value as YAML. */
sh_status sh_yaml_read_setting(const char *setting, sh_yaml_values *out);
/* Moves the values of `from` behind those of `to`, but for those with a key among `without` (NULL at the end); `from` is empty
 * after. */
void sh_yaml_append(sh_yaml_values *to, sh_yaml_values *from, const char *const *without);
void sh_yaml_destroy(sh_yaml_values *values);

#endif
