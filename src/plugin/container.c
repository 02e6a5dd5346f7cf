/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/container.h"

const char *const container_pull_policies[] = {"IF_NOT_PRESENT", "ALWAYS", "NEVER", NULL};
const char *const container_file_strategies[] = {"MOUNT", "VOLUME", NULL};

const Field fields_container_credentials[] = {
    {"registry", FIELD_STRING, FIELD_DYNAMIC, .doc = "The registry; by default that of the image's name."},
    {"username", FIELD_STRING, FIELD_DYNAMIC, .doc = "User of the registry."},
    {"password", FIELD_STRING, FIELD_DYNAMIC, .doc = "The user's password."},
    {"registryToken", FIELD_STRING, FIELD_DYNAMIC, .doc = "Bearer token for the registry."},
    {"identityToken", FIELD_STRING, FIELD_DYNAMIC, .doc = "Token with which the registry gives access tokens."},
    {"auth", FIELD_STRING, FIELD_DYNAMIC, .doc = "Base64 of user:password."},
    {},
};

const Field fields_container_devices[] = {
    {"driver", FIELD_STRING, FIELD_DYNAMIC, .doc = "Name of the driver, as nvidia."},
    {"count", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "How many devices; -1: all."},
    {"deviceIds", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Which devices."},
    {"capabilities", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_ANY,
     .doc = "What the devices must be able to: a list of alternatives, each a list of words."},
    {"options", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Options of the driver."},
    {},
};

const Field fields_container_cpu[] = {
    {"cpus", FIELD_NUMBER, FIELD_DYNAMIC, .doc = "How many CPUs, as 1.5."},
    {},
};

const Field fields_container_memory[] = {
    {"memory", FIELD_STRING, FIELD_DYNAMIC, .doc = "Most memory, as 512MB."},
    {"memorySwap", FIELD_STRING, FIELD_DYNAMIC, .doc = "Most memory and swap together; -1: no limit."},
    {"memorySwappiness", FIELD_STRING, FIELD_DYNAMIC, .doc = "0 to 100: how readily pages are swapped out."},
    {"memoryReservation", FIELD_STRING, FIELD_DYNAMIC, .doc = "Memory that it is held to when the host lacks it."},
    {"kernelMemory", FIELD_STRING, FIELD_DYNAMIC, .doc = "Most memory of the kernel; engines of today ignore it."},
    {"oomKillDisable", FIELD_BOOLEAN, FIELD_DYNAMIC, .doc = "Let its processes wait in place of killing one."},
    {},
};

const Field fields_container_legacy[] = {
    {"image", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "The image."},
    CONTAINER_ENTRY_POINT_FIELD(NULL),
    CONTAINER_PULL_FIELD,
    CONTAINER_FIELDS,
    {},
};
